"""What a worker does to carry out a stage: on a node of a cluster, or in a process of its own."""

from __future__ import annotations

import socket
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from stiltwalk.data.source import DataSource
from stiltwalk.errors import DataError, ModelError, StiltwalkError
from stiltwalk.execution.executors import Assignment
from stiltwalk.models.locate import locate
from stiltwalk.recipe.schema import ModelSettings, Recipe
from stiltwalk.stages.context import Context
from stiltwalk.stages.rows import InputData
from stiltwalk.stages.stage import Stage
from stiltwalk.store.machine import backends
from stiltwalk.store.remote import workspace_at
from stiltwalk.tasks import declare

Progress = Callable[[int, int], None]


def context_of(assignment: Assignment) -> Context:
    """Return what stages are handed in this process.

    Raises:
        RecipeError: if the recipe asks for what this machine cannot do.
    """
    from stiltwalk.execution.provenance import provenance
    from stiltwalk.inference.backends import backend_named
    from stiltwalk.inference.engines import require_engine
    from stiltwalk.models.device import require_device
    from stiltwalk.training.tracking import require_trackers

    recipe = assignment.recipe
    require_device(recipe.precision)
    require_trackers(recipe.trackers)
    require_engine(recipe.engine)
    backend = {}
    if recipe.model.backend != "transformers":
        backend_named(recipe.model.backend).require()
        backend = {} if recipe.model.backend == "endpoint" else backends()
    return Context(
        workspace=assignment.store,
        data=recipe.data.where,
        base_folder=assignment.base_folder,
        num_threads=recipe.num_threads,
        resume_every_s=recipe.resume_every_s,
        trackers=recipe.trackers,
        provenance=provenance() | backend,
        progress=assignment.progress,
    )


def perform(stage: Stage, context: Context) -> None:
    """Carry out a stage in a folder of its own, and mark it complete."""
    with context.workspace.writing(stage, context.provenance) as folder:
        told = replace(context, progress=folder.spent.along(context.progress))
        stage.run(told, folder)


@dataclass(frozen=True)
class Worker:
    """Carries out stages of a recipe; sent to workers, which find model and data themselves.

    Args:
        recipe: the stages'.
        place: the workspace's folder or URL.
    """

    recipe: Recipe
    place: str

    def __call__(self, stage: Stage, progress: Progress) -> None:
        """Carry out a stage, unless somebody did so meanwhile.

        Raises:
            ModelError, DataError: if model or data here are not those of the plan.
            StiltwalkError: what went wrong in the stage.
        """
        declare((own.task() for own in self.recipe.tasks), self.recipe.benchmark)
        base_folder = _base_folder(self.recipe.model, stage.base_revision)
        for rows in stage.reads:
            _check_rows(rows, self.recipe.data.where)
        assignment = Assignment(
            recipe=self.recipe,
            store=workspace_at(self.place),
            base_folder=base_folder,
            progress=progress,
            say=print,
        )
        context = context_of(assignment)
        with assignment.store.claimed(stage):
            if not assignment.store.has(stage):
                perform(stage, context)


@cache
def _base_folder(settings: ModelSettings, planned: str) -> Path | None:
    """Return where the base encoder's files are on this node."""
    if not planned:
        return None
    found = locate(settings, fetch=True)
    if found.revision != planned:
        raise ModelError(
            f"On {socket.gethostname()} the base encoder {settings.name} is {found.revision}, in "
            f"the plan {planned}. Put the same files there."
        )
    return found.folder


@cache
def _check_rows(rows: InputData, where: DataSource) -> None:
    """Refuse other rows than the plan's; a stage must not depend on where it runs."""
    found = rows.revision_in(where)
    if found != rows.revision:
        raise DataError(
            f"On {socket.gethostname()} {rows.title} in {where.source} is {found}, in "
            f"the plan {rows.revision}. Put the same files there."
        )


def run_stage(
    work: Callable[[Stage, Progress], None], stage: Stage, progress: Progress = lambda *_: None
) -> str:
    """Run a stage away from the scheduler; return what went wrong, "" if nothing did."""
    try:
        work(stage, progress)
    except StiltwalkError as error:
        return " ".join([str(error), *getattr(error, "__notes__", ())])
    except Exception as error:
        traceback.print_exc()  # whoever started the worker keeps what it prints
        return said_of(error)
    return ""


def said_of(error: BaseException) -> str:
    """Return an error of ours, not of the user's, with the place where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {first_line(error)}{where}"


def first_line(error: BaseException) -> str:
    """Return what an error says in its first line."""
    return str(error).strip().partition("\n")[0]
