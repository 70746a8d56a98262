"""Tests for stiltwalk.reports.scores: few rows, no rows, and classes that were not learned."""

from __future__ import annotations

from dataclasses import replace

import pytest
from synthetic import make_rows, make_run, table_of

from stiltwalk.reports.data import ArmScore, RunRows
from stiltwalk.reports.sections.targets import few_shots
from stiltwalk.reports.wording import DASH
from stiltwalk.reports.write import report_texts
from stiltwalk.store.manifest import RecordedArm

ARMS = ("none", "cloze", "soft_8")
SCORES = {"none": 0.9, "soft_8": 0.4}


def prompted() -> RunRows:
    """Return a head on all rows, a cloze without training, and three draws of 8 rows a class."""
    names: dict[str, tuple[str, ...]] = dict.fromkeys(SCORES, ())
    rows = make_rows(
        names, ("sib200",), (1, 2, 3), lambda arm, _, seed: SCORES[arm] + 0.02 * (seed - 2)
    )
    once = make_rows({"cloze": ()}, ("sib200",), (0,), lambda *_: 0.25)
    unseen = tuple(
        replace(each, row=replace(each.row, metric="accuracy_unseen", value=0.5))
        for each in rows
        if (each.arm, each.row.split) == ("soft_8", "test")
    )
    return replace(
        make_run(arms=ARMS, targets=("sib200",)),
        rows=(*rows, *once, *unseen),
        made_of={
            "none": RecordedArm(),
            "cloze": RecordedArm(adapters="cloze", prompt="cloze", rows_per_class=0),
            "soft_8": RecordedArm(
                adapters="soft prompt",
                prompt="soft prompt of 5 vectors",
                rows_per_class=8,
                unseen={"sib200": 3},
            ),
        },
    )


def test_draws_have_a_mean_and_a_spread_and_unseen_classes_a_chance_of_their_own() -> None:
    head, cloze, soft = ([cell.text for cell in row[2:]] for row in few_shots(prompted()).rows)
    assert head[:3] == ["head", "all", "3"]
    assert head[-3:] == [DASH] * 3
    assert soft[:3] == ["soft prompt of 5 vectors", "8", "3"]
    assert soft[3:6] == ["14.3", "40.0 ± 2.0", "40.0 ± 2.0"]
    assert soft[6:] == ["33.3", "50.0 ± 0.0", "50.0 ± 0.0"]
    assert cloze[1:6] == ["0", "0", "14.3", "25.0", "25.0"]


def test_the_figures_stand_on_the_page_and_in_markdown() -> None:
    _, texts = report_texts(prompted())
    text = texts["report.md"]
    row = (
        "| soft\\_8 | sib200 | soft prompt of 5 vectors | 8 | 3 | 14.3 | 40.0 ± 2.0 | 40.0 ± 2.0 |"
    )
    assert f"{row} 33.3 | 50.0 ± 0.0 | 50.0 ± 0.0 |" in text
    assert '<table id="few-shot"' in texts["report.html"]
    assert "soft prompt of 5 vectors" in texts["report.html"]
    assert "label{tab:few-shot}" in texts["report.tex"]


def test_what_no_seed_has_touched_has_no_spread_anywhere() -> None:
    table = table_of(prompted())
    for row in (*table.tasks, *table.means):
        cells = {cell.arm: cell for cell in row.cells}
        assert cells["cloze"].score is not None
        assert cells["cloze"].score.sd is None
        assert cells["cloze"].gain is not None  # over what seeds have touched
        assert cells["cloze"].gain.sd == pytest.approx(0.02)
        assert cells["soft_8"].score is not None
        assert cells["soft_8"].score.sd == pytest.approx(0.02)


def test_a_run_of_heads_on_all_rows_has_no_such_table() -> None:
    assert not few_shots(make_run(targets=("sib200",))).rows


def test_a_language_without_unseen_rows_is_left_out_of_their_mean() -> None:
    run = prompted()

    def is_kept(each: ArmScore) -> bool:
        return each.row.metric == "accuracy" or each.row.language in ("en", "de")

    halved = tuple(
        replace(each, row=replace(each.row, value=0.1)) if _is_german_unseen(each) else each
        for each in run.rows
        if is_kept(each)
    )
    *_, soft = few_shots(replace(run, rows=halved)).rows
    assert soft[-1].value == pytest.approx(0.3)


def _is_german_unseen(each: ArmScore) -> bool:
    return (each.row.metric, each.row.language) == ("accuracy_unseen", "de")
