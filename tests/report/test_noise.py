"""Tests for stiltwalk.report.resampling and noise, on rows whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from synthetic import make_run

from stiltwalk.records import ScoreRow, ShareRow
from stiltwalk.report.noise import LEVEL, gain_noise, mcnemar, noise, paired_tests
from stiltwalk.report.resampling import Resamples, gains_over_examples
from stiltwalk.report.rows import ArmScore, ArmShares, RunRows
from stiltwalk.report.totals import Spread
from stiltwalk.tasks import TASKS

LANGUAGES = TASKS["pawsx"].languages
NUM_EXAMPLES = 200


def coin_run(chance: dict[str, float], seeds: tuple[int, ...] = (1,), dice: int = 3) -> RunRows:
    """Return a run on pawsx whose examples come out right with a chance per arm."""
    rng = np.random.default_rng(dice)
    rows, shares = [], []
    for arm, right in chance.items():
        for seed in seeds:
            for language in LANGUAGES:
                won = (rng.random(NUM_EXAMPLES) < right).astype(float)
                row = ScoreRow(
                    stage="", intermediate=() if arm == "none" else (arm,), task="pawsx",
                    language=language, split="test", metric="accuracy", value=float(won.mean()),
                    seed=seed, num_examples=NUM_EXAMPLES,
                )  # fmt: skip
                share = ShareRow(
                    stage="", task="pawsx", language=language, seed=seed,
                    won=tuple(won), of=(1.0,) * NUM_EXAMPLES,
                )  # fmt: skip
                rows.append(ArmScore(arm=arm, row=row))
                shares.append(ArmShares(arm=arm, row=share))
    run = make_run(arms=tuple(chance), targets=("pawsx",))
    return replace(run, rows=tuple(rows), shares=tuple(shares))


def test_the_first_draw_is_what_was_observed() -> None:
    run = coin_run({"none": 0.5, "mnli": 0.7})
    drawn = Resamples(run, num_resamples=50)
    observed = np.mean([each.row.value for each in run.rows if each.arm == "mnli"])
    assert drawn.over_all("mnli", "pawsx")[0] == pytest.approx(observed)
    assert drawn.over_examples("mnli", "pawsx")[0].mean() == pytest.approx(observed)


def test_resamples_spread_as_far_as_theory_says() -> None:
    drawn = Resamples(coin_run({"none": 0.5, "mnli": 0.5}))
    scores_R = drawn.over_examples("mnli", "pawsx")[:, 0]
    assert scores_R[1:].std() == pytest.approx(np.sqrt(0.25 / NUM_EXAMPLES), rel=0.15)


def test_arms_meet_the_same_examples() -> None:
    run = coin_run({"none": 0.6, "mnli": 0.6})
    twin = tuple(replace(each, arm="mnli") for each in run.shares if each.arm == "none")
    score = {each.row.language: each.row.value for each in run.rows if each.arm == "none"}
    rows = tuple(replace(e, row=replace(e.row, value=score[e.row.language])) for e in run.rows)
    run = replace(run, rows=rows, shares=(*(s for s in run.shares if s.arm == "none"), *twin))
    gains_R = gains_over_examples(Resamples(run), "mnli", "none", ["pawsx"])
    assert gains_R is not None
    assert np.abs(gains_R).max() < 1e-12


def test_equal_arms_differ_no_more_often_than_the_level_allows() -> None:
    clear = tests = 0
    for dice in range(40):
        run = coin_run({"none": 0.7, "mnli": 0.7}, dice=dice)
        found = paired_tests(run, Resamples(run, num_resamples=20))
        assert {each.test for each in found.values()} == {"McNemar"}
        tests += len(found)
        clear += sum(each.p <= LEVEL for each in found.values())
        assert all(each.p_holm >= each.p for each in found.values())
    assert clear / tests <= 1.6 * LEVEL


def test_a_bootstrap_over_several_seeds_keeps_its_level_too() -> None:
    p_values = []
    for dice in range(40):
        run = coin_run({"none": 0.7, "mnli": 0.7}, seeds=(1, 2), dice=dice)
        found = paired_tests(run, Resamples(run, num_resamples=200))
        assert {each.test for each in found.values()} == {"paired bootstrap"}
        p_values += [each.p for each in found.values()]
    assert np.mean(np.array(p_values) <= LEVEL) <= 1.6 * LEVEL
    assert stats.kstest(p_values, "uniform").pvalue > 0.001


def test_a_real_difference_is_found() -> None:
    run = coin_run({"none": 0.6, "mnli": 0.8})
    drawn = Resamples(run)
    assert all(each.is_clear for each in paired_tests(run, drawn).values())
    found = gain_noise(drawn, "mnli", ["pawsx"], Spread(0.2, None, 1))
    assert found is not None
    assert not found.is_inside
    assert found.seeds is None


def test_mcnemar_is_the_exact_sign_test() -> None:
    assert mcnemar(5, 0) == pytest.approx(0.0625)
    assert mcnemar(0, 0) == 1.0


def test_a_gain_must_leave_both_intervals() -> None:
    examples_R = np.random.default_rng(1).normal(0.02, 0.001, 1001)
    seeds_agree, seeds_differ = Spread(0.02, 0.001, 3), Spread(0.02, 0.02, 3)
    clear, wide = noise(seeds_agree, examples_R), noise(seeds_differ, examples_R)
    assert clear is not None
    assert wide is not None
    assert not clear.is_inside
    assert wide.is_inside
    assert wide.seeds == pytest.approx(4.303 * 0.02 / np.sqrt(3), rel=1e-3)
    assert noise(Spread(0.02, None, 1), None) is None


def test_without_examples_only_seeds_tell() -> None:
    run = replace(coin_run({"none": 0.6, "mnli": 0.8}, seeds=(1, 2)), shares=())
    drawn = Resamples(run, num_resamples=20)
    assert paired_tests(run, drawn) == {}
    assert gains_over_examples(drawn, "mnli", "none", ["pawsx"]) is None
