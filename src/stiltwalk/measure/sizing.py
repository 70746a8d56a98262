"""How many paired blocks a verdict needs, and how small a difference some blocks can resolve."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from math import log1p, sqrt
from statistics import stdev

import numpy as np
from scipy.special import erf, gammaincinv, stdtrit

from stiltwalk.measure.verdicts import ALPHA, LEAST_BLOCKS

POWER = 0.99
"""Wanted probability of EQUIVALENT where the true ratio is 1; at 0.9 one control in ten fails."""
MOST_BLOCKS = 240
"""More are not measured; a cell that would need them comes out as INCONCLUSIVE."""

_CAUTION = 0.1
"""Chance that the true spread is larger than what a pilot's blocks are raised to."""
_OUT_OF_REACH = 10**7
_QUANTILES = (np.arange(1000) + 0.5) / 1000


def power_at_equality(num_blocks: int, spread: float, margin: float, num_cells: int = 1) -> float:
    """Return the probability that blocks show EQUIVALENT where the true ratio is 1.

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
        pilot: block log-ratios, two at least.
    """
    degrees = len(pilot) - 1
    return stdev(pilot) * sqrt(degrees / (2 * float(gammaincinv(degrees / 2, _CAUTION))))


def blocks_needed(spread: float, margin: float, num_cells: int = 1) -> int:
    """Return how many blocks give EQUIVALENT at true equality with probability POWER.

    Args:
        spread: standard deviation of the block log-ratios; of a pilot, see `cautious_spread`.
        margin: what still counts as equal; 0.03 for 3 %.
        num_cells: cells of the comparison, so that one may be quoted alone after Holm.
    """
    counts = range(LEAST_BLOCKS, _OUT_OF_REACH)
    return counts[0] + bisect_left(
        counts, POWER, key=lambda count: power_at_equality(count, spread, margin, num_cells)
    )


def resolvable_margin(spread: float, num_blocks: int = MOST_BLOCKS) -> float:
    """Return the smallest margin that so many blocks can show EQUIVALENT within, as a fraction."""
    steps = range(1, 10_000)
    found = bisect_left(
        steps, POWER, key=lambda step: power_at_equality(num_blocks, spread, step / 10_000)
    )
    return (found + 1) / 10_000
