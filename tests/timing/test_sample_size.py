"""Tests for stiltwalk.timing.sample_size."""

from functools import cache
from math import log1p

import numpy as np
import pytest
from numpy.typing import NDArray
from statsmodels.stats.weightstats import DescrStatsW

from stiltwalk.timing.sample_size import (
    FEWEST_BLOCKS,
    POWER,
    blocks_for,
    blocks_needed,
    cautious_spread,
    power_at_equality,
    resolvable_margin,
)
from stiltwalk.timing.tost import Verdict, judge


@pytest.mark.parametrize(
    ("margin", "spread", "count"),
    [(0.02, 0.01, 7), (0.02, 0.02, 20), (0.03, 0.02, 10)],
)
def test_so_many_blocks_and_not_one_fewer_have_the_power(
    margin: float, spread: float, count: int
) -> None:
    assert power_at_equality(count, spread, margin) >= POWER
    assert power_at_equality(count - 1, spread, margin) < POWER
    assert blocks_needed(spread, margin) == max(count, 8)


def test_a_spread_of_5_percent_needs_over_a_hundred_blocks_for_2_percent() -> None:
    assert blocks_needed(0.05, 0.02) == pytest.approx(117, abs=2)  # 117 was found by drawing


def test_power_is_the_share_of_drawn_experiments_that_show_equality() -> None:
    draws = np.random.default_rng(0).normal(0, 0.02, (1000, 14))
    equal = [ttost(row) for row in draws]
    assert np.mean(equal) == pytest.approx(power_at_equality(14, 0.02, 0.02), abs=0.02)


def ttost(log_ratios: NDArray[np.float64]) -> bool:
    """Tell whether independent blocks show equality, by statsmodels."""
    bound = log1p(0.02)
    return bool(DescrStatsW(log_ratios).ttost_mean(-bound, bound)[0] < 0.05)


@pytest.mark.parametrize(("correlation", "factor"), [(0.3, 13 / 7), (0.6, 4.0)])
def test_correlated_blocks_take_as_many_more_as_they_are_worth_less(
    correlation: float, factor: float
) -> None:
    free, repeating = (blocks_needed(0.03, 0.02, 1, each) for each in (0.0, correlation))
    assert repeating == pytest.approx(factor * free, rel=0.05)


def test_a_pilot_whose_blocks_repeat_one_another_asks_for_more() -> None:
    apart = [0.01, -0.01, 0.009, -0.011] * 4
    assert blocks_for(sorted(apart), 0.03) > 3 * blocks_for(apart, 0.03)
    assert blocks_for(apart, 0.03) >= FEWEST_BLOCKS


def test_standing_alone_among_many_cells_takes_more_blocks() -> None:
    counts = [blocks_needed(0.02, 0.02, num_cells) for num_cells in (1, 4, 15)]
    assert counts == sorted(set(counts))


def test_no_spread_needs_the_least_and_a_wild_one_more_than_anyone_measures() -> None:
    assert blocks_needed(0, 0.02) == 8
    assert blocks_needed(5, 0.01) > 1_000_000


def test_the_resolvable_margin_is_one_that_the_blocks_can_show() -> None:
    margin = resolvable_margin(0.02, 50)
    assert blocks_needed(0.02, margin) <= 50 < blocks_needed(0.02, margin - 2e-4)


def test_a_pilot_hides_a_larger_spread_in_one_of_ten_cases() -> None:
    draws = np.random.default_rng(0).normal(0, 0.02, (4000, 40))
    covered = [cautious_spread(row.tolist()) >= 0.02 for row in draws]
    assert np.mean(covered) == pytest.approx(0.91, abs=0.02)


def test_whole_measurements_keep_both_promises() -> None:
    """Pilot, sizing, blocks, verdict: 5 % wrong claims on the margin, 98 % right ones at 1."""
    rng = np.random.default_rng(0)
    size = cache(lambda spread: max(32, blocks_needed(spread, 0.03)))

    def equal(true_log_ratio: float) -> bool:
        num_blocks = size(round(cautious_spread(rng.normal(0, 0.02, 12).tolist()), 3))
        return judge(rng.normal(true_log_ratio, 0.02, num_blocks).tolist(), 0.03).verdict == (
            Verdict.EQUIVALENT
        )

    assert np.mean([equal(log1p(0.03)) for _ in range(2000)]) <= 0.058
    assert np.mean([equal(0) for _ in range(2000)]) >= 0.98
