"""Tests for stiltwalk.store.workspace: what a stage took, over all processes."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from stiltwalk.stages.encoder import Base
from stiltwalk.store.workspace import RESUME, StageTime, Workspace

STAGE = Base(name="tiny", revision="sha256:1")


def killed(workspace: Workspace, steps: int) -> None:
    """Work on the stage until the process ends, with a rolling checkpoint left behind."""
    with workspace.writing(STAGE, {}) as folder:
        (folder.path / RESUME).write_bytes(b"half-way")
        progress = folder.spent.along(lambda *_: None)
        for done in range(steps):
            progress(done, steps)
        raise KeyboardInterrupt


def ticking(monkeypatch: pytest.MonkeyPatch, step_s: float) -> None:
    """Let every look at the clock take so long."""
    now = itertools.count(0.0, step_s)
    monkeypatch.setattr("time.perf_counter", lambda: next(now))


def test_the_time_of_a_resumed_stage_is_that_of_all_its_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path)
    ticking(monkeypatch, 1.0)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            killed(workspace, 20)
    (workspace.folder(STAGE) / "spent.aside").write_text("half", encoding="utf-8")
    recorded = json.loads((workspace.folder(STAGE) / "spent.json").read_text(encoding="utf-8"))
    with workspace.writing(STAGE, {}):
        pass
    marker = workspace.marker(STAGE)
    assert recorded["time_s"] > 2 * 20
    assert marker["time_s"] > recorded["time_s"]
    assert marker["began_unix_s"] == recorded["began_unix_s"]
    assert set(marker["files"]) == {RESUME}


def test_a_process_that_is_killed_without_a_word_was_recorded_seconds_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticking(monkeypatch, 1.0)
    progress = StageTime(tmp_path).along(lambda *_: None)
    for done in range(20):
        progress(done, 20)
    earlier_s = StageTime(tmp_path).time_s
    assert 15 <= earlier_s <= 40


def test_a_stage_that_begins_again_counts_from_its_new_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path)
    ticking(monkeypatch, 1.0)
    with pytest.raises(KeyboardInterrupt):
        killed(workspace, 20)
    (workspace.folder(STAGE) / RESUME).unlink()
    with workspace.writing(STAGE, {}):
        pass
    assert workspace.marker(STAGE)["time_s"] < 10


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"time_s": "x", "began_unix_s": 1}', "\0"])
def test_a_damaged_record_costs_the_time_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "spent.json").write_text(text, encoding="utf-8")
    assert 0 <= StageTime(tmp_path).time_s < 10
