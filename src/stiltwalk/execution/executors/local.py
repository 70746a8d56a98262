"""Carry out stages on this machine: one after the other in this process, or several at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from stiltwalk.execution.executors import Assignment, Ended, Executor
from stiltwalk.execution.executors.worker import Worker, context_of, perform
from stiltwalk.execution.scheduler import Job, Needs
from stiltwalk.stages.stage import Stage
from stiltwalk.store.machine import num_processes


def started(address: str, assignment: Assignment) -> AbstractContextManager[Executor]:
    """Return what carries stages out here; "local://N" asks for N at a time."""
    num_jobs = int(address.partition("://")[2] or assignment.num_jobs)
    if num_jobs > 1 and num_processes() == 1:
        from stiltwalk.execution.executors.processes import Processes

        work = Worker(assignment.recipe, assignment.store.address)
        return Processes(num_jobs, assignment.recipe.num_threads, work)
    context = context_of(assignment)
    return nullcontext(InProcess(lambda stage: perform(stage, context)))


class InProcess:
    """Carries out one stage after the other here; the first error ends the run."""

    is_parallel = False

    def __init__(self, perform: Callable[[Stage], None]) -> None:
        """Carry stages out by calling `perform`."""
        self._perform = perform
        self._job: Job | None = None

    def has_room(self, _needs: Needs) -> bool:
        """Tell whether nothing runs."""
        return self._job is None

    def start(self, job: Job) -> None:
        """Remember what `wait` is to do."""
        self._job = job

    def wait(self) -> Ended | None:
        """Carry out the stage that was started."""
        assert self._job is not None
        job, began = self._job, time.perf_counter()
        self._perform(job.stage)
        self._job = None
        return Ended(name=job.name, time_s=time.perf_counter() - began)

    def seen(self) -> dict[str, Any]:
        """Return nothing: there is this process alone."""
        return {}
