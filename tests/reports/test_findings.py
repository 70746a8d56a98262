"""Tests for stiltwalk.reports.findings and scores: the table of scores and gains."""

from dataclasses import replace

import pytest
from synthetic import make_run, table_of

from stiltwalk.records import Metric, Split
from stiltwalk.reports.data import ArmScore, Gap, RunRows
from stiltwalk.reports.findings import ScoreCell, TransferRow, TransferTable
from stiltwalk.reports.scores import select_on_dev, transfer_gap
from stiltwalk.tasks import TARGETS, TASKS


def without(run: RunRows, arm: str, task: str, language: str) -> RunRows:
    rows = tuple(
        each
        for each in run.rows
        if (each.arm, each.row.task, each.row.language) != (arm, task, language)
        or each.row.split != Split.TEST
    )
    return replace(run, rows=rows)


def set_scores(run: RunRows, values: dict[tuple[str, str, str], float]) -> RunRows:
    """Give (arm, task, split) one value in every language and metric."""
    rows = tuple(
        replace(each, row=replace(each.row, value=values[key]))
        if (key := (each.arm, each.row.task, each.row.split)) in values
        else each
        for each in run.rows
    )
    return replace(run, rows=rows)


def row_named(table: TransferTable, name: str) -> TransferRow:
    return next(row for row in (*table.tasks, *table.means) if row.name == name)


def cell_of(table: TransferTable, name: str, arm: str) -> ScoreCell:
    return next(cell for cell in row_named(table, name).cells if cell.arm == arm)


def test_a_task_score_is_the_mean_over_its_languages() -> None:
    run = make_run(arms=("none",), targets=("xnli",))
    values = [each.row.value for each in run.rows if each.row.split == Split.TEST]
    score = cell_of(table_of(run), "xnli", "none").score
    assert score is not None
    assert len(values) == len(TASKS["xnli"].languages)
    assert score.mean == pytest.approx(sum(values) / len(values))
    assert score.sd is None


def test_questions_count_the_mean_of_exact_match_and_f1() -> None:
    run = make_run(arms=("none",), targets=("xquad",))
    assert TASKS["xquad"].metric is Metric.SQUAD
    rows = tuple(
        replace(each, row=replace(each.row, value={"f1": 0.8, "exact_match": 0.6}[each.row.metric]))
        for each in run.rows
    )
    score = cell_of(table_of(replace(run, rows=rows)), "xquad", "none").score
    assert score is not None
    assert score.mean == pytest.approx(0.7)


def test_the_overall_mean_needs_all_nine_targets() -> None:
    assert table_of(make_run()).means[-1].name == "overall"
    some = table_of(make_run(targets=TARGETS[:8]))
    assert some.means[-1].name == "mean of 8 common targets"
    assert "retrieval" not in {row.name for row in some.means}


def test_a_missing_language_takes_its_task_out_of_group_and_overall() -> None:
    table = table_of(without(make_run(), "mnli", "panx", "yo"))
    cell = cell_of(table, "panx", "mnli")
    assert cell.score is not None
    assert cell.missing == ("yo",)
    assert "yo" in cell.reason
    for mean in ("tagging", "overall"):
        assert cell_of(table, mean, "mnli").score is None
        assert "panx" in cell_of(table, mean, "mnli").reason
        assert cell_of(table, mean, "all").score is not None
    assert cell_of(table, "qa", "mnli").score is not None
    assert "panx" not in table.common


def test_a_gain_compares_the_languages_that_both_arms_have() -> None:
    run = set_scores(make_run(targets=("xnli",)), {("none", "xnli", "test"): 0.5})
    rows = tuple(
        replace(each, row=replace(each.row, value=0.1 if each.row.language == "sw" else 0.6))
        if each.arm == "all" and each.row.split == Split.TEST
        else each
        for each in run.rows
    )
    gain = cell_of(
        table_of(without(replace(run, rows=rows), "all", "xnli", "sw")), "xnli", "all"
    ).gain
    assert gain is not None
    assert gain.mean == pytest.approx(0.1)


def test_a_missing_score_carries_the_reason_that_the_run_knows() -> None:
    run = without(make_run(targets=("panx",)), "none", "panx", "jv")
    gap = Gap(task="panx", language="jv", reason="The folder has no file test-jv.")
    cell = cell_of(table_of(replace(run, gaps=(gap,))), "panx", "none")
    assert cell.reason == "panx, “none”: jv missing. The folder has no file test-jv."


def test_several_seeds_give_mean_and_spread_of_score_and_paired_gain() -> None:
    table = table_of(make_run(seeds=(1, 2, 3)))
    cell = cell_of(table, "overall", "all")
    assert cell.score is not None
    assert cell.gain is not None
    assert (cell.score.num_seeds, cell.gain.num_seeds, table.num_seeds) == (3, 3, 3)
    assert cell.score.sd is not None
    assert cell.gain.sd is not None


def test_the_arm_for_a_target_is_chosen_on_english_dev_alone() -> None:
    run = set_scores(
        make_run(targets=("xnli",)),
        {
            ("none", "xnli", "dev"): 0.7,
            ("mnli", "xnli", "dev"): 0.9,
            ("squad_v1", "xnli", "dev"): 0.8,
            ("all", "xnli", "dev"): 0.6,
            ("mnli", "xnli", "test"): 0.1,
        },
    )
    assert select_on_dev(run)["xnli"].arm == "mnli"
    chosen = row_named(table_of(run), "xnli").chosen
    assert chosen is not None
    assert chosen.arm == "mnli"


def test_equal_dev_scores_go_to_the_arm_named_first() -> None:
    same = {(arm, "xnli", "dev"): 0.7 for arm in ("none", "mnli", "squad_v1", "all")}
    assert select_on_dev(set_scores(make_run(targets=("xnli",)), same))["xnli"].arm == "none"


def test_retrieval_follows_the_best_mean_dev_score_of_the_others() -> None:
    high = {("squad_v1", task, "dev"): 0.999 for task in TARGETS}
    choice = select_on_dev(set_scores(make_run(), high))["bucc2018"]
    assert (choice.arm, choice.own_dev) == ("squad_v1", False)


def test_a_dev_score_in_another_language_takes_no_part() -> None:
    run = make_run(arms=("none", "all"), targets=("bucc2018",))
    row = replace(run.rows[0].row, language="de", split="dev")
    run = replace(run, rows=(*run.rows, ArmScore(arm="all", row=row)))
    assert select_on_dev(run) == {}


def test_english_is_set_against_the_mean_of_the_rest() -> None:
    run = make_run(arms=("none",), targets=("xnli", "tatoeba"))
    rows = tuple(
        replace(each, row=replace(each.row, value=0.9 if each.row.language == "en" else 0.7))
        for each in run.rows
    )
    found = transfer_gap(replace(run, rows=rows))
    assert set(found) == {("none", "xnli")}
    assert found["none", "xnli"] == pytest.approx((0.9, 0.7))


def test_what_no_seed_has_touched_stands_beside_every_seed() -> None:
    run = make_run(seeds=(1, 2))
    assert {e.row.seed for e in run.rows if (e.arm, e.row.task) == ("none", "tatoeba")} == {0}
    table = table_of(run)
    assert table.num_seeds == 2
    for name in ("tatoeba", "retrieval", "overall"):
        gain = cell_of(table, name, "all").gain
        assert gain is not None
        assert gain.num_seeds == 2


def test_an_arm_that_was_not_reached_does_not_stop_the_comparison() -> None:
    run = make_run()
    table = table_of(replace(run, rows=tuple(e for e in run.rows if e.arm != "all")))
    assert table.reached == ("none", "mnli", "squad_v1")
    assert table.common == TARGETS
    reasons = {cell_of(table, row.name, "all").reason for row in table.tasks}
    assert reasons == {"“all” has no score yet: the run has not reached it."}


def test_languages_that_the_recipe_left_out_are_not_missing() -> None:
    whole = make_run()
    chosen = ("en", "de", "zh")
    rows = tuple(each for each in whole.rows if each.row.language in chosen)
    run = replace(whole, rows=rows, languages=chosen)
    table = table_of(run)
    assert not any(cell.missing for row in table.tasks for cell in row.cells)
    assert row_named(table, "xnli").note == "3 of 15 languages"
    names = [row.name for row in table.means]
    assert names == ["mean of 9 common targets in the chosen languages"]  # XTREME's need all
    assert all(cell.score for cell in table.means[0].cells)


def with_gains(run: RunRows, gains: dict[str, dict[int, float]]) -> RunRows:
    """Give each arm so much over 0.5 in every row, by seed, and no examples."""
    rows = tuple(
        replace(e, row=replace(e.row, value=0.5 + gains.get(e.arm, {}).get(e.row.seed, 0.0)))
        for e in run.rows
    )
    return replace(run, rows=rows, example_scores=())


def test_one_correction_over_the_whole_table_decides_which_gains_are_clear() -> None:
    run = make_run(arms=("none", "mnli", "all"), targets=("xnli", "panx"), seeds=(1, 2, 3))
    weak = {1: 0.015, 2: 0.03, 3: 0.022}  # p = 0.036: enough alone, not for one of three
    sure = {1: 0.2, 2: 0.2004, 3: 0.1996}
    table = table_of(with_gains(run, {"mnli": weak, "all": sure}))
    for row in (*table.tasks, *table.means):
        none, mnli, everything = row.cells
        assert (mnli.is_noise, mnli.is_clear) == (False, False)
        assert (everything.is_noise, everything.is_clear) == (False, True)
        assert not none.is_clear


def test_one_seed_is_never_clear() -> None:
    table = table_of(make_run())
    assert not any(cell.is_clear for row in (*table.tasks, *table.means) for cell in row.cells)
