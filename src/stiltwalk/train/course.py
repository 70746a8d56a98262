"""How training went so far: steps, looks at dev, and the best of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from stiltwalk.config.recipe import TrainSettings


@dataclass(frozen=True, kw_only=True)
class Look:
    """One look at dev: after how many steps, the mean score, and each task's."""

    step: int
    score: float
    by_task: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Training:
    """What came out: looks at dev, the best of them, and one record per step."""

    looks: tuple[Look, ...]
    best: Look
    log: tuple[dict[str, Any], ...]
    num_tokens: int


@dataclass(eq=False)
class Course:
    """Where training stands."""

    keeps: Literal["best", "last"]
    looks: list[Look]
    log: list[dict[str, Any]]

    @property
    def best(self) -> Look:
        """The look whose weights are kept: the first with the best score, or the last."""
        if self.keeps == "last":
            return self.looks[-1]
        return max(self.looks, key=lambda look: look.score)

    def left_by_decay(self, settings: TrainSettings) -> float:
        """Return what AdamW has left of a weight that never had a gradient."""
        decay = settings.weight_decay
        taken = (entry for entry in self.log if entry["gradient_norm"] is not None)
        return float(math.prod(1 - entry["learning_rate"] * decay for entry in taken))

    def is_over(self, patience: int) -> bool:
        """Tell whether dev has not got better for too long."""
        return bool(self.looks) and len(self.looks) - self.looks.index(self.best) > patience
