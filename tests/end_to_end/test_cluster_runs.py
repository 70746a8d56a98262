"""Whole recipes on a cluster of two nodes: the same results, whatever is killed meanwhile."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

pytest.importorskip("ray")

import ray
from ray.cluster_utils import Cluster

from clusters import NODE, meanwhile, ray_cluster, workers
from stiltwalk.execution.executors import ray as ray_executor
from stiltwalk.recipe.shipped import SHIPPED
from stiltwalk.store.workspace import RESUME
from walking import SHORT, Walked, carry_out

pytestmark = pytest.mark.slow
NUM_KILLS = int(os.environ.get("STILTWALK_KILLS", "100"))
MINI = SHIPPED["mini"]
LESS = (
    "languages=['en','de','zh']",
    "arms={none=[],mixed=['mnli','squad_v1']}",
    "data.test_rows=8",
    "intermediate.max_rows=32",
    "intermediate.num_epochs=1",
    "target.num_epochs=1",
    *(f"target.{task}max_rows=16" for task in ("", "xnli.", "pawsx.")),
)
"""What makes of the mini recipe one that takes a minute."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with ray_cluster(2) as made:
        yield made


def num_complete(workspace: Path) -> int:
    return len(list(workspace.glob("stages/*/complete.json")))


def test_the_mini_recipe_has_the_rows_of_one_process(cluster: Cluster, tmp_path: Path) -> None:
    assert cluster is not None
    alone, spread = (
        Walked(recipe=MINI, workspace=tmp_path / name, report=tmp_path)
        for name in ("alone", "spread")
    )
    carry_out(MINI, alone.workspace, LESS)
    said = carry_out(MINI, spread.workspace, LESS, "ray")
    assert said.count(" done ") == len(alone.stages()) == len(spread.stages())
    assert spread.rows() == alone.rows()
    assert spread.results() == alone.results()


def test_a_worker_killed_in_the_middle_of_training_changes_no_bit(
    cluster: Cluster, short: Walked, tmp_path: Path
) -> None:
    assert cluster is not None
    workspace, longer = tmp_path / "workspace", (*SHORT, "intermediate.num_epochs=40")
    alone = replace(short, workspace=tmp_path / "alone")
    carry_out(short.recipe, alone.workspace, longer)

    def kill() -> bool:
        for file in workspace.glob(f"stages/*/{RESUME}"):
            for worker in workers():
                if file.parent.name in " ".join(worker.cmdline()):
                    worker.kill()
                    return True
        return False

    with meanwhile(kill):
        said = carry_out(short.recipe, workspace, (*longer, "resume_every_s=0.001"), "ray")
    assert said.count(" lost ") == 1, said
    assert said.count(" done ") == len(alone.stages())
    assert replace(short, workspace=workspace).results() == alone.results()


def test_a_node_that_is_removed_in_the_middle_changes_no_bit(
    cluster: Cluster, short: Walked, tmp_path: Path
) -> None:
    workspace = tmp_path / "workspace"

    removed: list[int] = []

    def remove() -> bool:
        for worker in workers():
            node = worker.parent()
            node.kill()
            removed.append(node.pid)
            return True
        return False

    try:
        with meanwhile(remove):
            said = carry_out(short.recipe, workspace, SHORT, "ray")
    finally:
        cluster.add_node(num_cpus=1, **NODE)
    assert removed, "it was over before a node could be removed"
    assert said.count(" done ") == len(short.stages())
    assert replace(short, workspace=workspace).results() == short.results()


def test_a_driver_that_is_killed_loses_nothing_and_no_stage_is_finished_twice(
    cluster: Cluster, short: Walked, tmp_path: Path
) -> None:
    assert cluster is not None
    workspace = tmp_path / "workspace"
    driver = driven(short.recipe, workspace, tmp_path / "log")
    driver.kill()
    driver.wait()
    goes_on_as_if_nothing_had_been(short, workspace)


def test_a_head_that_is_lost_ends_the_run_in_a_sentence_and_another_goes_on(
    short: Walked, tmp_path: Path
) -> None:
    workspace, log = tmp_path / "workspace", tmp_path / "log"
    with ray_cluster(0, head_cpus=1) as lost:
        driver = driven(short.recipe, workspace, log)
        lost.head_node.kill_all_processes(check_alive=False, allow_graceful=False)
        driver.wait(timeout=120)
    assert driver.returncode == 1
    assert "The Ray cluster is gone" in log.read_text(encoding="utf-8")
    with ray_cluster(1):
        goes_on_as_if_nothing_had_been(short, workspace)


def driven(recipe: Path, workspace: Path, log: Path) -> subprocess.Popen[bytes]:
    """Carry a recipe out in a process of its own; return that once two stages are complete."""
    words = ["run", str(recipe), "-w", str(workspace), "--executor", "ray"]
    for change in SHORT:
        words += ["--set", change]
    with log.open("w") as output:
        driver = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "stiltwalk", *words], stdout=output, stderr=output
        )
    while num_complete(workspace) < 2:
        assert driver.poll() is None, log.read_text()
        time.sleep(0.02)
    return driver


def goes_on_as_if_nothing_had_been(short: Walked, workspace: Path) -> None:
    """Run again what was broken off, and compare with what never was."""
    before = {file: file.read_bytes() for file in workspace.glob("stages/*/complete.json")}
    said = carry_out(short.recipe, workspace, SHORT, "ray")
    assert {file: file.read_bytes() for file in before} == before
    kept = said.count(" kept ")
    assert len(before) <= kept < len(short.stages())
    assert said.count(" done ") + kept == len(short.stages())
    assert replace(short, workspace=workspace).results() == short.results()


def test_random_kills_change_no_bit(
    cluster: Cluster,
    short: Walked,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Repeat a short run whose worker is killed at a random moment, STILTWALK_KILLS times.

    All runs share one connection, so that workers stay from run to run.
    """
    assert cluster is not None
    chance = random.Random()  # noqa: S311 - moments, not secrets
    struck = replace(short, workspace=tmp_path / "struck")
    num_stages, num_runs, num_killed, num_lost = len(short.stages()), 0, 0, 0
    ray_executor._connect("ray")
    with monkeypatch.context() as patched:
        patched.setattr(ray_executor, "_connect", lambda _: "")
        patched.setattr(ray, "shutdown", lambda: None)
        began = time.monotonic()
        while num_killed < NUM_KILLS:
            strike = Strike(struck.workspace, chance.randrange(num_stages), chance)
            with meanwhile(strike):
                said = carry_out(short.recipe, struck.workspace, SHORT, "ray")
            assert said.count(" done ") == num_stages, said
            assert struck.results() == short.results(), said
            shutil.rmtree(struck.workspace)
            num_runs += 1
            num_killed += strike.has_hit
            num_lost += said.count(" lost ")
    ray.shutdown()
    with capsys.disabled():
        print(  # noqa: T201 - what the test is run for
            f"\n{num_killed} workers killed, {num_lost} of them in a stage, in {num_runs} runs, "
            f"all complete with equal results, in {time.monotonic() - began:.0f} s"
        )


class Strike:
    """Kills a worker at a random moment after some stages of a run are complete."""

    def __init__(self, workspace: Path, num_before: int, chance: random.Random) -> None:
        """Wait for so many stages."""
        self._workspace, self._num_before, self._chance = workspace, num_before, chance
        self.has_hit = False

    def __call__(self) -> bool:
        """Kill, with a chance of one in ten; tell whether that was done."""
        if num_complete(self._workspace) < self._num_before or self._chance.random() > 0.1:
            return False
        for worker in workers():
            try:
                worker.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                return False
            self.has_hit = True
            return True
        return False
