"""A recipe's way from its file to finished stages: read, plan, run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from stiltwalk.errors import ClusterError, RecipeError
from stiltwalk.execution.executors.local import Executor, InProcess, context_of
from stiltwalk.execution.plan_view import record_of, shape_of
from stiltwalk.execution.progress import Narrator
from stiltwalk.execution.scheduler import Scheduler, jobs_of
from stiltwalk.execution.versions import made_otherwise, said_here, with_children
from stiltwalk.features.sentences import label_ids
from stiltwalk.features.text import load_text_encoder
from stiltwalk.models.locate import ModelFolder, locate
from stiltwalk.recipe.load import read_recipe
from stiltwalk.recipe.schema import Recipe
from stiltwalk.stages.encoder import Base
from stiltwalk.stages.graph import Plan, build_plan
from stiltwalk.stages.stage import Stage
from stiltwalk.store.machine import measured_on
from stiltwalk.store.manifest import is_current, keep_record, page_of
from stiltwalk.store.processes import leads, num_processes
from stiltwalk.store.remote import workspace_at
from stiltwalk.store.workspace import Workspace
from stiltwalk.tasks.load import forget_rows
from stiltwalk.tasks.sources import revision

LOCAL, RAY = "local", "ray"


@dataclass(frozen=True)
class Finished:
    """What carrying out a recipe came to.

    Args:
        name: the run's.
        page: where its report is, or will be.
        needs_report: whether a stage or the run's record is new, or there is no report yet.
    """

    name: str
    page: Path
    needs_report: bool


def run_study(
    file: Path,
    workspace: str | Path,
    console: Console,
    changes: Sequence[str] = (),
    executor: str = LOCAL,
    *,
    fresh_versions: bool = False,
) -> Finished:
    """Carry out a recipe; what the workspace holds already is kept.

    Of several processes that were started together, the first does so and the others help.

    Args:
        file: the recipe.
        workspace: the folder or URL where stages are kept.
        console: where progress goes.
        changes: `--set` changes, such as `data.test_rows=50`.
        executor: this process ("local"), or a Ray cluster ("ray", "ray://HEAD:PORT").
        fresh_versions: make kept stages again that other versions made, with what rests on them.

    Raises:
        StiltwalkError: see the tree in `stiltwalk.errors`.
    """
    _check_executor(executor)
    forget_rows()
    recipe = read_recipe(file, changes)
    store = workspace_at(workspace)
    if not leads():
        _help_out()
        return Finished(recipe.name, page_of(store, recipe.name), needs_report=False)
    with store.lock():
        found = locate(recipe.model, fetch=True)
        assert found.folder is not None, "it has been fetched"
        plan = _planned(recipe, found)
        is_new = keep_record(store, record_of(plan, _recipe_text(file, changes)))
        jobs = list(jobs_of(plan, shape_of(recipe, found)))
        kept = store.complete([job.name for job in jobs])
        otherwise = made_otherwise([job.stage for job in jobs if job.name in kept], store)
        if fresh_versions:
            kept -= _forget(otherwise, plan, store)
            otherwise = {}
        notes = said_here(otherwise)
        for note in notes:
            console.print(note, highlight=False, markup=False, soft_wrap=True)
        order = Scheduler(jobs, kept, longest_first=executor != LOCAL)
        has_work = not order.is_over
        if has_work:
            factory = _ExecutorFactory(executor, recipe, store, found.folder)
            _run(order, factory, console, notes)
    if num_processes() > 1:
        _dismiss_helpers()
    page = page_of(store, recipe.name)
    needs_report = has_work or is_new or not is_current(store, recipe.name)
    return Finished(recipe.name, page, needs_report)


def _planned(recipe: Recipe, found: ModelFolder) -> Plan:
    """Return what a recipe asks for, label words checked."""
    plan = build_plan(
        recipe,
        base=Base(name=found.name, revision=found.revision),
        revision=lambda task, splits: revision(task, recipe.data.where, splits),
        measured_on=measured_on(),
    )
    if found.folder:
        _check_words(plan, found.folder)
    return plan


def _forget(otherwise: Iterable[Stage], plan: Plan, store: Workspace) -> set[str]:
    """Remove stages with all that rest on them, children first; return their fingerprints."""
    stages = with_children(otherwise, plan.stages)
    for stage in reversed(stages):
        store.forget(stage)
    return {stage.fingerprint for stage in stages}


def _check_executor(name: str) -> None:
    if name not in (LOCAL, RAY) and not name.startswith(f"{RAY}://"):
        raise RecipeError(
            f"--executor is {name!r}. There is: {LOCAL}, {RAY} and {RAY}://HEAD:PORT."
        )


def _check_words(plan: Plan, base: Path) -> None:
    """Refuse label words that the base's vocabulary cannot spell, before any work is done."""
    for cloze in {cloze for stage in plan.stages for cloze in stage.clozes}:
        label_ids(cloze, load_text_encoder(base))


@dataclass(frozen=True)
class _ExecutorFactory:
    """Who carries the stages of a recipe out, and where."""

    executor: str
    recipe: Recipe
    store: Workspace
    base_folder: Path

    @contextmanager
    def started(self, narrator: Narrator) -> Iterator[Executor]:
        """Give what carries stages out; only now are torch, or Ray, and transformers needed."""
        from stiltwalk.execution.runner import perform  # noqa: PLC0415

        if self.executor == LOCAL:
            context = context_of(self.recipe, self.store, self.base_folder, narrator.progress)
            yield InProcess(lambda stage: perform(stage, context))
            return
        try:
            from stiltwalk.execution.executors.ray import RayExecutor  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise ClusterError(
                f"--executor {self.executor} needs Ray, which is not installed here: pip install "
                "'stiltwalk[ray]'."
            ) from error
        from stiltwalk.execution.executors.worker import Worker  # noqa: PLC0415

        worker = Worker(self.recipe, self.store.address)
        with RayExecutor(self.executor, worker, narrator.line) as cluster:
            yield cluster


def _run(
    order: Scheduler, factory: _ExecutorFactory, console: Console, notes: Sequence[str]
) -> None:
    """Carry out what is missing."""
    from stiltwalk.execution.runner import run  # noqa: PLC0415

    with Narrator(console) as narrator, factory.started(narrator) as executor:
        run(factory.recipe.name, order, executor, factory.store, narrator, notes)


def _help_out() -> None:
    """Train with the first of several processes; see `pipeline.team`."""
    from stiltwalk.execution.runner import help_out  # noqa: PLC0415

    help_out()


def _dismiss_helpers() -> None:
    from stiltwalk.stages.train_run import dismiss_helpers  # noqa: PLC0415

    dismiss_helpers()


def _recipe_text(file: Path, changes: Sequence[str]) -> str:
    text = file.read_text(encoding="utf-8-sig")
    return text + "".join(f"# --set {change}\n" for change in changes)
