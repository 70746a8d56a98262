"""Run a plan from its first stages to its last, skipping what the workspace holds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from accelerate.state import PartialState

from stiltwalk.errors import StagesFailed, StiltwalkError, TrainingDiverged
from stiltwalk.execution.executors.local import Ended, Executor
from stiltwalk.execution.progress import Narrator
from stiltwalk.execution.scheduler import Scheduler
from stiltwalk.execution.status import Board, keep_status
from stiltwalk.stages.context import Context
from stiltwalk.stages.stage import Stage
from stiltwalk.stages.train_run import next_job
from stiltwalk.store.workspace import Folder, Workspace

_STATUS_EVERY_S = 0.5


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
    walk = _Progression(Board(name, order, notes), order, store, narrator)
    for job, state in order.state.items():
        if state == "done":
            walk.say(job, "kept    ")
    try:
        walk.go(executor)
    except BaseException as error:
        error.add_note(walk.way_on())
        with suppress(StiltwalkError, OSError):  # the error matters more than how it is shown
            walk.tell(executor)
        raise
    walk.tell(executor)
    walk.require_all_done()


class _Progression:
    """A run on its way."""

    def __init__(
        self, board: Board, order: Scheduler, store: Workspace, narrator: Narrator
    ) -> None:
        self._order, self._store, self._narrator = order, store, narrator
        self._board = board
        in_all = len(order.jobs)
        self._place = {job: f"[{n}/{in_all}] {job}" for n, job in enumerate(order.jobs, start=1)}
        self._told_s = 0.0

    def go(self, executor: Executor) -> None:
        """Begin what can, take in what ended, until nothing is left that can run."""
        while not self._order.is_over:
            self._store.require_lock()
            while job := self._order.next(executor.has_room):
                self._board.begin(job.name)
                self._narrator.stage(*self._said(job.name, "running "))
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
        place, said = self._said(name, state)
        self._narrator.line(f"{place} {said}{more}")

    def _said(self, name: str, state: str) -> tuple[str, str]:
        return self._place[name], f"{state} {self._order.jobs[name].stage.title}"

    def way_on(self) -> str:
        """Say where the run was, and how it goes on."""
        kept = "Finished stages are kept; run the same command again to go on."
        running = list(self._order.running)
        if len(running) != 1:
            return f"{len(running)} stages were running. {kept}"
        number = list(self._order.jobs).index(running[0]) + 1
        does = self._order.jobs[running[0]].stage.title
        return f"This was stage {number} of {len(self._order.jobs)}: {does}. {kept}"

    def require_all_done(self) -> None:
        """Raise `StagesFailed` with a list if something is not done."""
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


def perform(stage: Stage, context: Context) -> None:
    """Carry out a stage in a folder of its own, and mark it complete."""
    with context.workspace.writing(stage, context.provenance) as folder:
        told = replace(context, progress=folder.spent.along(context.progress))
        stage.run(told, folder)


def help_out() -> None:
    """Train what the first of several processes trains, until it lets this one go."""
    while job := next_job():
        stage, context = job
        try:
            stage.run(context, Folder(context.workspace.folder(stage), stage))
        except TrainingDiverged:
            return  # the first process says so
    PartialState().destroy_process_group()
