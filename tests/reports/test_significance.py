"""Tests for stiltwalk.reports.significance and noise, on rows whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from synthetic import make_run

from stiltwalk.records import ExampleScoreRow, ScoreRow
from stiltwalk.reports.data import ArmExampleScores, ArmScore, RunRows
from stiltwalk.reports.scores import Spread
from stiltwalk.reports.significance import (
    LEVEL,
    Estimate,
    Resamples,
    difference_of,
    estimated,
    mcnemar,
    paired_tests,
)
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
                share = ExampleScoreRow(
                    stage="", task="pawsx", language=language, seed=seed,
                    won=tuple(won), of=(1.0,) * NUM_EXAMPLES,
                )  # fmt: skip
                rows.append(ArmScore(arm=arm, row=row))
                shares.append(ArmExampleScores(arm=arm, row=share))
    run = make_run(arms=tuple(chance), targets=("pawsx",))
    return replace(run, rows=tuple(rows), example_scores=tuple(shares))


def test_the_first_draw_is_what_was_observed() -> None:
    run = coin_run({"none": 0.5, "mnli": 0.7}, seeds=(1, 2))
    drawn = Resamples(run, num_resamples=50)
    observed = [
        np.mean([e.row.value for e in run.rows if (e.arm, e.row.seed) == ("mnli", seed)])
        for seed in (1, 2)
    ]
    assert drawn.per_seed("mnli", "pawsx") == pytest.approx(observed)
    assert drawn.over_examples("mnli", "pawsx")[0] == pytest.approx(np.mean(observed))
    assert drawn.over_examples("mnli", "pawsx", seed=2)[0] == pytest.approx(observed[1])
    german = [e.row.value for e in run.rows if (e.arm, e.row.language) == ("mnli", "de")]
    assert drawn.per_seed("mnli", "pawsx", ["de"]) == pytest.approx(german)


def test_resamples_spread_as_far_as_theory_says() -> None:
    drawn = Resamples(coin_run({"none": 0.5, "mnli": 0.5}))
    scores_R = drawn.over_examples("mnli", "pawsx", LANGUAGES[:1])
    assert scores_R[1:].std() == pytest.approx(np.sqrt(0.25 / NUM_EXAMPLES), rel=0.15)


def test_arms_meet_the_same_examples() -> None:
    run = coin_run({"none": 0.6, "mnli": 0.6})
    twin = tuple(replace(each, arm="mnli") for each in run.example_scores if each.arm == "none")
    score = {each.row.language: each.row.value for each in run.rows if each.arm == "none"}
    rows = tuple(replace(e, row=replace(e.row, value=score[e.row.language])) for e in run.rows)
    run = replace(
        run, rows=rows, example_scores=(*(s for s in run.example_scores if s.arm == "none"), *twin)
    )
    gains_R = Resamples(run).weighted_examples(difference_of("mnli", "none", ["pawsx"]))
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


def test_several_seeds_keep_their_level_too() -> None:
    p_values = []
    for dice in range(40):
        run = coin_run({"none": 0.7, "mnli": 0.7}, seeds=(1, 2, 3), dice=dice)
        found = paired_tests(run, Resamples(run, num_resamples=200))
        assert {each.test for each in found.values()} == {"t over seeds and examples"}
        p_values += [each.p for each in found.values()]
    assert np.mean(np.array(p_values) <= LEVEL) <= LEVEL


def test_what_differs_between_seeds_is_not_clear_however_many_examples_there_are() -> None:
    """Three seeds of which two gain: the examples alone would be sure."""
    run = coin_run({"none": 0.5, "mnli": 0.5}, seeds=(1, 2, 3))
    moved = {1: 0.3, 2: 0.2, 3: -0.1}
    rows = tuple(
        replace(e, row=replace(e.row, value=e.row.value + moved[e.row.seed] * (e.arm == "mnli")))
        for e in run.rows
    )
    found = paired_tests(replace(run, rows=rows), Resamples(replace(run, rows=rows)))
    assert not any(each.p <= LEVEL for each in found.values())


def test_one_correction_covers_every_arm_target_and_language() -> None:
    run = coin_run({"none": 0.6, "mnli": 0.66, "qqp": 0.66})
    found = paired_tests(run, Resamples(run, num_resamples=20))
    assert len(found) == 2 * len(LANGUAGES)
    least = min(found.values(), key=lambda each: each.p)
    assert least.p_holm == pytest.approx(min(1.0, len(found) * least.p))


def test_a_real_difference_is_found() -> None:
    run = coin_run({"none": 0.6, "mnli": 0.8})
    drawn = Resamples(run)
    assert all(each.is_clear for each in paired_tests(run, drawn).values())
    weights = difference_of("mnli", "none", ["pawsx"])
    found = estimated(Spread(0.2, None, 1), drawn.weighted_examples(weights))
    assert found is not None
    assert not found.is_inside
    assert found.seeds is None


def test_mcnemar_is_the_exact_sign_test() -> None:
    assert mcnemar(5, 0) == pytest.approx(0.0625)
    assert mcnemar(0, 0) == 1.0


def test_half_widths_combine_as_the_root_of_their_summed_squares() -> None:
    examples_R = np.random.default_rng(1).normal(0.02, 0.003, 1001)
    found = estimated(Spread(0.02, 0.002, 3), examples_R)
    assert found is not None
    seeds, examples = found.over_seeds(), found.over_examples()
    assert seeds == pytest.approx(4.303 * 0.002 / np.sqrt(3), rel=1e-3)
    assert examples == pytest.approx(1.96 * 0.003, rel=0.1)
    assert found.half_width() == pytest.approx(np.sqrt(seeds**2 + examples**2))
    assert estimated(Spread(0.02, None, 1), None) is None


def test_neither_error_hides_the_other() -> None:
    """Each interval alone excludes zero, both together do not."""
    seeds = 0.9 * 0.02 / stats.t.ppf(0.975, 2)
    found = Estimate(value=0.02, num_seeds=3, seeds=seeds, examples=0.9 * 0.02 / 1.96)
    assert found.value > max(found.over_seeds() or 0, found.over_examples() or 0)
    assert found.is_inside


@pytest.mark.parametrize("examples", [None, 0.004])
@pytest.mark.parametrize("value", [0.0, 0.01, 0.03, -0.5])
def test_a_p_value_is_the_level_whose_interval_reaches_zero(
    value: float, examples: float | None
) -> None:
    found = Estimate(value=value, num_seeds=4, seeds=0.005, examples=examples)
    if examples is None:
        expected = 2 * stats.t.sf(abs(value) / 0.005, 3)
        assert found.p == pytest.approx(expected, rel=1e-4, abs=1e-11)
    elif 1e-10 < found.p < 1:
        assert found.half_width(found.p) == pytest.approx(abs(value), rel=1e-4)
    assert found.is_inside == (found.p >= LEVEL)


def test_without_examples_only_seeds_tell() -> None:
    run = replace(coin_run({"none": 0.6, "mnli": 0.8}, seeds=(1, 2)), example_scores=())
    drawn = Resamples(run, num_resamples=20)
    assert {each.test for each in paired_tests(run, drawn).values()} == {"t over seeds"}
    assert drawn.weighted_examples(difference_of("mnli", "none", ["pawsx"])) is None
    one = replace(coin_run({"none": 0.6, "mnli": 0.8}), example_scores=())
    assert paired_tests(one, Resamples(one, num_resamples=20)) == {}
