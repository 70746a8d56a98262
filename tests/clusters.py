"""Ray clusters of several nodes on this machine, bound to the loopback, and stages that sleep.

Not to 127.0.0.1: Ray takes that for "this machine's address in the network" when it connects.
"""

from __future__ import annotations

import io
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from stiltwalk.pipeline.cluster import RayExecutor
from stiltwalk.pipeline.progress import Narrator
from stiltwalk.pipeline.runner import run
from stiltwalk.plan.jobs import Job
from stiltwalk.plan.order import Order
from stiltwalk.plan.stages import Base, Stage, fingerprint
from stiltwalk.store import Workspace, workspace_at

TESTS = Path(__file__).parent
LOCAL = {"node_ip_address": "127.0.0.2", "object_store_memory": 80_000_000}


@contextmanager
def ray_cluster(num_nodes: int) -> Iterator[Any]:
    """Give a head that carries nothing, and nodes of one CPU; `--executor ray` finds them."""
    from ray.cluster_utils import Cluster  # noqa: PLC0415 - only where a cluster is wanted

    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patched.setenv("PYTHONPATH", os.pathsep.join([str(TESTS), str(TESTS.parent / "src")]))
        cluster = Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": 0, "include_dashboard": False, **LOCAL},
        )
        try:
            for _ in range(num_nodes):
                cluster.add_node(num_cpus=1, **LOCAL)
            patched.setenv("RAY_ADDRESS", cluster.address)
            yield cluster
        finally:
            cluster.shutdown()


@dataclass(frozen=True)
class Pretend:
    """Does what the name of a stage says, and keeps who did it."""

    place: str

    def __call__(self, stage: Stage) -> None:
        """Carry out a stage: `sleep`, `fail`, `die once`, `die always`."""
        assert isinstance(stage, Base)
        store, does = workspace_at(self.place), stage.name.partition(":")[0]
        if does == "fail":
            raise ValueError("it was meant to")
        died = store.root / f"{fingerprint(stage)} died"
        if does == "die always" or (does == "die once" and not died.exists()):
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        with store.writing(stage, {"process": os.getpid()}):
            time.sleep(0.2)


def job(name: str, *parents: Job) -> Job:
    """Return a job whose stage does what its name says up to a colon."""
    stage = Base(name=name, revision=name)
    return Job(
        name=fingerprint(stage), stage=stage, parents=tuple(each.name for each in parents), cost_s=1
    )


def pretend(jobs: Sequence[Job], store: Workspace, executor: RayExecutor) -> str:
    """Carry jobs out on a cluster; return what was said, whatever came of it."""
    said = io.StringIO()
    kept = store.complete([each.name for each in jobs])
    with Narrator(Console(file=said, width=300)) as narrator:
        try:
            run("pretend", Order(jobs, kept), executor, store, narrator)
        finally:
            print(said.getvalue())  # noqa: T201 - shown when a test fails
    return said.getvalue()
