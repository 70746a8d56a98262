"""Time what it costs to hand out stages, and how near to the graph's own limit it comes.

    python benchmarks/cluster.py [--workload NAME] [--quick] [--json]

The graph is that of `mini_full` with as many seeds as 1,000 stages take, each as long
as `stiltwalk plan` estimates, scaled. Its limit with W workers is the longer of its longest way and
all work divided by W; `ratio` is that limit over the time taken.

`simulated`: workers with a clock of their own, so that the order alone is judged; with what the
driver takes for a stage in time and memory, 10,000 stages included. `ray`: a cluster on this
machine whose stages sleep and write a small file and their marker; overhead is what a stage takes
of its worker beyond that sleep, against the simulated workers. `mini`: a shorter mini recipe, in
this process and on a cluster with one worker and with two; `ratio` is to one worker.
"""

from __future__ import annotations

import argparse
import heapq
import io
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.cluster_utils import Cluster
from rich.console import Console

from stiltwalk.execution.executors import Ended
from stiltwalk.execution.executors.ray import RayExecutor
from stiltwalk.execution.progress import Narrator
from stiltwalk.execution.scheduler import Job, Needs, Scheduler, jobs_of
from stiltwalk.execution.study import run, run_study
from stiltwalk.recipe.load import read_recipe
from stiltwalk.recipe.shipped import SHIPPED
from stiltwalk.stages.cost import ModelShape
from stiltwalk.stages.encoder import Base
from stiltwalk.stages.graph import build_plan
from stiltwalk.stages.stage import Stage
from stiltwalk.store.remote import workspace_at
from stiltwalk.store.workspace import Workspace

SHAPE = ModelShape(num_blocks=3, width=128, vocabulary_size=12_000)
WORKERS = (1, 4, 16, 64)
LOCAL = {"node_ip_address": "127.0.0.2", "object_store_memory": 80_000_000}
LESS = (
    "data.test_rows=50",
    "languages=['en','de','sw','th','zh']",
    "intermediate.max_rows=300",
    *(f"target.{task}max_rows=100" for task in ("", "xnli.", "pawsx.")),
)
Row = dict[str, Any]


def graph(num_stages: int, all_work_s: float) -> list[Job]:
    """Return a study's first stages, each sleeping so long that all take `all_work_s`."""
    seeds = list(range(1, num_stages // 50 + 2))
    recipe = read_recipe(SHIPPED["mini_full"], [f"seeds={seeds}"])
    base = Base(name="base", revision="base")
    plan = build_plan(recipe, base=base, revision=lambda task, _: task.name)
    real = list(jobs_of(plan, SHAPE))[:num_stages]
    assert len(real) == num_stages
    scale = all_work_s / sum(job.cost_s for job in real)
    made: dict[str, Job] = {}
    for job in real:
        stage = Base(name=f"{job.cost_s * scale}", revision=job.name)
        parents = tuple(made[parent].name for parent in job.parents)
        made[job.name] = Job(
            name=stage.fingerprint, stage=stage, parents=parents, cost_s=job.cost_s * scale
        )
    return list(made.values())


def limit_s(jobs: Sequence[Job], num_workers: int) -> float:
    """Return the least time that so many workers need."""
    return Scheduler(jobs).remaining_s(num_workers)


class Simulated:
    """Workers whose clock jumps to the next stage that ends."""

    is_parallel = True

    def __init__(self, num_workers: int) -> None:
        """Begin at 0."""
        self.now_s = 0.0
        self._num_workers = num_workers
        self._ends: list[tuple[float, str]] = []

    def has_room(self, _: Needs) -> bool:
        """Tell whether a worker is idle."""
        return len(self._ends) < self._num_workers

    def start(self, job: Job) -> None:
        """Give a worker a stage."""
        heapq.heappush(self._ends, (self.now_s + job.cost_s, job.name))

    def wait(self) -> Ended | None:
        """Let the next stage end."""
        self.now_s, name = heapq.heappop(self._ends)
        return Ended(name=name, time_s=0.0)

    def seen(self) -> dict[str, Any]:
        """Return no nodes."""
        return {"nodes": []}


@dataclass(frozen=True)
class Sleep:
    """Sleeps as long as a stage's name says, and writes as little as a stage does."""

    place: str

    def __call__(self, stage: Stage) -> None:
        """Carry a stage out."""
        assert isinstance(stage, Base)
        with workspace_at(self.place).writing(stage, {}) as folder:
            time.sleep(float(stage.name))
            (folder.path / "scores.jsonl").write_text("{}\n", encoding="utf-8")


def simulated(*, quick: bool) -> Iterator[Row]:
    """Yield a row per number of stages and workers, each from a process of its own."""
    for num_stages in (1_000,) if quick else (1_000, 10_000):
        for num_workers in WORKERS:
            command = [sys.executable, __file__, "--one", f"{num_stages},{num_workers}"]
            done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
            yield json.loads(done.stdout)


def one_simulated(num_stages: int, num_workers: int) -> Row:
    jobs = graph(num_stages, all_work_s=1e5)
    executor, before = Simulated(num_workers), _memory_bytes()
    with tempfile.TemporaryDirectory() as folder:
        time_s = carry(jobs, executor, Workspace(Path(folder)))
    return {
        "workload": "simulated",
        "variant": f"{num_stages:,} stages, {num_workers} workers",
        "overhead_ms": 1e3 * time_s / num_stages,
        "memory_mb": (_memory_bytes() - before) / 1e6,
        "ratio": limit_s(jobs, num_workers) / executor.now_s,
        "repeats": 1,
        "spread": 0.0,
    }


def carry(jobs: Sequence[Job], executor: Any, store: Workspace) -> float:  # noqa: ANN401 - either
    """Carry jobs out and return how long that took, in seconds."""
    began = time.perf_counter()
    with store.lock(), Narrator(Console(file=io.StringIO())) as narrator:
        run("cluster", Scheduler(jobs), executor, store, narrator)
    return time.perf_counter() - began


def on_ray(*, quick: bool) -> Iterator[Row]:
    """Yield a row per number of workers; they have started before the clock does."""
    for num_workers in (4,) if quick else WORKERS:
        num_stages = 100 if quick else 1_000
        # a stage sleeps for 120 ms in the mean, or longer
        jobs = graph(num_stages, all_work_s=max(2, num_workers) * (5 if quick else 60))
        with cluster(num_workers), tempfile.TemporaryDirectory() as folder:
            store = Workspace(Path(folder))
            with RayExecutor("ray", Sleep(store.address), lambda _: None) as executor:
                # as long as the last of them takes to start on two cores
                warm = [_sleeping(f"{2.0 + num_workers}", each) for each in range(num_workers)]
                carry(warm, executor, store)
                time_s = carry(jobs, executor, store)
            ideal, best_s = Simulated(num_workers), limit_s(jobs, num_workers)
            carry(jobs, ideal, store)
        yield {
            "workload": "ray",
            "variant": f"{num_stages:,} stages, {num_workers} workers",
            "time_s": time_s,
            "limit_s": best_s,
            "overhead_ms": 1e3 * (time_s - ideal.now_s) * num_workers / num_stages,
            "ratio": best_s / time_s,
            "repeats": 1,
            "spread": 0.0,
        }


def mini(*, quick: bool) -> Iterator[Row]:
    """Yield a row for this process, one worker and two."""
    few = ("arms={none=[], mnli=['mnli']}", "targets=['xnli','udpos']")
    changes = (*LESS, *few) if quick else LESS
    times = {}
    for variant, num_workers in (("this process", 0), ("1 worker", 1), ("2 workers", 2)):
        with cluster(num_workers), tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            executor = "ray" if num_workers else "local"
            console = Console(file=io.StringIO())
            run_study(SHIPPED["mini"], folder, console, changes, executor)
            times[variant] = time.perf_counter() - began
    for variant, time_s in times.items():
        ratio = time_s / times["1 worker"]
        yield {
            "workload": "mini",
            "variant": variant,
            "time_s": time_s,
            "ratio": ratio,
            "repeats": 1,
            "spread": 0.0,
        }


@contextmanager
def cluster(num_workers: int) -> Iterator[None]:
    """Give a Ray cluster of one node, where any is wanted, that "ray" finds."""
    if not num_workers:
        yield
        return
    made = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": num_workers, "include_dashboard": False, **LOCAL},
    )
    os.environ["RAY_ADDRESS"] = made.address
    try:
        yield
    finally:
        made.shutdown()


def _sleeping(seconds: str, number: int) -> Job:
    stage = Base(name=seconds, revision=f"warm {number}")
    return Job(name=stage.fingerprint, stage=stage)


def _memory_bytes() -> int:
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


WORKLOADS = {"simulated": simulated, "ray": on_ray, "mini": mini}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workload", choices=WORKLOADS)
    parser.add_argument("--quick", action="store_true", help="few stages, few workers")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one_simulated(*map(int, options.one.split(",")))))
        return
    rows = []
    for workload in [options.workload] if options.workload else WORKLOADS:
        for row in WORKLOADS[workload](quick=options.quick):
            rows.append(row)
            if not options.json:
                print("  ".join(f"{key} {_shown(value)}" for key, value in row.items()), flush=True)
    machine = {"name": platform.platform(), "CPUs": os.cpu_count(), "ray": ray.__version__}
    if options.json:
        print(json.dumps({"machine": machine, "rows": rows}, indent=1))


def _shown(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:,.3f}"


if __name__ == "__main__":
    main()
