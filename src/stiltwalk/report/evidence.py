"""What claims are judged by: differences between a run's arms, with their errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from stiltwalk.records import BASELINE_ARM
from stiltwalk.report.noise import Estimate, estimated
from stiltwalk.report.resampling import Floats, Resamples
from stiltwalk.report.rows import RunRows
from stiltwalk.report.totals import spread
from stiltwalk.store.record import WalkedArm
from stiltwalk.tasks import INTERMEDIATE, TARGETS

Weights = Mapping[tuple[str, str], float]
"""(arm, target) to the factor with which its score enters a difference."""


class Evidence:
    """A run's arms by what they are made of, and the differences between their scores.

    Only arms with every seed and language of the run's XTREME targets count: a half-finished arm
    proves nothing.
    """

    def __init__(self, run: RunRows, drawn: Resamples) -> None:
        """Take what a run holds; `drawn` are its scores with the examples drawn again."""
        self.run = run
        self.drawn = drawn

    @property
    def targets(self) -> tuple[str, ...]:
        """Those of the run's targets that the paper speaks of, XTREME's."""
        return tuple(task for task in self.run.targets if task in TARGETS)

    @property
    def has_baseline(self) -> bool:
        """Whether gains can be formed."""
        return self._is_there(BASELINE_ARM)

    def plain_arms(self) -> Mapping[str, WalkedArm]:
        """Return the finished arms of plain English intermediate training."""
        return {
            name: arm
            for name, arm in self.run.walked.items()
            if arm.is_plain and self._is_there(name)
        }

    def single_arms(self) -> Mapping[str, str]:
        """Return intermediate task to the finished arm that was trained on it alone."""
        return {
            arm.tasks[0]: name for name, arm in self.plain_arms().items() if len(arm.tasks) == 1
        }

    def all_arm(self) -> str | None:
        """Return the finished arm that was trained on all nine tasks at once."""
        return next(
            (n for n, arm in self.plain_arms().items() if set(arm.tasks) == set(INTERMEDIATE)), None
        )

    def variants(self, which: str) -> list[tuple[str, str]]:
        """Return pairs of a plain arm and its variant on the same tasks, both finished.

        Args:
            which: `has_mlm` or `is_translated`.
        """
        return [
            (plain, name)
            for name, arm in self.run.walked.items()
            if getattr(arm, which) and self._is_there(name)
            for plain, other in self.plain_arms().items()
            if set(other.tasks) == set(arm.tasks)
        ]

    def gain(self, arm: str, tasks: Sequence[str] = ()) -> Estimate:
        """Return the gain over "none", the mean over targets (by default XTREME's)."""
        return self.difference(arm, BASELINE_ARM, tasks)

    def difference(
        self, arm: str, other: str, tasks: Sequence[str] = (), languages: Sequence[str] = ()
    ) -> Estimate:
        """Return how much higher one arm scores than another, a fraction."""
        tasks = tasks or self.targets
        share = 1 / len(tasks)
        weights = {(arm, task): share for task in tasks}
        for task in tasks:
            weights[other, task] = weights.get((other, task), 0.0) - share
        return self.weighted(weights, languages)

    def weighted(self, weights: Weights, languages: Sequence[str] = ()) -> Estimate:
        """Return a difference of weighted scores, seed by seed; its weights sum to zero."""
        values_S = sum(
            factor * self.drawn.per_seed(arm, task, languages)
            for (arm, task), factor in weights.items()
        )
        examples_R = None
        if all(self.drawn.has_examples(arm, task, languages) for arm, task in weights):
            examples_R = sum(
                factor * self.drawn.over_examples(arm, task, languages)
                for (arm, task), factor in weights.items()
            )
        return known(np.asarray(values_S), None if examples_R is None else np.asarray(examples_R))

    def finished(self, arm: str, tasks: Sequence[str]) -> bool:
        """Whether an arm has every seed and language of some targets."""
        return self.drawn.has(arm, tasks)

    def lacking_singles(self) -> str:
        """Return which of the nine tasks have no finished arm of their own, as a sentence."""
        absent = [task for task in INTERMEDIATE if task not in self.single_arms()]
        if not absent:
            return ""
        return f"No finished arm is trained on {', '.join(absent)} alone."

    def lacking_targets(self) -> str:
        """Return which of XTREME's nine targets the run lacks, as a sentence."""
        absent = [task for task in TARGETS if task not in self.targets]
        return f"The run lacks {', '.join(absent)}." if absent else ""

    def _is_there(self, arm: str) -> bool:
        return arm in self.run.arms and bool(self.targets) and self.drawn.has(arm, self.targets)


def known(values_S: Floats, examples_R: Floats | None) -> Estimate:
    """Return one value per seed, and its resamples, as an estimate; unknown errors count as 0."""
    over_seeds = spread(values_S)
    assert over_seeds is not None
    found = estimated(over_seeds, examples_R)
    return found or Estimate(over_seeds.mean, over_seeds.num_seeds, None, None)
