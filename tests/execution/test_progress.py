"""Tests for stiltwalk.execution.progress."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from stiltwalk.errors import NoSuchRun, WorkspaceError
from stiltwalk.execution.progress import (
    Board,
    Narrator,
    keep_status,
    last_faults,
    print_status,
    read_status,
    watch_status,
)
from stiltwalk.execution.scheduler import Job, Scheduler
from stiltwalk.stages.encoder import Base
from stiltwalk.store.workspace import Workspace

NODES = [
    {
        "name": "first (0a1b2c)",
        "refused": "",
        "cpus": 8.0,
        "cpus_used": 2.0,
        "gpus": 4.0,
        "gpus_used": 1.0,
        "stages": ["b"],
    },
    {"name": "second (3d4e5f)", "refused": "torch is 2.0, not 2.13"},
]


def job(name: str, *parents: str) -> Job:
    stage = Base(name=f"stage [{name}]", revision=name)
    return Job(name=name, stage=stage, parents=parents, cost_s=60)


def document() -> dict[str, Any]:
    """Return the status of a run with a stage in every state."""
    order = Scheduler([job("a"), job("b"), job("c"), job("d", "b"), job("e", "c"), job("f")])
    board = Board("mine", order, ["12 stages were made with torch 2.0."])
    for _ in "abc":
        found = order.next(lambda _: True)
        assert found is not None
        board.begin(found.name)
    order.finish("b")
    board.finish("b", 30)
    board.fail("c", "It was meant to.")
    order.fail("c")
    return board.document({"nodes": NODES, "dashboard": "127.0.0.1:8265"})


def test_a_status_tells_states_what_runs_what_failed_and_when_it_ends() -> None:
    found = document()
    assert found["stages"] == {
        "running": 1,
        "done": 1,
        "failed": 1,
        "ready": 2,
        "not begun": 1,
    }
    assert [each["fingerprint"] for each in found["running"]] == ["a"]
    assert [each["fault"] for each in found["failed"]] == ["It was meant to."]
    assert found["ends_about_unix_s"] - found["updated_unix_s"] == 90  # 3 of 60 s at twice the pace


def test_it_comes_back_with_who_leads_the_run(tmp_path: Path) -> None:
    store = Workspace(tmp_path)
    with pytest.raises(NoSuchRun, match="No run was begun"):
        read_status(store)
    with store.lock():
        keep_status(store, document())
        assert read_status(Workspace(tmp_path))["held_by"].startswith("process ")
    assert read_status(store)["held_by"] == ""


@pytest.mark.parametrize(
    ("held_by", "says"),
    [("process 7 on there", "Led by process 7"), ("", "Nothing runs: run the recipe again")],
)
def test_people_get_one_table(held_by: str, says: str) -> None:
    said = io.StringIO()
    print_status({**document(), "held_by": held_by}, Console(file=said, width=160))
    text = said.getvalue()
    for expected in (
        "mine: 1 done, 1 running, 2 ready, 1 failed, 1 not begun; about 90 s left",
        "base encoder stage [a]",
        "failed: It was meant to.",
        "2 of 8 CPUs, 1 of 4 GPUs",
        "refused: torch is 2.0, not 2.13",
        "127.0.0.1:8265",
        "12 stages were made with torch 2.0.",
        says,
    ):
        assert expected in text, text


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"run": "mine"}', "\0", '{"run": 1, "stages": 2}', "[" * 100_000, "NaN"],
    ids=lambda text: text[:20],
)
def test_a_damaged_status_costs_itself_alone(tmp_path: Path, text: str) -> None:
    store = Workspace(tmp_path)
    store.keep_text("status.json", text)
    with pytest.raises(WorkspaceError, match=r"status\.json is not what a run wrote"):
        read_status(store)
    assert last_faults(store) == {}
    keep_status(store, document())
    assert last_faults(store) == {"c": "It was meant to."}


def test_a_log_has_a_line_a_minute_for_every_stage_whatever_begins_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1000.0]
    monkeypatch.setattr("stiltwalk.execution.progress.time.monotonic", lambda: now[0])
    said = io.StringIO()
    with Narrator(Console(file=said, width=160)) as narrator:
        for _ in range(125):
            now[0] += 1
            narrator.stage("another begins")
            narrator.show(document())
    assert said.getvalue().count("  a running for") == 2


def test_a_run_is_watched_as_long_as_somebody_leads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stiltwalk.execution.progress._WATCH_EVERY_S", 0)
    leaders, said = ["process 7", "process 7", ""], io.StringIO()
    console = Console(file=said, width=160, force_terminal=True)
    watch_status(lambda: {**document(), "held_by": leaders.pop(0)}, console)
    assert not leaders
    assert "1 running" in said.getvalue()


def test_a_run_that_is_over_says_so() -> None:
    said = io.StringIO()
    over = {**document(), "stages": {"done": 6}, "held_by": ""}
    print_status(over, Console(file=said, width=160))
    assert "The run is over." in said.getvalue()
    assert json.dumps(over)
