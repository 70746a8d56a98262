"""From the log-ratios of paired blocks to a verdict with a margin.

A block times A and B on the same requests; its log-ratio is log(time of B / time of A). The
ratio that is judged is the geometric mean over blocks. Blocks follow one another, so that their
correlation widens every interval; see `correlation`.

Equality is shown by two one-sided tests at 5 % each, so by a 90 % interval; a direction, which
nobody named beforehand, by one two-sided test at 5 %, so by a 95 % interval.

Source: two one-sided tests (Schuirmann 1987) on log-ratios; Holm (1979) over several cells.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import exp, inf, log, log1p
from statistics import stdev
from typing import TypeVar

from scipy.special import stdtr, stdtrit

from stiltwalk.timing.correlation import group_means, lag_1, sample

ALPHA = 0.05
"""Level of every test: each one-sided one of equality, the two-sided one of a direction."""
LEAST_BLOCKS = 8
"""Blocks that are worth fewer independent ones decide nothing."""

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
    means = group_means(log_ratios)
    found, bound = sample(means), log1p(margin)
    mean, error, degrees = found.mean, found.error, max(found.effective - 1, 1.0)
    low, high = _interval(mean, error, degrees, 1 - ALPHA)
    low_95, high_95 = _interval(mean, error, degrees, 1 - ALPHA / 2)
    differs = low_95 > 0 or high_95 < 0
    worth = min(len(log_ratios), (sample(log_ratios).spread / error) ** 2 if error else inf)
    judged = Judged(
        verdict=Verdict.INCONCLUSIVE,
        ratio=exp(mean),
        low=exp(low),
        high=exp(high),
        low_95=exp(low_95),
        high_95=exp(high_95),
        margin=margin,
        num_blocks=len(log_ratios),
        effective_blocks=round(worth, 3),
        spread=stdev(log_ratios),
        correlation=lag_1(log_ratios),
        p_equivalent=_p_above(bound - abs(mean), error, degrees),
        p_differs=min(1.0, 2 * _p_above(abs(mean), error, degrees)),
        differs=differs,
        is_trusted=round(min(found.effective, worth), 3) >= LEAST_BLOCKS,
    )
    if not judged.is_trusted:
        return judged
    if -bound < low and high < bound:
        return replace(judged, verdict=Verdict.EQUIVALENT)
    if differs:
        return replace(judged, verdict=Verdict.SLOWER if mean > 0 else Verdict.FASTER)
    return judged


def _interval(mean: float, error: float, degrees: float, one_sided: float) -> tuple[float, float]:
    half_width = float(stdtrit(degrees, one_sided)) * error
    return mean - half_width, mean + half_width


def _p_above(distance: float, error: float, degrees: float) -> float:
    """Return the p-value of a mean that lies `distance` on the right side of its bound."""
    t = distance / error if error else inf * distance if distance else 0.0
    return float(stdtr(degrees, -t))


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
    """Return a verdict after correction."""
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


def equivalent_everywhere(cells: Mapping[Cell, Judged]) -> bool:
    """Return whether every cell is EQUIVALENT: an intersection-union test, so each at ALPHA."""
    return all(each.verdict is Verdict.EQUIVALENT for each in cells.values()) and bool(cells)


def log_ratios(times_a_s: Sequence[float], times_b_s: Sequence[float]) -> list[float]:
    """Return the log-ratio of each block from its two times, in any one unit."""
    return [log(b / a) for a, b in zip(times_a_s, times_b_s, strict=True)]
