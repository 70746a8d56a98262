"""Verdicts against statsmodels, and over drawn noise; what correlation leaves of blocks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from math import exp, log, log1p
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW, ttost_paired
from statsmodels.tsa.stattools import acf

from stiltwalk.timing.record import InstrumentTest
from stiltwalk.timing.sample_size import Figure
from stiltwalk.timing.tost import (
    Judged,
    Verdict,
    effective_number,
    equivalent_everywhere,
    group_means,
    holm,
    judge,
    judge_cells,
    lag_1,
    log_ratios,
    sample,
)

LOG_RATIOS = st.lists(st.floats(-0.2, 0.2), min_size=8, max_size=30)


def blocks(ratio: float, spread: float, count: int = 10) -> list[float]:
    """Return log-ratios with exactly this mean and standard deviation, each far from the last."""
    shape = np.linspace(-1, 1, count) * (-1.0) ** np.arange(count)
    shape -= shape.mean()
    return (log(ratio) + spread * shape / shape.std(ddof=1)).tolist()


@pytest.mark.parametrize("shift", [0, 0.01, 0.03])
def test_two_one_sided_tests_agree_with_statsmodels(shift: float) -> None:
    draw = np.random.default_rng(0)
    a_s = draw.lognormal(0, 0.1, 12)
    b_s = a_s * np.exp(blocks(exp(shift), 0.02, 12))
    p_value, *_ = ttost_paired(b_s, a_s, 1 / 1.03, 1.03, transform=np.log)
    judged = judge(log_ratios(a_s, b_s), 0.03)
    assert judged.p_equivalent == pytest.approx(p_value, rel=1e-6)
    two_sided = DescrStatsW(log_ratios(a_s, b_s))
    assert judged.p_differs == pytest.approx(two_sided.ttest_mean(0)[1], rel=1e-6)
    low, high = two_sided.tconfint_mean(0.05)
    assert (log(judged.low_95), log(judged.high_95)) == pytest.approx((low, high), rel=1e-6)


@pytest.mark.parametrize(
    ("ratio", "spread", "verdict"),
    [
        (1.0, 0.02, Verdict.EQUIVALENT),
        (1.05, 0.01, Verdict.SLOWER),
        (0.95, 0.01, Verdict.FASTER),
        (1.03, 0.02, Verdict.SLOWER),  # crosses the margin, but not 1
        (1.016, 0.025, Verdict.INCONCLUSIVE),  # one-sided 5 % would call it slower
        (1.0, 0.06, Verdict.INCONCLUSIVE),
        (1.02, 0.06, Verdict.INCONCLUSIVE),
    ],
)
def test_the_interval_decides(ratio: float, spread: float, verdict: Verdict) -> None:
    assert judge(blocks(ratio, spread), 0.03).verdict is verdict


def test_a_real_difference_inside_the_margin_is_equivalent_and_said_to_be_real() -> None:
    judged = judge(blocks(1.01, 0.005), 0.03)
    assert judged.verdict is Verdict.EQUIVALENT
    assert str(judged) == (
        "EQUIVALENT, small but real: ratio 1.010 (90 % interval 1.007 to 1.013, margin 3 %, "
        "10 blocks worth 10 independent ones, lag-1 correlation -1.00)"
    )


def test_fewer_than_eight_blocks_decide_nothing() -> None:
    assert judge(blocks(1.0, 0.001, 7), 0.03).verdict is Verdict.INCONCLUSIVE
    assert judge(blocks(1.0, 0.001, 8), 0.03).verdict is Verdict.EQUIVALENT


def test_blocks_that_repeat_one_another_widen_the_interval_and_too_few_decide_nothing() -> None:
    apart, together = blocks(1.0, 0.01, 32), sorted(blocks(1.0, 0.01, 32))
    in_threes = [0.01, 0.01, 0.01, -0.01, -0.01, -0.01] * 6
    free, repeating, drifting = (judge(each, 0.03) for each in (apart, in_threes, together))
    assert free.effective_blocks == 32
    assert repeating.correlation == pytest.approx(0.4, abs=0.05)
    assert 12 <= repeating.effective_blocks <= 20
    assert repeating.high - repeating.low > 1.3 * (free.high - free.low)
    assert repeating.verdict is Verdict.EQUIVALENT
    assert drifting.correlation > 0.9
    assert (drifting.verdict, drifting.is_trusted) == (Verdict.INCONCLUSIVE, False)


def test_blocks_without_any_spread_are_judged_too() -> None:
    assert judge([0.0] * 8, 0.03).verdict is Verdict.EQUIVALENT
    assert judge([log(1.05)] * 8, 0.03).verdict is Verdict.SLOWER


@given(LOG_RATIOS, st.sampled_from([0.02, 0.03, 0.05]))
def test_swapping_the_models_swaps_faster_and_slower(ratios: list[float], margin: float) -> None:
    swapped = {Verdict.FASTER: Verdict.SLOWER, Verdict.SLOWER: Verdict.FASTER}
    there, back = judge(ratios, margin), judge([-each for each in ratios], margin)
    assert back.verdict is swapped.get(there.verdict, there.verdict)
    assert back.ratio == pytest.approx(1 / there.ratio)


@given(LOG_RATIOS)
def test_equivalent_means_that_both_one_sided_tests_reject(ratios: list[float]) -> None:
    judged = judge(ratios, 0.03)
    if judged.is_trusted:
        assert (judged.verdict is Verdict.EQUIVALENT) == (judged.p_equivalent < 0.05)
    assert judged.differs == (judged.p_differs < 0.05)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_agrees_with_statsmodels(p_values: Sequence[float]) -> None:
    adjusted = holm(dict(enumerate(p_values)))
    with patch("gc.collect"):  # it collects garbage every time, which takes a second in long runs
        expected = multipletests(p_values, method="holm")[1]
    assert [adjusted[cell] for cell in range(len(p_values))] == pytest.approx(expected)


def cells(*judged: Judged) -> dict[int, Judged]:
    return judge_cells(dict(enumerate(judged)))


def test_a_slower_cell_that_many_cells_explain_is_inconclusive() -> None:
    weak = judge(blocks(1.03, 0.035), 0.03)
    nothing = judge(blocks(1.0, 0.06), 0.03)
    assert weak.verdict is Verdict.SLOWER
    assert cells(weak)[0].verdict is Verdict.SLOWER
    corrected = cells(weak, *[nothing] * 9)[0]
    assert corrected.verdict is Verdict.INCONCLUSIVE
    assert not corrected.differs


def test_an_equivalent_cell_stays_so_but_may_not_stand_alone() -> None:
    close = judge(blocks(1.0, 0.04), 0.03)
    corrected = cells(*[close] * 10)
    assert {each.verdict for each in corrected.values()} == {Verdict.EQUIVALENT}
    assert not any(each.stands_alone for each in corrected.values())
    assert equivalent_everywhere(corrected.values())


def test_one_other_cell_ends_equivalence_everywhere() -> None:
    equal, slow = judge(blocks(1.0, 0.01), 0.03), judge(blocks(1.1, 0.01), 0.03)
    assert equivalent_everywhere([equal])
    assert not equivalent_everywhere([equal, slow])
    assert not equivalent_everywhere([])


def test_a_judged_cell_survives_json() -> None:
    judged = judge(blocks(1.0, 0.01), 0.03)
    again = Judged(**json.loads(json.dumps(asdict(judged))))
    assert again == judged
    assert again.verdict is Verdict.EQUIVALENT


def test_a_session_is_void_where_equality_or_the_delay_is_missed() -> None:
    equal, slow = judge(blocks(1.0, 0.01), 0.03), judge(blocks(1.05, 0.01), 0.03)
    good = InstrumentTest(scenario="", figure=Figure.P50, aa=equal, delay_5=slow, delay_2=equal)
    assert good.why_void == ()
    assert 0 < good.resolvable < 0.005
    repeating = replace(good, aa=replace(equal, correlation=0.6))
    assert repeating.resolvable > 1.5 * good.resolvable
    (unequal,) = replace(good, aa=slow).why_void
    assert unequal.startswith("One model under two names did not come out as EQUIVALENT, but SLO")
    (missed,) = replace(good, delay_5=equal).why_void
    assert "5 % did not come out as SLOWER, but EQUIVALENT: ratio 1.000" in missed


def test_verdicts_need_no_torch() -> None:
    code = (
        "import sys, stiltwalk.timing.record; "
        "sys.exit(bool({'torch', 'scipy.stats', 'statsmodels', 'pandas'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)  # noqa: S603


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
