"""A recipe's way from its file to finished stages: read, plan, run what is missing."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from stiltwalk.data.hub import RemoteFile, remote_files
from stiltwalk.data.source import MINI
from stiltwalk.errors import RecipeError, StagesFailed, StiltwalkError, TrainingDiverged
from stiltwalk.execution.cells import next_part
from stiltwalk.execution.executors import (
    LOCAL,
    Assignment,
    Ended,
    Executor,
    check_executor,
    started,
)
from stiltwalk.execution.plan_view import planned, record_of, shape_of, warnings_of
from stiltwalk.execution.progress import Board, Narrator, keep_status
from stiltwalk.execution.provenance import made_otherwise, said_here, with_children
from stiltwalk.execution.scheduler import Job, Scheduler, fitting_jobs, jobs_of
from stiltwalk.models.locate import ModelFolder
from stiltwalk.recipe.load import Source, read_recipe, recipe_text
from stiltwalk.recipe.schema import Recipe
from stiltwalk.stages.graph import Plan
from stiltwalk.stages.stage import Stage
from stiltwalk.store.machine import leads, num_processes
from stiltwalk.store.manifest import is_current, keep_record, page_of
from stiltwalk.store.remote import workspace_at
from stiltwalk.store.workspace import Folder, Workspace
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import forget_rows
from stiltwalk.tasks.sources import wanted_splits

_STATUS_EVERY_S = 0.5


@dataclass(frozen=True)
class Finished:
    """The result of carrying out a recipe.

    Args:
        name: the run's.
        page: where its report is, or will be.
        needs_report: whether a stage or the run's record is new, or there is no report yet.
    """

    name: str
    page: Path
    needs_report: bool


def run_study(  # noqa: PLR0913 - what `stiltwalk.run` takes
    file: Source,
    workspace: str | Path,
    console: Console,
    changes: Sequence[str] = (),
    executor: str = LOCAL,
    *,
    fresh_versions: bool = False,
    num_next: int | None = None,
) -> Finished:
    """Carry out a recipe, but for its report; see `stiltwalk.run` for the arguments.

    Of several processes that were started together, the first does so and the others help.

    Raises:
        StiltwalkError: see the tree in `stiltwalk.errors`.
    """
    check_executor(executor)
    forget_rows()
    recipe = read_recipe(file, changes)
    store = workspace_at(workspace)
    page = page_of(store, recipe.name)
    if not leads():
        _help_out()
        return Finished(recipe.name, page, needs_report=False)
    with store.lock(), Narrator(console) as narrator:
        plan, found = planned(recipe, fetch=True)
        is_new = keep_record(store, record_of(plan, run_text(file, changes)))
        for warning in warnings_of(plan, found):
            narrator.line(warning)
        if num_next is not None:
            plan, says = next_part(plan, store, shape_of(recipe, found), num_next)
            for line in says:
                narrator.line(line)
        did = run_plan(plan, found, store, narrator, executor, fresh_versions=fresh_versions)
    if num_processes() > 1:
        _dismiss_helpers()
    needs_report = did or is_new or not is_current(store, recipe.name)
    return Finished(recipe.name, page, needs_report)


def run_plan(
    plan: Plan,
    found: ModelFolder,
    store: Workspace,
    narrator: Narrator,
    executor: str = LOCAL,
    *,
    fresh_versions: bool = False,
) -> bool:
    """Run what a locked workspace lacks of a plan; tell whether that was anything."""
    assignment = Assignment(
        recipe=plan.recipe,
        store=store,
        base_folder=found.folder,
        progress=narrator.progress,
        say=narrator.line,
    )
    jobs = list(jobs_of(plan, shape_of(plan.recipe, found)))
    kept, notes = _kept(jobs, plan, assignment, fresh_versions=fresh_versions)
    narrator.line(f"{plan.recipe.name}: {len(kept)} of {len(jobs)} stages are there")
    if to_do := [job for job in jobs if job.name not in kept]:
        assignment = replace(assignment, num_jobs=fitting_jobs(to_do))
        with started(executor, assignment) as carrying:
            order = Scheduler(jobs, kept, longest_first=carrying.is_parallel)
            run(plan.recipe.name, order, carrying, store, narrator, notes)
    return bool(to_do)


def _kept(
    jobs: Sequence[Job], plan: Plan, assignment: Assignment, *, fresh_versions: bool
) -> tuple[set[str], list[str]]:
    """Return what need not run, and sentences about what other versions made of it."""
    kept = assignment.store.complete([job.name for job in jobs])
    for job in jobs:
        if job.name in kept and job.stage.wants_again(assignment.store):
            assignment.store.forget(job.stage)
            kept.remove(job.name)
    otherwise = made_otherwise([job.stage for job in jobs if job.name in kept], assignment.store)
    if fresh_versions:
        return kept - _forget(otherwise, plan, assignment.store), []
    notes = said_here(otherwise)
    for note in notes:
        assignment.say(note)
    return kept, notes


def _forget(otherwise: Iterable[Stage], plan: Plan, store: Workspace) -> set[str]:
    """Remove stages with all that rest on them, children first; return their fingerprints."""
    stages = with_children(otherwise, plan.stages)
    for stage in reversed(stages):
        store.forget(stage)
    return {stage.fingerprint for stage in stages}


def _help_out() -> None:
    """Train what the first of several processes trains, until it lets this one go."""
    from accelerate.state import PartialState

    from stiltwalk.stages.train_run import next_job

    while job := next_job():
        stage, context = job
        try:
            stage.run(context, Folder(context.workspace.folder(stage), stage))
        except TrainingDiverged:
            return  # the first process says so
    PartialState().destroy_process_group()


def _dismiss_helpers() -> None:
    from stiltwalk.stages.train_run import dismiss_helpers

    dismiss_helpers()


def run_text(file: Source, changes: Sequence[str]) -> str:
    """Return a recipe as it was given, and how it was changed."""
    return recipe_text(file) + "".join(f"# --set {change}\n" for change in changes)


def run(
    name: str,
    order: Scheduler,
    executor: Executor,
    store: Workspace,
    narrator: Narrator,
    notes: Sequence[str] = (),
) -> None:
    """Carry out every stage that is not done yet.

    Args:
        name: the run's.
        order: its stages, those done that the workspace holds.
        executor: carries them out.
        store: where they are kept.
        narrator: told about every stage.
        notes: what `stiltwalk status` says of kept stages.

    Raises:
        StagesFailed: if some failed while the others went on.
        StiltwalkError: what ended the run, with the stage and the way on in its notes.
    """
    running = _Run(Board(name, order, notes), order, store, narrator)
    for job, state in order.state.items():
        if state == "done":
            running.say(job, "kept    ")
    try:
        running.go(executor)
    except BaseException as error:
        error.add_note(running.way_on())
        with suppress(StiltwalkError, OSError):  # the error matters more than how it is shown
            running.tell(executor)
        raise
    running.tell(executor)
    running.end()


class _Run:
    """A run on its way."""

    def __init__(
        self, board: Board, order: Scheduler, store: Workspace, narrator: Narrator
    ) -> None:
        self._board, self._order, self._store, self._narrator = board, order, store, narrator
        in_all = len(order.jobs)
        self._place = {job: f"[{n}/{in_all}] {job}" for n, job in enumerate(order.jobs, start=1)}
        self._told_s = 0.0

    def go(self, executor: Executor) -> None:
        """Begin what can, take in what ended, until nothing is left that can run."""
        while not self._order.is_over:
            self._store.require_lock()
            while job := self._order.next(executor.has_room):
                self._board.begin(job.name)
                self._narrator.stage(self._line(job.name, "running "))
                executor.start(job)
            now = time.monotonic()
            if not executor.is_parallel or now - self._told_s > _STATUS_EVERY_S:
                self.tell(executor)
                self._told_s = now
            if ended := executor.wait():
                self._take(ended)

    def _take(self, ended: Ended) -> None:
        """Note how a stage ended, and what comes of that for others."""
        if not ended.fault:
            self._order.finish(ended.name)
            self._board.finish(ended.name, ended.time_s)
            self._narrator.end(f"{self._place[ended.name]} done     in {ended.time_s:.1f} s")
        elif ended.was_lost and self._order.lose(ended.name):
            self.say(ended.name, "lost    ", f". {ended.fault} It begins again.")
        else:
            self._board.fail(ended.name, ended.fault)
            self.say(ended.name, "failed  ", f". {ended.fault}")
            for child in self._order.fail(ended.name):
                self.say(child, "not begun", f", which rests on {ended.name}")

    def tell(self, executor: Executor) -> None:
        """Keep and show where the run is."""
        document = self._board.document(executor.seen())
        keep_status(self._store, document)
        self._narrator.show(document)

    def say(self, name: str, state: str, more: str = "") -> None:
        """Say a line about a stage."""
        self._narrator.line(self._line(name, state) + more)

    def _line(self, name: str, state: str) -> str:
        return f"{self._place[name]} {state} {self._order.jobs[name].stage.title}"

    def way_on(self) -> str:
        """Say where the run was, and how it goes on."""
        kept = "Finished stages are kept; run the same command again to go on."
        running = list(self._order.running)
        if len(running) != 1:
            return f"{len(running)} stages were running. {kept}"
        number = list(self._order.jobs).index(running[0]) + 1
        does = self._order.jobs[running[0]].stage.title
        return f"This was stage {number} of {len(self._order.jobs)}: {does}. {kept}"

    def end(self) -> None:
        """Show what was carried out; raise `StagesFailed` with a list if something is not done."""
        self._narrator.table(self._board.ending)
        if not self._board.faults:
            return
        counts = self._order.counts
        error = StagesFailed(
            f"{counts['failed']} stages failed, and {counts['not begun']} that rest on them were "
            "not begun; the others are done and kept, and `stiltwalk report` shows them. Mend what "
            "is said below and run the same command again."
        )
        for name, fault in self._board.faults.items():
            error.add_note(f"{self._place[name]} {self._order.jobs[name].stage.title}: {fault}")
        raise error


def mirror_files(recipe: Recipe) -> list[RemoteFile]:
    """Return the files on the hub that a recipe's tasks are read from, with their sizes.

    Raises:
        RecipeError: if the recipe's rows are those of the embedded benchmark.
        DataError: if the hub cannot be asked.
    """
    if recipe.data.source == MINI:
        raise RecipeError(
            'There is nothing to fetch: data.source is "mini", which is part of the package. Use '
            "`--set data.source=hub` to fetch the real data of the same tasks."
        )
    names = dict.fromkeys(
        name
        for named in (*(arm.tasks for arm in recipe.arms.values()), recipe.targets)
        for task in named
        for name in (task, *TASKS[task].train_tasks)
    )
    return remote_files(
        wanted_splits([TASKS[name] for name in names], recipe.languages, ask_hub=True)
    )
