"""How many paired blocks a verdict needs, and how small a difference some blocks can resolve."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from math import ceil, log1p, sqrt

import numpy as np
from scipy.special import erf, gammaincinv, stdtrit

from stiltwalk.measure.correlation import effective_number, lag_1, sample
from stiltwalk.measure.verdicts import ALPHA, LEAST_BLOCKS

POWER = 0.99
"""Wanted probability of EQUIVALENT where the true ratio is 1; at 0.9 one control in ten fails."""
MOST_BLOCKS = 240
"""More are not measured; a cell that would need them comes out as INCONCLUSIVE."""

FEWEST_BLOCKS = 2 * LEAST_BLOCKS
"""As many independent ones are planned for: by chance some blocks look more correlated than so."""

_CAUTION = 0.1
"""Chance that the true spread is larger than what a pilot's blocks are raised to."""
_OUT_OF_REACH = 10**7
_QUANTILES = (np.arange(1000) + 0.5) / 1000


def power_at_equality(num_blocks: float, spread: float, margin: float, num_cells: int = 1) -> float:
    """Return the probability that independent blocks show EQUIVALENT where the true ratio is 1.

    Args:
        num_blocks: two at least.
        spread: true standard deviation of the block log-ratios.
        margin: what still counts as equal; 0.03 for 3 %.
        num_cells: for a verdict that must survive Holm's correction over so many.
    """
    degrees = num_blocks - 1
    error = max(spread, 1e-12) / sqrt(num_blocks)
    estimated = error * np.sqrt(2 * gammaincinv(degrees / 2, _QUANTILES) / degrees)
    room = log1p(margin) - stdtrit(degrees, 1 - ALPHA / num_cells) * estimated
    return float(np.mean(erf(np.maximum(room, 0) / (error * sqrt(2)))))


def cautious_spread(pilot: Sequence[float]) -> float:
    """Return an upper limit of the spread that block log-ratios have, from a pilot's.

    The pilot's own spread is as often too small as too large, and too few blocks cost more than
    too many. A pilot's blocks size a measurement and are not judged: where they are, the number
    of blocks depends on what they show, and equality is claimed too often.

    Args:
        pilot: block log-ratios in the order of measuring, two at least.
    """
    found = sample(pilot)
    degrees = max(found.effective - 1, 1.0)
    return found.spread * sqrt(degrees / (2 * float(gammaincinv(degrees / 2, _CAUTION))))


def blocks_for(pilot: Sequence[float], margin: float, num_cells: int = 1) -> int:
    """Return how many blocks a pilot's spread and correlation ask for; see `blocks_needed`."""
    correlation = lag_1(pilot)
    trusted = FEWEST_BLOCKS**2 / effective_number(FEWEST_BLOCKS, correlation)
    needed = blocks_needed(cautious_spread(pilot), margin, num_cells, correlation)
    return max(needed, ceil(trusted))


def blocks_needed(
    spread: float, margin: float, num_cells: int = 1, correlation: float = 0.0
) -> int:
    """Return how many blocks give EQUIVALENT at true equality with probability POWER.

    Args:
        spread: standard deviation of the block log-ratios; of a pilot, see `cautious_spread`.
        margin: what still counts as equal; 0.03 for 3 %.
        num_cells: cells of the comparison, so that one may be quoted alone after Holm.
        correlation: of each block with the next.
    """

    def worth(count: int) -> float:
        return effective_number(count, correlation)

    counts = range(LEAST_BLOCKS, _OUT_OF_REACH)
    return counts[0] + bisect_left(
        counts,
        True,
        key=lambda count: (
            worth(count) >= LEAST_BLOCKS
            and power_at_equality(worth(count), spread, margin, num_cells) >= POWER
        ),
    )


def resolvable_margin(spread: float, num_blocks: float) -> float:
    """Return the smallest margin, a fraction, that so many independent blocks can show."""
    steps = range(1, 10_000)
    found = bisect_left(
        steps, POWER, key=lambda step: power_at_equality(num_blocks, spread, step / 10_000)
    )
    return (found + 1) / 10_000
