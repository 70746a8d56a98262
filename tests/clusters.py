"""Ray clusters on this machine, bound to the loopback, and stages that need no torch.

Not to 127.0.0.1: on Linux Ray takes an address there for this machine's in the network.
"""

from __future__ import annotations

import io
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from rich.console import Console

from stiltwalk.execution.executors import Executor
from stiltwalk.execution.executors.worker import Progress
from stiltwalk.execution.progress import Narrator
from stiltwalk.execution.scheduler import Job, Scheduler
from stiltwalk.execution.study import run
from stiltwalk.stages.encoder import Base
from stiltwalk.stages.stage import Stage
from stiltwalk.store.remote import workspace_at
from stiltwalk.store.workspace import Workspace

TESTS = Path(__file__).parent
NODE = {
    "node_ip_address": "127.0.0.2",
    "object_store_memory": 80_000_000,
    "include_log_monitor": False,
}
_WORKING = re.compile(r"ray::[0-9a-f]{16}\b")
"""The title that Ray gives a worker while it carries a stage out."""


@contextmanager
def ray_cluster(num_nodes: int, *, head_cpus: int = 0, head_gpus: int = 0) -> Iterator[Any]:
    """Give a head, and nodes of one CPU; `--executor ray` finds them. It need not have its GPUs."""
    from ray.cluster_utils import Cluster  # noqa: PLC0415 - only where a cluster is wanted

    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patched.setenv("PYTHONPATH", os.pathsep.join([str(TESTS), str(TESTS.parent / "src")]))
        has = {"num_cpus": head_cpus, "num_gpus": head_gpus}
        head = {**has, "include_dashboard": False, "no_monitor": True, **NODE}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        try:
            for _ in range(num_nodes):
                cluster.add_node(num_cpus=1, **NODE)
            patched.setenv("RAY_ADDRESS", cluster.address)
            yield cluster
        finally:
            cluster.shutdown()


def workers() -> list[psutil.Process]:
    """Return the workers of this process's own cluster that carry out a stage now."""
    return [each for each in psutil.Process().children(recursive=True) if _is_working(each)]


def _is_working(process: psutil.Process) -> bool:
    try:
        return bool(_WORKING.match(" ".join(process.cmdline())))
    except psutil.NoSuchProcess:
        return False


@contextmanager
def meanwhile(act: Callable[[], bool]) -> Iterator[None]:
    """Try to act, beside the block, until that worked or the block is over."""
    over = threading.Event()

    def keep_trying() -> None:
        while not over.wait(0.02) and not act():
            pass

    thread = threading.Thread(target=keep_trying)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@dataclass(frozen=True)
class Pretend:
    """Does what the name of a stage says, and keeps who did it."""

    place: str

    def __call__(self, stage: Stage, progress: Progress) -> None:
        """Carry out a stage: `sleep`, `fail`, `die once`, `die always`."""
        assert isinstance(stage, Base)
        store, does = workspace_at(self.place), stage.name.partition(":")[0]
        if does == "fail":
            raise ValueError("it was meant to")
        died = store.root / f"{stage.fingerprint} died"
        if does == "die always" or (does == "die once" and not died.exists()):
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        mine = {"process": os.getpid(), "gpus": os.environ.get("CUDA_VISIBLE_DEVICES", "")}
        with store.writing(stage, mine):
            progress(1, 2)
            time.sleep(0.2)


def job(name: str, *parents: Job) -> Job:
    """Return a job whose stage does what its name says up to a colon."""
    stage = Base(name=name, revision=name)
    return Job(
        name=stage.fingerprint, stage=stage, parents=tuple(each.name for each in parents), cost_s=1
    )


def pretend(
    jobs: Sequence[Job], store: Workspace, executor: Executor, *, is_terminal: bool = False
) -> str:
    """Carry jobs out on a cluster; return what was said, whatever came of it."""
    said = io.StringIO()
    console = Console(file=said, width=300, force_terminal=is_terminal)
    kept = store.complete([each.name for each in jobs])
    with Narrator(console) as narrator:
        try:
            run("pretend", Scheduler(jobs, kept), executor, store, narrator)
        finally:
            print(said.getvalue())  # noqa: T201 - shown when a test fails
    return said.getvalue()
