"""From the log-ratios of paired blocks to a verdict with a margin.

A block times A and B on the same requests; its log-ratio is log(time of B / time of A). The
ratio that is judged is the geometric mean over blocks.

A machine that is slow in one block is often still slow in the next. So a mean over blocks varies
more than their spread and number tell: blocks whose lag-1 correlation is 0.6 are worth a quarter.
Two steps, since neither is enough alone: many blocks are averaged in groups (block means), which
leaves slow drifts less room to pass as precision; what correlation the means still have widens
their interval as that of a first-order autoregression with the lag-1 correlation that was found,
its bias of -(1 + 4 rho) / n taken back (Marriott and Pope 1954). By `benchmarks/verdict_errors.py`
equality is then claimed in 6 % at most on the margin for correlations up to 0.6. A drift over tens
of blocks under stronger white noise looks like less correlation than it is: there it is 19 %, in
place of 28 % without any of this.

Equality is shown by two one-sided tests at 5 % each, so by a 90 % interval; a direction, which
nobody named beforehand, by one two-sided test at 5 %, so by a 95 % interval.

Source: two one-sided tests (Schuirmann 1987) on log-ratios; Holm (1979) over several cells.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import exp, inf, log, log1p, sqrt
from statistics import fmean, stdev
from typing import TypeVar

import numpy as np
from scipy.special import stdtr, stdtrit

ALPHA = 0.05
"""Level of every test: each one-sided one of equality, the two-sided one of a direction."""
LEAST_BLOCKS = 8
"""Blocks that are worth fewer independent ones decide nothing."""
LEAST_GROUPS = 32
"""Fewer blocks are not averaged: a correlation needs some values to be estimated from."""
HIGHEST = 0.95
"""A correlation above cannot be told from a drift that no number of blocks averages out."""

_ROUNDING = 1e-12
_BIAS = 4

Cell = TypeVar("Cell", bound=Hashable)
"""What one verdict is about: a task, or a task and a language, in one scenario."""


class Verdict(StrEnum):
    """What a paired measurement shows about B against A."""

    EQUIVALENT = "EQUIVALENT"
    FASTER = "FASTER"
    SLOWER = "SLOWER"
    INCONCLUSIVE = "INCONCLUSIVE"


MEMORY_WORDS = {
    Verdict.EQUIVALENT: "EQUIVALENT",
    Verdict.FASTER: "LESS",
    Verdict.SLOWER: "MORE",
    Verdict.INCONCLUSIVE: "INCONCLUSIVE",
}
"""What a verdict is called where bytes are compared."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """What consecutive values say of their mean, by Student's t.

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

    @property
    def degrees(self) -> float:
        """Degrees of freedom, one at least."""
        return max(self.effective - 1, 1.0)

    def interval(self, one_sided: float) -> tuple[float, float]:
        """Return the interval of the mean, each end at a one-sided level such as 0.95."""
        half_width = float(stdtrit(self.degrees, one_sided)) * self.error
        return self.mean - half_width, self.mean + half_width

    def p_above(self, distance: float) -> float:
        """Return the p-value of a mean that lies `distance` on the right side of its bound."""
        return float(stdtr(self.degrees, -in_errors(distance, self.error)))


def in_errors(distance: float, error: float) -> float:
    """Return a distance as a multiple of a standard error, which may be 0."""
    return distance / error if error else inf * distance if distance else 0.0


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """One cell's paired measurement and its verdict; written to JSON field by field.

    `ratio` is the geometric mean of time B / time A, `low` and `high` its 90 % interval, `low_95`
    and `high_95` its 95 % interval, both by Student's t. `margin` is the difference that still
    counts as equal (0.03 for 3 %), `spread` the standard deviation of the block log-ratios,
    `correlation` that of each with the next, `effective_blocks` how many independent blocks they
    are worth; `is_trusted` says that these are enough. `p_equivalent` is that of the two one-sided
    tests, `p_differs` that of the two-sided test against 1. `differs` says that 1 is excluded;
    `stands_alone` that the verdict may be quoted without its comparison.
    """

    verdict: Verdict
    ratio: float
    low: float
    high: float
    low_95: float
    high_95: float
    margin: float
    num_blocks: int
    effective_blocks: float
    spread: float
    correlation: float
    p_equivalent: float
    p_differs: float
    differs: bool
    is_trusted: bool
    stands_alone: bool = True

    def __post_init__(self) -> None:
        """Make the verdict of a row read from JSON, a plain word, one of ours."""
        object.__setattr__(self, "verdict", Verdict(self.verdict))

    def __str__(self) -> str:
        """Return the verdict with all that it rests on, as one line of text."""
        small = ", small but real" if self.verdict is Verdict.EQUIVALENT and self.differs else ""
        return (
            f"{self.verdict}{small}: ratio {self.ratio:.3f} "
            f"(90 % interval {self.low:.3f} to {self.high:.3f}, margin {100 * self.margin:g} %, "
            f"{self.worth})"
        )

    @property
    def worth(self) -> str:
        """How many blocks there were, and what their correlation leaves of them, in words."""
        return (
            f"{self.num_blocks} blocks worth {self.effective_blocks:.0f} independent ones, "
            f"lag-1 correlation {self.correlation:.2f}"
        )


def judge(log_ratios: Sequence[float], margin: float) -> Judged:
    """Return the verdict on one cell that stands alone.

    Args:
        log_ratios: log(time of B / time of A) of each block in the order of measuring, two at
            least.
        margin: fixed before measuring; 0.03 for 3 %.
    """
    found = sample(group_means(log_ratios))
    low, high = found.interval(1 - ALPHA)
    low_95, high_95 = found.interval(1 - ALPHA / 2)
    differs = low_95 > 0 or high_95 < 0
    error = found.error
    worth = min(len(log_ratios), (sample(log_ratios).spread / error) ** 2 if error else inf)
    is_trusted = round(min(found.effective, worth), 3) >= LEAST_BLOCKS
    verdict = verdict_of(low, high, margin, differs=differs)
    return Judged(
        verdict=verdict if is_trusted else Verdict.INCONCLUSIVE,
        ratio=exp(found.mean),
        low=exp(low),
        high=exp(high),
        low_95=exp(low_95),
        high_95=exp(high_95),
        margin=margin,
        num_blocks=len(log_ratios),
        effective_blocks=round(worth, 3),
        spread=stdev(log_ratios),
        correlation=lag_1(log_ratios),
        p_equivalent=found.p_above(log1p(margin) - abs(found.mean)),
        p_differs=min(1.0, 2 * found.p_above(abs(found.mean))),
        differs=differs,
        is_trusted=is_trusted,
    )


def verdict_of(low: float, high: float, margin: float, *, differs: bool) -> Verdict:
    """Return what a 90 % interval of log-ratios shows.

    Args:
        low: its lower end.
        high: its upper end.
        margin: what still counts as equal; 0.03 for 3 %.
        differs: whether a two-sided test excludes equal times.
    """
    if -log1p(margin) < low and high < log1p(margin):
        return Verdict.EQUIVALENT
    if differs:
        return Verdict.SLOWER if low + high > 0 else Verdict.FASTER
    return Verdict.INCONCLUSIVE


def judge_cells(cells: Mapping[Cell, Judged]) -> dict[Cell, Judged]:
    """Return a comparison's cells with what is left of their verdicts after Holm's correction.

    FASTER and SLOWER that do not survive become INCONCLUSIVE. EQUIVALENT stays, since "equivalent
    everywhere" needs no correction, but does not stand alone where it does not survive.

    Args:
        cells: each judged alone; one comparison's, all of them.
    """
    equivalent = holm({cell: each.p_equivalent for cell, each in cells.items()})
    different = holm({cell: each.p_differs for cell, each in cells.items()})
    return {
        cell: _corrected(each, equivalent[cell] <= ALPHA, different[cell] <= ALPHA)
        for cell, each in cells.items()
    }


def _corrected(alone: Judged, still_equivalent: bool, still_differs: bool) -> Judged:
    if alone.verdict is Verdict.EQUIVALENT:
        differs = alone.differs and still_differs
        return replace(alone, differs=differs, stands_alone=still_equivalent)
    if still_differs:
        return alone
    return replace(alone, verdict=Verdict.INCONCLUSIVE, differs=False)


def holm(p_values: Mapping[Cell, float]) -> dict[Cell, float]:
    """Return p-values adjusted for their number by Holm's step-down method."""
    adjusted, largest = {}, 0.0
    for rank, cell in enumerate(sorted(p_values, key=lambda cell: p_values[cell])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[cell]))
        adjusted[cell] = largest
    return adjusted


def equivalent_everywhere(cells: Collection[Judged]) -> bool:
    """Return whether every cell is EQUIVALENT: an intersection-union test, so each at ALPHA."""
    return bool(cells) and all(each.verdict is Verdict.EQUIVALENT for each in cells)


def log_ratios(times_a_s: Sequence[float], times_b_s: Sequence[float]) -> list[float]:
    """Return the log-ratio of each block from its two times, in any one unit."""
    return [log(b / a) for a, b in zip(times_a_s, times_b_s, strict=True)]
