"""What correlation leaves of blocks, and that verdicts over drawn noise keep their promises."""

from __future__ import annotations

from math import log1p

import numpy as np
import pytest
from scipy.signal import lfilter
from statsmodels.tsa.stattools import acf

from stiltwalk.timing.correlation import effective_number, group_means, lag_1, sample
from stiltwalk.timing.tost import Verdict, judge


def repeating(correlation: float, count: int, repeats: int, seed: int = 0) -> np.ndarray:
    """Return rows of standard normal values, each correlated with the one before it."""
    drawn = np.random.default_rng(seed).standard_normal((repeats, count + 50))
    drawn *= np.sqrt(1 - correlation**2)
    return np.asarray(lfilter([1.0], [1.0, -correlation], drawn, axis=1))[:, 50:]


def test_the_correlation_is_that_of_statsmodels_with_its_bias_taken_back() -> None:
    (values,) = repeating(0.5, 40, 1)
    assert lag_1(values.tolist()) == pytest.approx((40 * acf(values, nlags=1)[1] + 1) / 36)


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.6])
def test_the_correlation_is_found_without_bias(correlation: float) -> None:
    found = [lag_1(row) for row in repeating(correlation, 40, 1500).tolist()]
    assert np.mean(found) == pytest.approx(correlation, abs=0.03)


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.6])
def test_so_many_independent_values_tell_the_mean_as_well(correlation: float) -> None:
    variance = repeating(correlation, 32, 20_000).mean(axis=1).var()
    assert 1 / effective_number(32, correlation) == pytest.approx(variance, rel=0.05)


def test_values_that_avoid_one_another_count_as_independent() -> None:
    assert effective_number(20, -0.8) == 20
    assert sample([1.0, -1.0] * 10).effective == 20


def test_equal_values_have_no_correlation() -> None:
    assert lag_1([0.1] * 10) == 0.0


@pytest.mark.parametrize(("count", "groups"), [(10, 10), (63, 63), (64, 32), (100, 33), (240, 34)])
def test_neighbours_are_averaged_where_there_are_many(count: int, groups: int) -> None:
    means = group_means(list(range(count)))
    assert len(means) == groups
    assert means == sorted(means)
    assert np.mean(means) == pytest.approx((count - 1) / 2, rel=0.01)


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.6])
@pytest.mark.parametrize("count", [32, 96])
def test_equality_is_not_claimed_on_the_margin_nor_a_direction_at_equality(
    correlation: float, count: int
) -> None:
    """Three standard errors of 1,500 draws are 1.7 points; without widening 0.6 gives over 20 %."""
    noise = 0.01 * repeating(correlation, count, 1500, seed=count)
    border = [judge(row, 0.03).verdict for row in (noise + log1p(0.03)).tolist()]
    assert np.mean([each is Verdict.EQUIVALENT for each in border]) <= 0.067
    null = [judge(row, 0.03) for row in noise.tolist()]
    assert np.mean([each.differs and each.is_trusted for each in null]) <= 0.067
