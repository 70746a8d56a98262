"""What claims are judged by: the gains of a run's arms, as observed and drawn again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from stiltwalk.records import BASELINE_ARM
from stiltwalk.report.numbers import points
from stiltwalk.report.resampling import Floats, Resamples
from stiltwalk.report.rows import RunRows
from stiltwalk.store.record import WalkedArm
from stiltwalk.tasks import INTERMEDIATE, TARGETS


class Evidence:
    """A run's arms by what they are made of, and their gains. The first draw is the observed one.

    Only arms with every seed and language of the run's XTREME targets count: a half-finished arm
    proves nothing.
    """

    def __init__(self, run: RunRows, drawn: Resamples) -> None:
        """Take what a run holds; `drawn` are its scores drawn again."""
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
        """Return intermediate task to the finished arm that walked over it alone."""
        return {
            arm.tasks[0]: name for name, arm in self.plain_arms().items() if len(arm.tasks) == 1
        }

    def all_arm(self) -> str | None:
        """Return the finished arm that walked over all nine tasks at once."""
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

    def gain(self, arm: str, tasks: Sequence[str] = ()) -> Floats:
        """Return gain_R over "none" in points, the mean over targets (by default XTREME's)."""
        return self.difference(arm, BASELINE_ARM, tasks)

    def difference(
        self, arm: str, other: str, tasks: Sequence[str] = (), languages: Sequence[str] = ()
    ) -> Floats:
        """Return in points how much higher one arm scores than another, drawn again."""
        parts = [
            self.drawn.over_all(arm, task, languages) - self.drawn.over_all(other, task, languages)
            for task in tasks or self.targets
        ]
        lead_R: Floats = 100 * np.mean(parts, axis=0)
        return lead_R

    def finished(self, arm: str, tasks: Sequence[str]) -> bool:
        """Whether an arm has every seed and language of some targets."""
        return self.drawn.has(arm, tasks)

    def lacking_singles(self) -> str:
        """Return which of the nine tasks have no finished arm of their own, as a sentence."""
        absent = [task for task in INTERMEDIATE if task not in self.single_arms()]
        if not absent:
            return ""
        return f"No finished arm walks over {', '.join(absent)} alone."

    def lacking_targets(self) -> str:
        """Return which of XTREME's nine targets the run lacks, as a sentence."""
        absent = [task for task in TARGETS if task not in self.targets]
        return f"The run lacks {', '.join(absent)}." if absent else ""

    def _is_there(self, arm: str) -> bool:
        return arm in self.run.arms and bool(self.targets) and self.drawn.has(arm, self.targets)


def with_interval(gains_R: Floats) -> str:
    """Return what was observed, in points, and between what 95 % of the resamples lie."""
    low, high = np.quantile(gains_R[1:], [0.025, 0.975])
    return f"{points(gains_R[0] / 100)} ({points(low / 100)} to {points(high / 100)})"
