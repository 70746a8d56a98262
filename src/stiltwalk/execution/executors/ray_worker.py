"""What a worker of a cluster does to carry out a stage, wherever it runs."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from stiltwalk.data.source import DataSource
from stiltwalk.errors import DataError, ModelError
from stiltwalk.execution.executors.local import context_of
from stiltwalk.models.locate import locate
from stiltwalk.recipe.schema import ModelSettings, Recipe
from stiltwalk.stages.stage import Base, Stage, StageRows, parents, rows_of
from stiltwalk.store.remote import workspace_at
from stiltwalk.tasks import TASKS, declare
from stiltwalk.tasks.sources import LEARNED, revision


@dataclass(frozen=True)
class RayWorker:
    """Carries out stages of a recipe; sent to workers, which find model and data themselves.

    Args:
        recipe: the stages'.
        place: the workspace's folder or URL.
    """

    recipe: Recipe
    place: str

    def __call__(self, stage: Stage) -> None:
        """Carry out a stage, unless somebody did so meanwhile.

        Raises:
            ModelError, DataError: if model or data here are not those of the plan.
            StiltwalkError: what went wrong in the stage.
        """
        from stiltwalk.execution.runner import perform  # noqa: PLC0415 - torch, in workers alone

        declare(own.task() for own in self.recipe.tasks)
        base_folder = _base_folder(self.recipe.model, _base_of(stage))
        for rows in rows_of(stage):
            if isinstance(rows, StageRows):
                _check_rows(rows, self.recipe.data.where)
        store = workspace_at(self.place)
        context = context_of(self.recipe, store, base_folder, _untold)
        with store.claimed(stage):
            if not store.has(stage):
                perform(stage, context)


@cache
def _base_folder(settings: ModelSettings, planned: Base | None) -> Path | None:
    """Return where the base encoder's files are on this node."""
    if planned is None or settings.name is None:
        return None
    found = locate(settings, fetch=True)
    if found.revision != planned.revision:
        raise ModelError(
            f"On {socket.gethostname()} the base encoder {settings.name} is {found.revision}, in "
            f"the plan {planned.revision}. Put the same files there."
        )
    return found.folder


@cache
def _check_rows(rows: StageRows, where: DataSource) -> None:
    """Refuse other rows than the plan's; a stage must not depend on where it runs."""
    task = TASKS[rows.task].chosen_on(rows.dev)
    found = revision(task, where, LEARNED if rows.dev else task.asked_splits)
    if found != rows.revision:
        raise DataError(
            f"On {socket.gethostname()} the rows of {rows.task} in {where.source} are {found}, in "
            f"the plan {rows.revision}. Put the same files there."
        )


def _base_of(stage: Stage) -> Base | None:
    """Return the base encoder that a stage rests on, None where it is made or none is needed."""
    if isinstance(stage, Base):
        return stage
    found = (_base_of(parent) for parent in parents(stage))
    return next((base for base in found if base is not None), None)


def _untold(_done: int, _total: int) -> None:
    """Stand for progress inside a stage, which nobody follows from here."""
