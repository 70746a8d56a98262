"""Carry out stages in several processes of this machine, each with its share of cores and GPUs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from math import inf
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from threading import Thread
from types import TracebackType
from typing import Any

from stiltwalk.execution.executors import Ended
from stiltwalk.execution.executors.worker import Progress, run_stage
from stiltwalk.execution.scheduler import Amount, Job, Needs, NodePool
from stiltwalk.stages.stage import Stage
from stiltwalk.store.machine import num_accelerators

_TICK_S = 1.0
_TELL_EVERY_S = 0.5
_HERE = "here"


@dataclass(eq=False)
class _Worker:
    """A process that carries out one stage after the other, and how far its stage is."""

    process: subprocess.Popen[bytes]
    pipe: Connection
    job: Job | None = None
    began_s: float = 0.0
    progress: tuple[int, int] | None = None

    def end(self) -> int:
        """Wait for its end, free what held it, return its exit code."""
        self.pipe.close()
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait()


class Processes(AbstractContextManager["Processes"]):
    """Carries out stages in processes that end with this one, whatever ends it."""

    is_parallel = True

    def __init__(
        self, num_jobs: int, num_threads: int, work: Callable[[Stage, Progress], None]
    ) -> None:
        """Prepare so many processes; each is started with the first stage that it gets.

        Where there are accelerators, each process sees one of them.

        Args:
            num_jobs: how many stages run at a time.
            num_threads: of one stage.
            work: carries out a stage; sent to the processes.
        """
        self._work, self._num_gpus = work, num_accelerators()
        self._workers: list[_Worker | None] = [None] * num_jobs
        self._node = NodePool()
        has = Amount(cpus=num_jobs * num_threads, gpus=num_jobs, memory_bytes=inf)
        self._node.update({_HERE: has})

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the processes; what still runs is stopped, and kept as far as a kill keeps it."""
        workers = [worker for worker in self._workers if worker]
        for worker in workers:
            worker.process.kill()
        for worker in workers:
            worker.end()

    def has_room(self, needs: Needs) -> bool:
        """Tell whether a process is free, and all of them for a stage that must be alone."""
        return self._node.find(needs) is not None

    def start(self, job: Job) -> None:
        """Begin a stage in a process that has none."""
        self._node.give(_HERE, job.name, job.needs)
        place = next(n for n, each in enumerate(self._workers) if each is None or not each.job)
        worker = self._workers[place] or self._started(place)
        worker.job, worker.began_s, worker.progress = job, time.monotonic(), None
        worker.pipe.send(job.stage)
        self._workers[place] = worker

    def wait(self) -> Ended | None:
        """Return the next stage that ended; take in how far the others are."""
        by_pipe = {each.pipe: each for each in self._workers if each and each.job}
        for pipe in wait(list(by_pipe), timeout=_TICK_S):
            worker = by_pipe[pipe]  # type: ignore[index]
            try:
                told = worker.pipe.recv()
            except (EOFError, OSError):
                return self._lost(worker)
            if isinstance(told, str):
                return self._ended(worker, told)
            worker.progress = told
        return None

    def seen(self) -> dict[str, Any]:
        """Return how far the running stages are, by fingerprint: units done, and in all."""
        running = [each for each in self._workers if each and each.job and each.progress]
        return {"progress": {each.job.name: each.progress for each in running if each.job}}

    def _started(self, place: int) -> _Worker:
        """Start a process, with a GPU of its own where there are any."""
        here, there = Pipe()
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        gpus = visible.split(",") if visible else [str(n) for n in range(self._num_gpus)]
        alone = {"CUDA_VISIBLE_DEVICES": gpus[place % len(gpus)]} if self._num_gpus else {}
        process = subprocess.Popen(  # noqa: S603 - this very Python
            [sys.executable, "-c", f"from {__name__} import serve; serve({there.fileno()})"],
            stdin=subprocess.PIPE,  # closes when this process ends, which ends the other
            pass_fds=[there.fileno()],
            env=os.environ | alone,
            start_new_session=True,  # an interrupt from the keyboard is for this process alone
        )
        there.close()
        here.send(self._work)
        return _Worker(process, here)

    def _lost(self, worker: _Worker) -> Ended:
        """Say how a process ended that was to go on; the next stage gets another one."""
        code = worker.end()
        self._workers[self._workers.index(worker)] = None
        why = "It was killed, perhaps for want of memory" if code < 0 else f"Exit code {code}"
        return self._ended(worker, f"Its process is gone. {why}.", was_lost=True)

    def _ended(self, worker: _Worker, fault: str, *, was_lost: bool = False) -> Ended:
        job, worker.job = worker.job, None
        assert job is not None
        self._node.take_back(job.name)
        time_s = time.monotonic() - worker.began_s
        return Ended(name=job.name, time_s=time_s, fault=fault, was_lost=was_lost)


def serve(pipe_number: int) -> None:
    """Be such a process: take the work, then stages; answer each with its fault."""
    Thread(target=_end_with_parent, daemon=True).start()
    pipe = Connection(pipe_number)
    work = pipe.recv()
    told_s = 0.0

    def progress(done: int, total: int) -> None:
        nonlocal told_s
        if time.monotonic() - told_s > _TELL_EVERY_S:
            told_s = time.monotonic()
            pipe.send((done, total))

    while True:
        pipe.send(run_stage(work, pipe.recv(), progress))


def _end_with_parent() -> None:
    """End as soon as the other end of standard input is closed, by a death too."""
    sys.stdin.buffer.read()
    os._exit(1)
