"""How much consecutive blocks repeat one another, and how many independent ones they are worth.

A machine that is slow in one block is often still slow in the next. So a mean over blocks varies
more than their spread and number tell: blocks whose lag-1 correlation is 0.6 are worth a quarter.

Two steps, since neither is enough alone: many blocks are averaged in groups (block means), which
leaves slow drifts less room to pass as precision; what correlation the means still have widens
their interval as that of a first-order autoregression with the lag-1 correlation that was found,
its bias of -(1 + 4 rho) / n taken back (Marriott and Pope 1954). By `benchmarks/verdict_errors.py`
equality is then claimed in 6 % at most on the margin for correlations up to 0.6. A drift over tens
of blocks under stronger white noise looks like less correlation than it is: there it is 19 %, in
place of 28 % without any of this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

import numpy as np

LEAST_GROUPS = 32
"""Fewer blocks are not averaged: a correlation needs some values to be estimated from."""
HIGHEST = 0.95
"""A correlation above cannot be told from a drift that no number of blocks averages out."""

_ROUNDING = 1e-12
_BIAS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """What consecutive values say of their mean.

    `spread` is the standard deviation of what was averaged, corrected for what its correlation
    hides. `effective` is the number of independent values that would tell the mean as well.
    """

    mean: float
    spread: float
    effective: float

    @property
    def error(self) -> float:
        """The standard error of the mean."""
        return self.spread / sqrt(self.effective)


def sample(values: Sequence[float]) -> Sample:
    """Return what values in their order say of their mean; two at least."""
    count = len(values)
    effective = effective_number(count, lag_1(values))
    hidden = (count - 1) / max(count - count / effective, 1.0)
    return Sample(mean=fmean(values), spread=stdev(values) * sqrt(hidden), effective=effective)


def group_means(values: Sequence[float]) -> list[float]:
    """Return the means of neighbours: from 32 to 63 of them, or the values if they are fewer."""
    num_groups = len(values) // max(1, len(values) // LEAST_GROUPS)
    return [float(each.mean()) for each in np.array_split(np.asarray(values), num_groups)]


def lag_1(values: Sequence[float]) -> float:
    """Return the correlation of values with their successors, its bias taken back."""
    count = len(values)
    from_mean = np.asarray(values) - fmean(values)
    squares = float(from_mean @ from_mean)
    if squares <= count * _ROUNDING**2:
        return 0.0
    found = float(from_mean[1:] @ from_mean[:-1]) / squares
    return max(-1.0, min(1.0, (count * found + 1) / max(count - _BIAS, 1)))


def effective_number(count: float, correlation: float) -> float:
    """Return how many independent values so many correlated ones are worth, one at least.

    Values that avoid their predecessors count as independent: more than that is not believed.
    """
    rho = min(max(correlation, 0.0), HIGHEST)
    factor = (1 + rho) / (1 - rho) - 2 * rho * (1 - rho**count) / (count * (1 - rho) ** 2)
    return float(count / max(factor, 1.0))
