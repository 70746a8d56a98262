"""Stages as work to be handed out: what each rests on, how long it may take, what it needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from stiltwalk.plan.costs import Shape, cost
from stiltwalk.plan.graph import Plan
from stiltwalk.plan.stages import (
    Base,
    FineTune,
    Intermediate,
    Measure,
    Predict,
    Pretrain,
    Prompt,
    Rules,
    Stage,
    fingerprint,
    parents,
)

_PROCESS_BYTES = 1 << 30
"""What Python, torch and a task's rows take."""
_TRAINED_COPIES = 4
"""Weights, their gradients and AdamW's two moments."""


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What a stage takes of the node that carries it out.

    Args:
        cpus: one per thread.
        on_gpu: whether it computes on a GPU where there are any.
        memory_bytes: about so much.
        alone: nothing else may run on the node meanwhile.
    """

    cpus: int = 1
    on_gpu: bool = False
    memory_bytes: int = 0
    alone: bool = False


@dataclass(frozen=True, kw_only=True)
class Job:
    """A stage to carry out; `name` is its fingerprint, `parents` are theirs."""

    name: str
    stage: Stage
    parents: tuple[str, ...] = ()
    cost_s: float = 0.0
    needs: Needs = Needs()


def jobs_of(plan: Plan, shape: Shape) -> Iterator[Job]:
    """Yield the stages of a plan as jobs, parents first; `shape` is the base encoder's."""
    for stage in plan.stages:
        yield Job(
            name=fingerprint(stage),
            stage=stage,
            parents=tuple(fingerprint(parent) for parent in parents(stage)),
            cost_s=cost(stage, plan.recipe, shape).time_s,
            needs=_needs(stage, plan.recipe.num_threads, shape),
        )


def _needs(stage: Stage, num_threads: int, shape: Shape) -> Needs:
    """Estimate what a stage takes; activations are cut to fit whatever memory there is."""
    match stage:
        case Base() | Rules():
            copies = 0
        case Pretrain() | Intermediate() | FineTune():
            copies = _TRAINED_COPIES
        case Prompt() | Predict():
            copies = 1
        case Measure():
            copies = 2
        case _:
            assert_never(stage)
    return Needs(
        cpus=num_threads,
        on_gpu=copies > 0,
        memory_bytes=_PROCESS_BYTES + copies * shape.file_bytes,
        alone=isinstance(stage, Measure),
    )
