"""Tests for stiltwalk.execution.executors.processes, with stages that need no torch."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from clusters import TESTS, Pretend, job, pretend
from stiltwalk.errors import StagesFailed
from stiltwalk.execution.executors import processes as executing
from stiltwalk.execution.executors.processes import Processes
from stiltwalk.execution.progress import read_status
from stiltwalk.execution.scheduler import Needs
from stiltwalk.store.workspace import Workspace


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(TESTS), str(TESTS.parent / "src")]))
    workspace = Workspace(tmp_path)
    with workspace.lock():
        yield workspace


def processes(store: Workspace) -> Processes:
    return Processes(2, num_threads=1, work=Pretend(store.address))


def children() -> list[psutil.Process]:
    return [each for each in psutil.Process().children() if "serve(" in " ".join(each.cmdline())]


def test_lost_stages_begin_again_and_failed_ones_cost_their_children_alone(
    store: Workspace,
) -> None:
    root, dies, hopeless, fails = map(job, ("sleep", "die once", "die always", "fail"))
    after = [job("sleep:1", dies), job("sleep:2", hopeless), job("sleep:3", fails)]
    more = [job(f"sleep:more {number}", root) for number in range(4)]
    with processes(store) as executor:
        with pytest.raises(StagesFailed, match="2 stages failed, and 2 that rest") as caught:
            pretend([root, dies, hopeless, fails, *after, *more], store, executor)
        assert read_status(store)["stages"] == {"done": 7, "failed": 2, "not begun": 2}
        notes = " ".join(caught.value.__notes__)
        assert "ValueError: it was meant to (clusters.py, line" in notes
        assert "Its process is gone. It was killed" in notes
    done = [root, dies, after[0], *more]
    by = {store.marker(each.name)["provenance"]["process"] for each in done}
    assert len(by) >= 2, "one process did everything"


def test_a_stage_that_must_be_alone_is_and_each_process_sees_one_gpu(
    store: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executing, "num_accelerators", lambda: 2)
    computing = [replace(job(f"sleep:{n}"), needs=Needs(on_gpu=True)) for n in range(6)]
    alone = replace(job("sleep:alone"), needs=Needs(alone=True))
    with processes(store) as executor:
        pretend([*computing[:3], alone, *computing[3:]], store, executor)
    ran = {each.name: store.marker(each.name) for each in (*computing, alone)}
    seen = {ran[each.name]["provenance"]["gpus"] for each in computing}
    assert seen == {"0", "1"}
    mine = ran.pop(alone.name)
    for other in ran.values():
        assert (
            other["began_unix_s"] + other["time_s"] <= mine["began_unix_s"]
            or mine["began_unix_s"] + mine["time_s"] <= other["began_unix_s"]
        )


def test_progress_of_running_stages_is_seen(store: Workspace) -> None:
    both = [job("sleep:1"), job("sleep:2")]
    with processes(store) as executor:
        for each in both:
            executor.start(each)
        for _ in range(60):  # seconds, in which a process starts even on a busy machine
            assert executor.wait() is None, "ended before its progress was seen"
            if (1, 2) in executor.seen()["progress"].values():
                return
        raise AssertionError("no progress was seen")


def test_no_process_outlives_its_executor(store: Workspace) -> None:
    with processes(store) as executor:
        executor.start(job("sleep"))
        running = children()
        assert len(running) == 1
        running[0].suspend()  # even one that does nothing any more
    assert not children()


def test_a_process_ends_when_its_standard_input_closes(store: Workspace) -> None:
    with processes(store) as executor:
        executor.start(job("sleep"))
        executor.wait()
        (worker,) = [each for each in executor._workers if each]
        assert worker.process.stdin is not None
        worker.process.stdin.close()  # as by the death of this process
        began = time.monotonic()
        assert worker.process.wait(timeout=30) == 1
        assert time.monotonic() - began < 30
