"""Processes that were started together: the first runs the plan and writes, the others help.

They wait until it trains, and then do as it does with their share of every effective batch.
"""

from __future__ import annotations

from dataclasses import replace

from accelerate.state import PartialState

from stiltwalk.models.device import from_lead
from stiltwalk.stages.context import Context
from stiltwalk.stages.stage import TrainingStage
from stiltwalk.store.machine import leads, num_processes
from stiltwalk.training.distributed import join_processes

Job = tuple[TrainingStage, Context]


def call_helpers(stage: TrainingStage, context: Context) -> None:
    """Let the others train a stage together with the first process, which calls this."""
    if num_processes() > 1 and leads():
        join_processes()
        from_lead((stage, replace(context, progress=_untold)))


def next_job() -> Job | None:
    """Wait for what to train next, in a process that helps; None once all is done."""
    join_processes()
    job: Job | None = None
    try:
        job = from_lead(job)
    except RuntimeError:  # the first process is gone, and has said why
        return None
    return job


def dismiss_helpers() -> None:
    """Let the others end."""
    join_processes()
    from_lead(None)
    PartialState().destroy_process_group()


def _untold(_done: int, _total: int) -> None:
    """Stand for the progress that the first process alone shows."""
