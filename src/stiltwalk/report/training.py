"""What training every arm took."""

from __future__ import annotations

from dataclasses import dataclass

from stiltwalk.records import BASELINE_ARM
from stiltwalk.report.rows import RunRows

TRAINING = frozenset({"Intermediate", "FineTune", "Prompt"})
"""Classes of stages that train an arm."""


@dataclass(frozen=True, kw_only=True)
class TrainingCost:
    """The stages that an arm's evaluations rest on, all seeds together.

    `more_s` is the time beyond that of "none", None where that cannot be told.
    """

    arm: str
    num_stages: int
    num_tokens: int
    time_s: float
    more_s: float | None


def training_costs(run: RunRows) -> tuple[TrainingCost, ...]:
    """Return what every arm's finished training stages took; a shared stage counts in each."""
    times = {
        arm: [
            (each.time_s, each.num_tokens)
            for each in run.stages
            if each.kind in TRAINING and arm in each.arms and each.time_s is not None
        ]
        for arm in run.arms
    }
    reference = sum(time_s for time_s, _ in times.get(BASELINE_ARM, []))
    return tuple(
        TrainingCost(
            arm=arm,
            num_stages=len(stages),
            num_tokens=sum(tokens for _, tokens in stages),
            time_s=(time_s := sum(time_s for time_s, _ in stages)),
            more_s=time_s - reference if reference and arm != BASELINE_ARM else None,
        )
        for arm, stages in times.items()
        if stages
    )
