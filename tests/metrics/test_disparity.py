"""Tests for stiltwalk.metrics.attribution."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stiltwalk.errors import MetricError
from stiltwalk.metrics.attribution import Disparity, disparity, variance_shares

COSTS = st.dictionaries(
    st.sampled_from("ar de en ja sw zh".split()), st.floats(0.1, 100), min_size=1
)


def test_the_most_expensive_language_is_set_against_the_cheapest() -> None:
    found = disparity({"en": 1.0, "de": 1.0, "my": 4.0})
    assert found == Disparity(
        cheapest="en", most_expensive="my", ratio=4.0, gini=pytest.approx(1 / 3)
    )


@given(COSTS, st.floats(0.1, 10))
def test_a_faster_machine_is_no_fairer(costs: dict[str, float], factor: float) -> None:
    other = disparity({code: factor * cost for code, cost in costs.items()})
    assert (other.ratio, other.gini) == pytest.approx(
        (disparity(costs).ratio, disparity(costs).gini), abs=1e-9
    )
    assert 0 <= other.gini < 1 <= other.ratio


def test_equal_costs_have_no_disparity() -> None:
    found = disparity({"en": 2.0, "de": 2.0})
    assert (found.ratio, found.gini) == (1, 0)


def test_a_cost_of_nothing_is_refused() -> None:
    with pytest.raises(MetricError, match="'de': 0"):
        disparity({"en": 1.0, "de": 0.0})


def crossed(language: list[float], task: list[float]) -> tuple[list[float], dict[str, list[str]]]:
    """Return costs that are products of what a language and a task cost, each with each."""
    places = list(product(range(len(language)), range(len(task))))
    costs = [float(np.exp(language[i] + task[j])) for i, j in places]
    factors = {"language": [str(i) for i, _ in places], "task": [str(j) for _, j in places]}
    return costs, factors


def test_crossed_factors_explain_their_own_variance() -> None:
    costs, factors = crossed([0.0, 1.0, 2.0], [0.0, 0.5])
    factors["arm"] = ["none"] * len(costs)
    parts = np.array([np.var([0, 1, 2]), np.var([0, 0.5])])
    shares = variance_shares(costs, factors)
    assert list(shares) == ["language", "task", "arm", "rest"]
    expected = [*(parts / parts.sum()), 0, 0]
    assert list(shares.values()) == pytest.approx(expected, abs=1e-12)


def test_factors_that_always_change_together_share_alike() -> None:
    levels = ["a", "a", "b", "b"]
    shares = variance_shares([1, 1, 2, 2], {"language": levels, "task": levels})
    assert shares == pytest.approx({"language": 0.5, "task": 0.5, "rest": 0})


def test_what_no_factor_explains_is_the_rest() -> None:
    shares = variance_shares([1, 2, 1, 2], {"language": ["a", "a", "b", "b"]})
    assert shares == pytest.approx({"language": 0, "rest": 1})


def test_equal_costs_have_nothing_to_explain() -> None:
    assert variance_shares([3.0] * 4, {"language": list("abab")}) == {"language": 0, "rest": 0}


@given(st.data())
def test_shares_are_fractions_that_add_up(data: st.DataObject) -> None:
    count = data.draw(st.integers(2, 20))
    levels = st.lists(st.sampled_from("abc"), min_size=count, max_size=count)
    costs = data.draw(st.lists(st.integers(1, 9), min_size=count, max_size=count))
    shares = variance_shares(
        costs, {name: data.draw(levels) for name in ("language", "task", "arm")}
    )
    assert all(-1e-9 <= share <= 1 + 1e-9 for share in shares.values())
    assert sum(shares.values()) == pytest.approx(1 if len(set(costs)) > 1 else 0)
