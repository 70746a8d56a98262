"""What a run is at: told while it goes on, and kept for whoever asks with `stiltwalk status`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import rich.table
from pydantic import TypeAdapter, ValidationError
from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from stiltwalk.errors import NoSuchRun, WorkspaceError
from stiltwalk.execution.scheduler import Scheduler
from stiltwalk.store.workspace import Workspace
from stiltwalk.tables import terminal
from stiltwalk.tables.table import Cell, Table, heads
from stiltwalk.wording import duration, masked

FILE = "status.json"
_MOST_ROWS = 40
"""So that the table of a large cluster fits a screen."""
_PLAIN_EVERY_S = 60.0
"""A log of hours stays short."""
_WATCH_EVERY_S = 2.0
_STATES = ("done", "running", "ready", "waiting", "failed", "not begun")


class Board:
    """When the stages of a run began, how long they took, and what went wrong."""

    def __init__(self, run: str, order: Scheduler, notes: Sequence[str] = ()) -> None:
        """Follow the jobs of an order; `notes` are sentences about its kept stages."""
        self.faults: dict[str, str] = {}
        self._run, self._order, self._notes = run, order, notes
        self._began_unix_s = time.time()
        self._stage_began: dict[str, float] = {}
        self._took_s: dict[str, float] = {}

    def begin(self, name: str) -> None:
        """Note that a stage begins."""
        self._stage_began[name] = time.time()

    def finish(self, name: str, time_s: float) -> None:
        """Note what a stage took, for the estimate of the rest."""
        self._took_s[name] = time_s

    def fail(self, name: str, fault: str) -> None:
        """Note why a stage failed."""
        self.faults[name] = masked(fault)

    def document(self, seen: dict[str, Any]) -> dict[str, Any]:
        """Return the state of the run as JSON, with what the executor tells of itself."""
        order, now = self._order, time.time()
        estimated_s = sum(order.jobs[name].cost_s for name in self._took_s)
        pace = sum(self._took_s.values()) / estimated_s if estimated_s else 1.0
        left_s = pace * order.remaining_s(len(order.running))
        return {
            "run": self._run,
            "began_unix_s": self._began_unix_s,
            "updated_unix_s": now,
            "ends_about_unix_s": now + left_s,
            "stages": dict(order.counts),
            "notes": list(self._notes),
            "running": [
                self._line(name) | {"began_unix_s": self._stage_began[name]}
                for name in order.running
            ],
            "failed": [self._line(name) | {"fault": self.faults[name]} for name in self.faults],
            **seen,
        }

    @property
    def ending(self) -> Table:
        """What was carried out, by phase: stages in all, of these made now, and how long that took.

        Several may have run at a time, so that the sum can be longer than the run.
        """
        stages: dict[str, list[str]] = {}
        for name, job in self._order.jobs.items():
            stages.setdefault(job.stage.phase, []).append(name)
        rows = []
        for phase, names in stages.items():
            made = [self._took_s[name] for name in names if name in self._took_s]
            took = Cell(duration(sum(made)) if made else "", sum(made))
            numbers = [Cell(f"{number:,}", number) for number in (len(names), len(made))]
            rows.append((Cell(phase), *numbers, took))
        return Table(
            name="ending",
            title=f"{self._run}: what was carried out",
            note="",
            columns=heads("phase", "stages", "made now", "took"),
            rows=tuple(rows),
        )

    def _line(self, name: str) -> dict[str, Any]:
        return {"fingerprint": name, "does": self._order.jobs[name].stage.title}


@dataclass(frozen=True, kw_only=True)
class _StatusLine:
    """A stage that runs, with when it began, or that failed, with why."""

    fingerprint: str
    does: str
    began_unix_s: float = 0.0
    fault: str = ""


@dataclass(frozen=True, kw_only=True)
class _NodeLine:
    """A node of a cluster; `refused` says why none of its CPUs is used."""

    name: str
    refused: str = ""
    cpus: float = 0.0
    cpus_used: float = 0.0
    gpus: float = 0.0
    gpus_used: float = 0.0
    stages: tuple[str, ...] = ()

    @property
    def use(self) -> str:
        """What of it is used, for people."""
        if self.refused:
            return f"refused: {self.refused}"
        said = f"{self.cpus_used:.0f} of {self.cpus:.0f} CPUs"
        return said + (f", {self.gpus_used:.0f} of {self.gpus:.0f} GPUs" if self.gpus else "")


@dataclass(frozen=True, kw_only=True)
class _Status:
    """What is shown of the document that is kept of a run.

    `stages` counts them by state; `progress` says by fingerprint what is done, and of how much.
    """

    run: str
    stages: Mapping[str, int]
    running: tuple[_StatusLine, ...]
    failed: tuple[_StatusLine, ...]
    ends_about_unix_s: float = 0.0
    notes: tuple[str, ...] = ()
    progress: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    nodes: tuple[_NodeLine, ...] = ()
    dashboard: str = ""
    held_by: str = ""

    @property
    def num_left(self) -> int:
        """How many stages are neither done nor given up."""
        return sum(self.stages.get(state, 0) for state in ("running", "ready", "waiting"))

    def title(self, now: float) -> str:
        """Where the run is, in a line."""
        counts = self.stages
        said = ", ".join(f"{counts[state]} {state}" for state in _STATES if counts.get(state))
        if self.num_left:
            said += f"; about {duration(max(self.ends_about_unix_s - now, 0))} left"
        return f"{self.run}: {said}"

    def state(self, stage: _StatusLine, now: float) -> str:
        """For how long a stage has been running, where, how far it is and what is left."""
        since_s = max(now - stage.began_unix_s, 0)
        said = f"running for {duration(since_s)}"
        said += "".join(
            f" on {each.name}" for each in self.nodes if stage.fingerprint in each.stages
        )
        done, total = self.progress.get(stage.fingerprint, (0, 0))
        if done:
            left = duration(since_s * (total - done) / done)
            said += f", {done:,} of {total:,}, about {left} left"
        return said


_STATUS = TypeAdapter(_Status)


def keep_status(store: Workspace, document: dict[str, Any]) -> None:
    """Keep where a run is, for `read_status`."""
    store.keep_text(FILE, json.dumps(document, indent=1))


def read_status(store: Workspace) -> dict[str, Any]:
    """Return where the last run of a workspace is or was, and `held_by`, "" when none runs.

    Raises:
        NoSuchRun: if none was begun there.
        WorkspaceError: if what is kept of it is damaged.
    """
    text = store.kept_text(FILE)
    if not text:
        raise NoSuchRun(
            f"No run was begun in {store.place}. Give what was --workspace of `stiltwalk run`."
        )
    try:
        _STATUS.validate_json(text)
        document: dict[str, Any] = json.loads(text)
    except (ValidationError, ValueError, RecursionError) as error:
        raise WorkspaceError(
            f"{store.place}/{FILE} is not what a run wrote ({type(error).__name__}), so nobody can "
            "tell where that run is. Its stages are kept; the next run writes the file anew."
        ) from error
    return document | {"held_by": store.held_by()}


def last_faults(store: Workspace) -> dict[str, str]:
    """Return fingerprint → why of the stages that failed in a workspace's last run, if known."""
    try:
        failed = _STATUS.validate_json(store.kept_text(FILE)).failed
    except (ValidationError, RecursionError):
        return {}
    return {each.fingerprint: each.fault for each in failed}


def status_table(status: _Status, now: float) -> Table:
    """Return running and failed stages and the use of nodes."""
    rows = [(each.fingerprint, each.does, f"failed: {each.fault}") for each in status.failed]
    rows += [
        (each.fingerprint, each.does, status.state(each, now))
        for each in status.running[:_MOST_ROWS]
    ]
    rows += [("node", node.name, node.use) for node in status.nodes[:_MOST_ROWS]]
    return Table(
        name="status",
        title=status.title(now),
        note="",
        columns=heads("stage", "what it does", "state"),
        rows=tuple(tuple(map(Cell, row)) for row in rows),
    )


def print_status(document: dict[str, Any], console: Console) -> None:
    """Show where a run is, and whether anything goes on."""
    status = _STATUS.validate_python(document)
    terminal.show(status_table(status, time.time()), console)
    lines = [*status.notes]
    if status.dashboard:
        lines.append(f"Ray's dashboard: {status.dashboard}")
    if status.held_by:
        lines.append(f"Led by {status.held_by}.")
    elif status.num_left:
        lines.append("Nothing runs: run the recipe again to go on.")
    else:
        lines.append("The run is over.")
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def watch_status(read: Callable[[], dict[str, Any]], console: Console) -> None:
    """Show where a run is, again and again, as long as somebody leads it."""
    with Live(console=console, transient=True, auto_refresh=False) as live:
        while (document := read())["held_by"]:
            status = _STATUS.validate_python(document)
            live.update(terminal.render(status_table(status, time.time())), refresh=True)
            time.sleep(_WATCH_EVERY_S)


class _Speed(ProgressColumn):
    """How many of the stage's units are done in a second; blank until two moments are known."""

    def render(self, task: Task) -> Text:
        """Return the text beside the bar."""
        return Text("" if task.speed is None else f"{task.speed:,.0f}/s", justify="right")


class _Bars(Progress):
    """Bars below the table of a run whose stages several carry out."""

    table: rich.table.Table | None = None

    def get_renderables(self) -> Iterable[RenderableType]:
        """Yield what is on display."""
        if self.table is not None:
            yield self.table
        yield self.make_tasks_table(self.tasks)


class Narrator(AbstractContextManager["Narrator"]):
    """Tells what is going on; plain lines where the output is no terminal."""

    def __init__(self, console: Console) -> None:
        """Speak through `console`."""
        self._console = console
        self._bars = _Bars(
            TextColumn("  {task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            _Speed(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._bar: TaskID | None = None
        self._began_s = self._spoke_s = self._showed_s = time.monotonic()

    def __enter__(self) -> Narrator:
        """Show the bars."""
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bars away."""
        self._bars.stop()

    def line(self, text: str) -> None:
        """Say one line."""
        self._console.print(masked(text), highlight=False, markup=False, soft_wrap=True)

    def table(self, table: Table) -> None:
        """Say what a table holds."""
        terminal.show(table, self._console)

    def stage(self, text: str) -> None:
        """Say that a stage begins."""
        self.line(text)
        self._began_s = self._spoke_s = time.monotonic()

    def progress(self, done: int, total: int) -> None:
        """Move the bar of the running stage."""
        if self._console.is_terminal:
            if self._bar is None:
                self._bar = self._bars.add_task("working", total=total)
            self._bars.update(self._bar, completed=done, total=total)
            return
        now = time.monotonic()
        if now - self._spoke_s < _PLAIN_EVERY_S or not done:
            return
        self._spoke_s = now
        rate = done / (now - self._began_s)
        left_s = (total - done) / rate
        self.line(f"  {done:,} of {total:,}, {rate:,.0f} a second, about {left_s:,.0f} s left")

    def show(self, document: dict[str, Any]) -> None:
        """Show where a run is that more than this process carries out."""
        if not document.keys() & {"nodes", "progress"}:
            return
        status, now = _STATUS.validate_python(document), time.time()
        if self._console.is_terminal:
            self._bars.table = terminal.render(status_table(status, now))
        elif time.monotonic() - self._showed_s > _PLAIN_EVERY_S:
            self._showed_s = time.monotonic()  # others may begin every second meanwhile
            for each in status.running:
                self.line(f"  {each.fingerprint} {status.state(each, now)}")
            self.line(f"  {status.title(now)}")

    def end(self, text: str) -> None:
        """Say that the running stage is over."""
        if self._bar is not None:
            self._bars.remove_task(self._bar)
            self._bar = None
        self.line(text)
