"""Tests for stiltwalk.reports.findings: every sentence follows from the rows."""

from dataclasses import replace

from synthetic import make_run, table_of

from stiltwalk.reports.data import RunRows
from stiltwalk.reports.findings import Headline, headline


def said(run: RunRows) -> Headline:
    return headline(run, table_of(run))


def with_lift(run: RunRows, lifts: dict[str, float]) -> RunRows:
    """Give each arm the scores of "none", raised by a fixed amount."""
    base = {
        (each.row.task, each.row.language, each.row.split, each.row.metric): each.row.value
        for each in run.rows
        if each.arm == "none"
    }
    rows = tuple(
        replace(
            each,
            row=replace(
                each.row,
                value=base[each.row.task, each.row.language, each.row.split, each.row.metric]
                + lifts[each.arm],
            ),
        )
        for each in run.rows
    )
    return replace(run, rows=rows)


def test_the_arm_with_the_largest_mean_gain_is_named_with_its_points() -> None:
    lifts = {"none": 0.0, "mnli": -0.02, "squad_v1": 0.004, "all": 0.012}
    answer = said(with_lift(make_run(), lifts)).answer
    assert "“all” has the largest mean gain" in answer
    assert "+1.2 points" in answer
    assert "nine targets" in answer


def test_no_gain_is_said_to_be_no_gain() -> None:
    lifts = {"none": 0.0, "mnli": -0.02, "squad_v1": -0.004, "all": -0.03}
    answer = said(with_lift(make_run(), lifts)).answer
    assert answer.startswith("No other arm raises the mean")
    assert "“squad_v1”" in answer


def test_one_seed_claims_no_significance() -> None:
    assert "noise between seeds is unknown" in said(make_run()).caution
    assert "standard deviation" in said(make_run(seeds=(1, 2))).caution


def test_a_run_without_a_complete_target_forms_no_mean() -> None:
    run = make_run(targets=("xnli",))
    english = tuple(each for each in run.rows if each.row.language == "en")
    assert "no mean over targets" in said(replace(run, rows=english)).answer


def test_a_run_with_one_arm_compares_nothing() -> None:
    assert "nothing to compare" in said(make_run(arms=("none",))).answer
    assert "no arm “none”" in said(make_run(arms=("mnli", "all"))).answer


def test_arms_are_compared_by_the_targets_that_all_have_complete() -> None:
    lifts = {"none": 0.0, "mnli": 0.02, "squad_v1": 0.004, "all": 0.012}
    run = with_lift(make_run(), lifts)
    rows = tuple(e for e in run.rows if (e.arm, e.row.task) != ("mnli", "tatoeba"))
    answer = said(replace(run, rows=rows)).answer
    assert "“mnli” has the largest mean gain" in answer
    assert "the 8 targets that every compared arm has complete" in answer


def test_a_gain_within_the_spread_of_seeds_says_so() -> None:
    noisy = make_run(arms=("none", "squad_v1"), targets=("pawsx", "panx"), seeds=(1, 2, 3))
    rows = tuple(
        replace(each, row=replace(each.row, value=0.5 + shift))
        for each in noisy.rows
        for shift in [{1: 0.1, 2: -0.1, 3: 0.01}[each.row.seed] * (each.arm != "none")]
    )
    assert "which is within the noise" in said(replace(noisy, rows=rows)).answer


def test_a_gain_that_is_one_of_many_says_so() -> None:
    run = make_run(arms=("none", "squad_v1"), targets=("pawsx", "panx", "xnli"), seeds=(1, 2, 3))
    shift = {1: 0.015, 2: 0.027, 3: 0.025}
    rows = tuple(
        replace(
            each, row=replace(each.row, value=0.5 + shift[each.row.seed] * (each.arm != "none"))
        )
        for each in run.rows
    )
    found = said(replace(run, rows=rows, example_scores=()))
    assert found.answer.endswith(", which is not significant when corrected for all gains.")
    assert "not significant" in found.details[0]


def test_a_tie_is_not_called_the_largest() -> None:
    lifts = {"none": 0.0, "mnli": 0.02, "squad_v1": 0.0201, "all": -0.02}
    answer = said(with_lift(make_run(), lifts)).answer
    assert "largest" not in answer
    assert "“squad_v1” gains +2.0 points" in answer
    assert "the noise does not tell “mnli” (+2.0) from it" in answer


def test_a_gain_that_reads_as_none_is_no_gain() -> None:
    lifts = {"none": 0.0, "mnli": 0.0001, "squad_v1": -0.01, "all": -0.02}
    found = said(with_lift(make_run(), lifts))
    assert found.answer.startswith("No other arm raises the mean")
    assert not any("gain beyond" in each for each in found.details)


def test_noise_on_single_targets_is_never_ranked() -> None:
    still = said(with_lift(make_run(), dict.fromkeys(("none", "mnli", "squad_v1", "all"), 0.0)))
    assert "On single targets no difference is beyond the noise." in still.details
    unknown = said(replace(make_run(), example_scores=()))
    assert "The noise of differences on single targets is unknown." in unknown.details
    assert unknown.answer.endswith(", its noise unknown.")
