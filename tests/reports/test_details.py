"""Tests for the report's language groups, stage graph, costs and courses of training."""

from dataclasses import replace

import pytest
from synthetic import ARMS, make_run, make_stages

from stiltwalk.records import Phase, Split
from stiltwalk.reports.costs import training_costs
from stiltwalk.reports.data import NUM_POINTS, StageLine, averaged
from stiltwalk.reports.scores import (
    GROUPINGS,
    ScoreBook,
    group_score,
    language_groups,
    oracle_gap,
)
from stiltwalk.reports.sections.run import stage_graph
from stiltwalk.tasks import TARGETS, TASKS


def test_every_language_of_xtreme_is_in_one_group_of_each_kind() -> None:
    every = {language for target in TARGETS for language in TASKS[target].languages}
    for name, groups in GROUPINGS.items():
        assert set(groups) == every, name


def test_a_group_averages_its_languages_then_its_targets() -> None:
    run = make_run(arms=("none", "all"), targets=("pawsx", "tatoeba"))
    values = {
        (e.arm, e.row.task, e.row.language): e.row.value for e in run.rows if e.row.split == "test"
    }
    groups = {group: languages for _, group, languages in language_groups(run)}
    languages = groups["Romance"]
    assert languages == ("es", "fr", "it", "pt")
    book = ScoreBook(run.rows, Split.TEST, (1,), run.languages_of)
    score, gain = group_score(run, book, "all", languages)
    baseline, _ = group_score(run, book, "none", languages)
    pawsx = (values["all", "pawsx", "es"] + values["all", "pawsx", "fr"]) / 2
    tatoeba = sum(values["all", "tatoeba", code] for code in languages) / 4
    assert score
    assert baseline
    assert gain
    assert score.mean == pytest.approx((pawsx + tatoeba) / 2)
    assert gain.mean == pytest.approx(score.mean - baseline.mean)
    assert all("en" not in each for each in groups.values())


def test_a_thousand_stages_are_drawn_as_a_few_boxes() -> None:
    run = make_run(targets=("pawsx",))
    run = replace(run, stages=tuple(make_stages(ARMS, TARGETS, tuple(range(1, 15)))))
    assert len(run.stages) > 850
    assert stage_graph(run).count("<rect") == 1 + 3 + 6 + 9
    assert "56 stages" in stage_graph(run)


def test_what_is_not_done_is_dashed_and_counted() -> None:
    run = make_run(arms=("none",), targets=("pawsx",), seeds=(1, 2))
    last = replace(run.stages[-1], time_s=None)
    text = stage_graph(replace(run, stages=(*run.stages[:-1], last)))
    assert text.count("stroke-dasharray") == 1
    assert "1 of 2 stages" in text


def test_a_label_of_a_stage_stays_text() -> None:
    line = StageLine(fingerprint="0", what="<b>&", time_s=1.0, num_tokens=0, phase=Phase.BASE)
    text = stage_graph(replace(make_run(), stages=(line,)))
    assert "<b>" not in text
    assert "&lt;b&gt;&amp;" in text


def test_training_counts_a_shared_stage_once_per_arm() -> None:
    costs = {each.arm: each for each in training_costs(make_run(seeds=(1, 2)))}
    assert costs["none"].num_stages == 2 * 7
    assert costs["mnli"].num_stages == 2 * (7 + 1)
    assert costs["none"].more_s is None
    assert costs["mnli"].more_s == pytest.approx(2 * 410_000 / 5000)


def test_the_guard_costs_nothing_where_dev_and_test_agree_and_never_less() -> None:
    run = make_run()
    costs = list(oracle_gap(run))
    assert [each.task for each in costs] == list(TARGETS)
    assert all(each.dev_choice <= each.test_choice for each in costs)
    assert all(each.by_dev == each.by_test for each in costs if each.dev_choice == each.test_choice)


def test_a_long_course_is_averaged_and_a_short_one_kept() -> None:
    short = [(1, 3.0), (2, 1.0)]
    assert list(averaged(short)) == short
    assert list(averaged([])) == []
    long = list(averaged([(step, float(step % 2)) for step in range(1, 401)]))
    assert len(long) == NUM_POINTS
    assert {loss for _, loss in long} == {0.5}
    assert long[-1][0] == 400
