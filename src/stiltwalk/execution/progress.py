"""Progress a person can follow: a line per stage, and a bar inside the long ones."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from rich.console import Console, RenderableType
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
from rich.table import Table
from rich.text import Text

from stiltwalk.execution.status import status_table

_PLAIN_EVERY_S = 20.0


class _Speed(ProgressColumn):
    """How many of the stage's units are done in a second; blank until two moments are known."""

    def render(self, task: Task) -> Text:
        """Return the text beside the bar."""
        return Text("" if task.speed is None else f"{task.speed:,.0f}/s", justify="right")


class _Bars(Progress):
    """Bars below the table of a run whose stages several carry out."""

    table: Table | None = None

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
        self._began_s = self._spoke_s = time.monotonic()

    def __enter__(self) -> Narrator:
        """Show the bars."""
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the bars away."""
        self._bars.stop()

    def line(self, text: str) -> None:
        """Say one line."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def stage(self, place: str, what: str) -> None:
        """Say that a stage begins."""
        self.line(f"{place} {what}")
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
        """Show where a run is that more than this process carries out, if this is a terminal."""
        if self._console.is_terminal and "nodes" in document:
            self._bars.table = status_table(document, time.time())

    def end(self, text: str) -> None:
        """Say that the running stage is over."""
        if self._bar is not None:
            self._bars.remove_task(self._bar)
            self._bar = None
        self.line(text)
