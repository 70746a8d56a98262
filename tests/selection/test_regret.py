"""Regret and its like: against every order of equals, and properties of any ranking."""

from __future__ import annotations

from itertools import combinations, permutations
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from stiltwalk.selection.regret import expected_best, ndcg, rank_correlation, regret

TRUTH = {"none": 0.5, "mnli": 0.8, "qqp": 0.6, "ccg": 0.4}
NAMES = tuple("abcdef")
truths = st.dictionaries(
    st.sampled_from(NAMES), st.sampled_from([0.0, 0.2, 0.35, 0.5, 0.9]), min_size=2
)
rankings = st.dictionaries(st.sampled_from(NAMES), st.integers(-2, 2).map(float))


def test_regrets_known_by_hand() -> None:
    ranking = {"ccg": 3.0, "qqp": 2.0, "mnli": 1.0}
    assert [regret(TRUTH, ranking, k) for k in (1, 2, 3, 9)] == pytest.approx([0.5, 0.25, 0, 0])


def test_without_a_ranking_the_regret_is_that_of_chance() -> None:
    for k in (1, 2, 3):
        chance = fmean(max(each) for each in combinations(TRUTH.values(), k))
        assert expected_best(TRUTH, {}, k) == pytest.approx(chance)


def test_always_one_task_is_that_task_then_chance() -> None:
    assert regret(TRUTH, {"none": 1.0}, 1) == pytest.approx(0.375)
    assert expected_best(TRUTH, {"none": 1.0}, 2) == pytest.approx(fmean([0.8, 0.6, 0.5]))


@settings(max_examples=60, deadline=None)
@given(truth=truths, ranking=rankings)
def test_every_figure_is_the_mean_over_the_orders_of_equals(
    truth: dict[str, float], ranking: dict[str, float]
) -> None:
    def told_apart(order: tuple[str, ...]) -> dict[str, float]:
        place = {name: -number for number, name in enumerate(order)}
        by = sorted(truth, key=lambda name: (ranking.get(name, -9.0), place[name]))
        return {name: float(number) for number, name in enumerate(by)}

    orders = [told_apart(order) for order in permutations(truth)]
    for k in (1, 2, 3):
        exact = fmean(expected_best(truth, each, k) for each in orders)
        assert expected_best(truth, ranking, k) == pytest.approx(exact)
    assert ndcg(truth, ranking) == pytest.approx(fmean(ndcg(truth, each) for each in orders))


@settings(max_examples=100, deadline=None)
@given(truth=truths, ranking=rankings)
def test_bounds_and_what_the_truth_itself_would_get(
    truth: dict[str, float], ranking: dict[str, float]
) -> None:
    found = [regret(truth, ranking, k) for k in range(1, len(truth) + 1)]
    assert found == pytest.approx(sorted(found, reverse=True))
    assert found[-1] == pytest.approx(0)
    assert all(-1e-12 <= each <= 1 for each in found)
    assert regret(truth, truth, 1) == pytest.approx(0)
    assert ndcg(truth, truth) == pytest.approx(1)
    assert 0 <= ndcg(truth, ranking) <= 1 + 1e-12
    assert -1 - 1e-12 <= rank_correlation(truth, ranking) <= 1 + 1e-12
    if len(set(truth.values())) > 1:
        assert rank_correlation(truth, truth) == pytest.approx(1)
        assert rank_correlation(truth, {}) == 0
        opposite = {name: -value for name, value in truth.items()}
        assert rank_correlation(truth, opposite) == pytest.approx(-1)


@given(seed=st.integers(0, 1000))
def test_the_rank_correlation_is_scipy_s(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, ranking = (
        dict(zip(NAMES, map(float, rng.integers(0, 4, 6)), strict=True)) for _ in "ab"
    )
    if len(set(truth.values())) > 1 and len(set(ranking.values())) > 1:
        expected = spearmanr(list(truth.values()), list(ranking.values())).statistic
        assert rank_correlation(truth, ranking) == pytest.approx(expected)
