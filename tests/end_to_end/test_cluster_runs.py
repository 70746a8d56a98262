"""Whole recipes on a cluster of two nodes: the same rows, whatever is killed meanwhile."""

from __future__ import annotations

import io
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from rich.console import Console

pytest.importorskip("ray")

from ray.cluster_utils import Cluster

from clusters import LOCAL, TESTS, ray_cluster
from stiltwalk.pipeline import study
from stiltwalk.store.workspace import RESUME
from walking import Walked, carry_out

pytestmark = pytest.mark.slow
_TITLE = re.compile(r"ray::[0-9a-f]{16}\b")
NUM_KILLS = int(os.environ.get("STILTWALK_KILLS", "100"))
MINI = TESTS.parent / "recipes" / "mini.toml"
LESS = (
    "data.test_rows=20",
    "intermediate.max_rows=64",
    "target.max_rows=32",
    "target.num_epochs=1",
)
"""What makes of the mini recipe one that takes a minute or two."""
SHORT = ("targets=['udpos']", "arms={mixed=['mnli']}", "controls=false")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with ray_cluster(2) as made:
        yield made


def on_cluster(walked: Walked, workspace: Path, *changes: str) -> str:
    """Carry a recipe out on the cluster; return what was said."""
    said = io.StringIO()
    console = Console(file=said, width=300)
    study.carry_out(walked.recipe, workspace, console, changes, "ray")
    return said.getvalue()


def beside(kill: Callable[[], bool], done: threading.Event) -> threading.Thread:
    """Start a thread that tries to kill until that worked, or the run is over."""

    def keep_trying() -> None:
        while not done.wait(0.02):
            if kill():
                return

    thread = threading.Thread(target=keep_trying)
    thread.start()
    return thread


def workers() -> list[psutil.Process]:
    """Return the workers that carry out a stage now; Ray names them by their task."""
    running = psutil.process_iter(["cmdline"])
    return [each for each in running if _TITLE.match(" ".join(each.info["cmdline"] or ()))]


@pytest.fixture(scope="module")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Walked:
    """Return a smaller mini recipe that was carried out in this process."""
    workspace = tmp_path_factory.mktemp("mini") / "workspace"
    carry_out(MINI, workspace, LESS)
    return Walked(recipe=MINI, workspace=workspace, report=workspace)


def test_the_mini_recipe_has_the_rows_of_one_process(
    cluster: Cluster, mini: Walked, tmp_path: Path
) -> None:
    assert cluster is not None
    said = on_cluster(mini, tmp_path / "workspace", *LESS)
    found = replace(mini, workspace=tmp_path / "workspace")
    assert said.count(" done ") == len(mini.stages()) == len(found.stages())
    assert found.rows() == mini.rows()
    assert found.results() == mini.results()


def test_a_worker_killed_in_the_middle_of_training_changes_no_bit(
    cluster: Cluster, walked: Walked, tmp_path: Path
) -> None:
    assert cluster is not None
    workspace, done = tmp_path / "workspace", threading.Event()

    def kill() -> bool:
        for file in (workspace / "stages").glob(f"*/{RESUME}"):
            for process in workers():
                if file.parent.name in " ".join(process.cmdline()):
                    process.send_signal(signal.SIGKILL)
                    return True
        return False

    thread = beside(kill, done)
    said = on_cluster(walked, workspace, "resume_every_s=0.001")
    done.set()
    thread.join()
    assert said.count(" lost ") == 1, said
    assert said.count(" done ") == len(walked.stages())
    assert replace(walked, workspace=workspace).results() == walked.results()


def test_a_node_that_is_removed_in_the_middle_changes_no_bit(
    cluster: Cluster, walked: Walked, tmp_path: Path
) -> None:
    workspace, done = tmp_path / "workspace", threading.Event()
    strike = Strike(cluster, after_s=0.0, hits_node=True)
    thread = beside(strike, done)
    try:
        said = on_cluster(walked, workspace)
    finally:
        done.set()
        thread.join()
        strike.mend()
    assert strike.has_hit
    assert " lost " in said, said
    assert replace(walked, workspace=workspace).results() == walked.results()


def test_a_driver_that_is_killed_loses_nothing_and_no_stage_is_finished_twice(
    cluster: Cluster, walked: Walked, tmp_path: Path
) -> None:
    assert cluster is not None
    workspace, log = tmp_path / "workspace", tmp_path / "log"
    words = ["run", str(walked.recipe), "-w", str(workspace), "--executor", "ray"]
    with log.open("w") as output:
        driver = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "stiltwalk", *words], stdout=output, stderr=output
        )
    began = time.monotonic()
    while len(list(workspace.glob("stages/*/complete.json"))) < 5:
        assert driver.poll() is None, log.read_text()
        assert time.monotonic() - began < 100, log.read_text()
        time.sleep(0.02)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    before = {file: file.read_bytes() for file in workspace.glob("stages/*/complete.json")}
    said = on_cluster(walked, workspace)
    assert {file: file.read_bytes() for file in before} == before
    kept = said.count(" kept ")
    assert kept >= len(before)
    assert said.count(" done ") + kept == len(walked.stages())
    assert replace(walked, workspace=workspace).results() == walked.results()


class Strike:
    """Kills a worker, or a whole node, some time after the first stage of a run began."""

    def __init__(self, cluster: Cluster, after_s: float, *, hits_node: bool) -> None:
        """Wait for a run to begin."""
        self._cluster, self._after_s, self._hits_node = cluster, after_s, hits_node
        self._began_s = 0.0
        self.has_hit = False

    def __call__(self) -> bool:
        """Kill, once it is time; tell whether it was."""
        running = workers()
        if running and not self._began_s:
            self._began_s = time.monotonic()
        if not running or time.monotonic() - self._began_s < self._after_s:
            return False
        with suppress(psutil.Error):
            (running[0].parent() if self._hits_node else running[0]).kill()
            self.has_hit = True
        return self.has_hit

    def mend(self) -> None:
        """Put a new node in the place of the one that was killed."""
        if self.has_hit and self._hits_node:
            for node in list(self._cluster.worker_nodes):
                if node.all_processes["raylet"][0].process.poll() is not None:
                    self._cluster.remove_node(node, allow_graceful=False)
                    self._cluster.add_node(num_cpus=1, **LOCAL)


def test_random_kills_change_no_bit(cluster: Cluster, walked: Walked, tmp_path: Path) -> None:
    """Repeat a short run that is struck once at a random moment, STILTWALK_KILLS times."""
    chance = random.Random(time.time())  # noqa: S311 - moments, not secrets
    undisturbed = replace(walked, workspace=tmp_path / "undisturbed")
    carry_out(walked.recipe, undisturbed.workspace, SHORT)
    num_hits = 0
    while num_hits < NUM_KILLS:
        struck = replace(walked, workspace=tmp_path / "struck")
        strike = Strike(cluster, chance.uniform(0, 2), hits_node=chance.random() < 0.1)
        done = threading.Event()
        thread = beside(strike, done)
        said = on_cluster(walked, struck.workspace, *SHORT)
        done.set()
        thread.join()
        strike.mend()
        assert struck.results() == undisturbed.results(), said
        shutil.rmtree(struck.workspace)
        num_hits += strike.has_hit
        print(f"{num_hits} of {NUM_KILLS}", flush=True)  # noqa: T201 - it takes long
