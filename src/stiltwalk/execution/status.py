"""What a run is at, written by the process that leads it and read by whoever asks."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stiltwalk.errors import NoSuchRun
from stiltwalk.execution.plan_view import duration
from stiltwalk.execution.scheduler import Scheduler
from stiltwalk.store.workspace import Workspace

FILE = "status.json"
_MOST_ROWS = 40
"""So that the table of a large cluster fits a screen."""


class Board:
    """When the stages of a run began, how long they took, and what went wrong."""

    def __init__(self, run: str, order: Scheduler, notes: Sequence[str] = ()) -> None:
        """Follow the jobs of an order; `notes` are sentences about its kept stages."""
        self.faults: dict[str, str] = {}
        self._run, self._order, self._notes = run, order, notes
        self._began_unix_s = time.time()
        self._stage_began: dict[str, float] = {}
        self._took_s = self._estimated_s = 0.0

    def begin(self, name: str) -> None:
        """Note that a stage begins."""
        self._stage_began[name] = time.time()

    def finish(self, name: str, time_s: float) -> None:
        """Note what a stage took, for the estimate of the rest."""
        self._took_s += time_s
        self._estimated_s += self._order.jobs[name].cost_s

    def fail(self, name: str, fault: str) -> None:
        """Note why a stage failed."""
        self.faults[name] = fault

    def document(self, seen: dict[str, Any]) -> dict[str, Any]:
        """Return the state of the run as JSON.

        Args:
            seen: what the executor tells of itself.
        """
        order, now = self._order, time.time()
        pace = self._took_s / self._estimated_s if self._estimated_s else 1.0
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

    def _line(self, name: str) -> dict[str, Any]:
        return {"fingerprint": name, "does": self._order.jobs[name].stage.title}


def keep_status(store: Workspace, document: dict[str, Any]) -> None:
    """Keep where a run is, for `read_status`."""
    store.keep_text(FILE, json.dumps(document, indent=1))


def read_status(store: Workspace) -> dict[str, Any]:
    """Return where the last run of a workspace is or was, and `held_by`, None when none runs.

    Raises:
        NoSuchRun: if none was begun there.
    """
    text = store.kept_text(FILE)
    if not text:
        raise NoSuchRun(
            f"No run was begun in {store.place}. Give what was --workspace of `stiltwalk run`."
        )
    document: dict[str, Any] = json.loads(text)
    return document | {"held_by": store.held_by()}


def last_faults(store: Workspace) -> dict[str, str]:
    """Return fingerprint → why of the stages that failed in a workspace's last run."""
    text = store.kept_text(FILE)
    failed = json.loads(text)["failed"] if text else ()
    return {each["fingerprint"]: each["fault"] for each in failed}


def status_table(document: dict[str, Any], now: float) -> Table:
    """Return running and failed stages and the use of nodes as one table for people."""
    table = Table(title=_title(document, now), title_justify="left", box=None, expand=True)
    table.add_column("stage")
    table.add_column("what it does", overflow="fold")
    table.add_column("state", overflow="fold")
    for stage in document["failed"]:
        _add(table, stage["fingerprint"], stage["does"], f"failed: {stage['fault']}")
    where = {name: node["name"] for node in _nodes(document) for name in node.get("stages", ())}
    for stage in document["running"][:_MOST_ROWS]:
        place = f" on {where[stage['fingerprint']]}" if stage["fingerprint"] in where else ""
        since = duration(max(now - stage["began_unix_s"], 0))
        _add(table, stage["fingerprint"], stage["does"], f"running for {since}{place}")
    for node in _nodes(document)[:_MOST_ROWS]:
        _add(table, "node", node["name"], _use(node))
    if document.get("dashboard"):
        table.caption = f"Ray's dashboard: {document['dashboard']}"
        table.caption_justify = "left"
    return table


def print_status(document: dict[str, Any], console: Console) -> None:
    """Show where a run is, and whether anything goes on."""
    console.print(status_table(document, time.time()), highlight=False)
    for note in document.get("notes", ()):
        console.print(note, highlight=False, markup=False, soft_wrap=True)
    held = document["held_by"]
    says = f"Led by {held}." if held else "Nothing runs: run the recipe again to go on."
    if not held and not _left(document["stages"]):
        says = "The run is over."
    console.print(says, highlight=False, markup=False, soft_wrap=True)


def _add(table: Table, *cells: str) -> None:
    """Add a row of plain text, whatever brackets are in it."""
    table.add_row(*map(Text, cells))


def _title(document: dict[str, Any], now: float) -> str:
    counts = document["stages"]
    said = ", ".join(f"{counts[state]} {state}" for state in _STATES if counts.get(state))
    if _left(counts):
        said += f"; about {duration(max(document['ends_about_unix_s'] - now, 0))} left"
    return f"{document['run']}: {said}"


_STATES = ("done", "running", "ready", "waiting", "failed", "not begun")


def _left(counts: dict[str, int]) -> int:
    return sum(counts.get(state, 0) for state in ("running", "ready", "waiting"))


def _nodes(document: dict[str, Any]) -> Sequence[dict[str, Any]]:
    nodes: Sequence[dict[str, Any]] = document.get("nodes", ())
    return nodes


def _use(node: dict[str, Any]) -> str:
    if node["refused"]:
        return f"refused: {node['refused']}"
    said = f"{node['cpus_used']:.0f} of {node['cpus']:.0f} CPUs"
    return said + (f", {node['gpus_used']:.0f} of {node['gpus']:.0f} GPUs" if node["gpus"] else "")
