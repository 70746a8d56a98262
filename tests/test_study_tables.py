"""A run from Python: its tables, what a notebook shows of it, and how it is found."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import stiltwalk
from compared import compared
from stiltwalk.errors import NoSuchRun, StiltwalkError
from walking import Walked


def test_scores_are_all_rows_in_percent(walked: Walked) -> None:
    study = stiltwalk.load(walked.workspace)
    scores = study.scores()
    assert len(scores) == len(study.rows) > 0
    (row,) = scores[
        (scores.arm == "mixed") & (scores.task == "xnli") & (scores.language == "de")
    ].to_dict("records")
    (kept,) = [
        each
        for each in walked.rows()
        if (each["task"], each["language"]) == ("xnli", "de") and each["intermediate"]
    ]
    assert row["percent"] == pytest.approx(100 * kept["value"])
    assert row["num_examples"] == 8
    assert set(scores.reference) > {""}


def test_gains_are_points_against_the_baseline_and_have_intervals(walked: Walked) -> None:
    study = stiltwalk.load(walked.workspace)
    gains = study.gains().set_index("target")
    scores = study.scores().query("task == 'xnli' and split == 'test' and reference == ''")
    means = scores.groupby("arm").percent.mean()
    xnli = gains.loc["xnli"]
    assert xnli.gain_points == pytest.approx(means["mixed"] - means["none"])
    assert xnli.low_points <= xnli.gain_points <= xnli.high_points
    assert set(gains.arm) == {"mixed"}
    assert {"xnli", "udpos", "xquad", "tatoeba", "bucc2018"} < set(gains.index)


def test_verdicts_answer_four_questions_per_arm(walked: Walked) -> None:
    verdicts = stiltwalk.load(walked.workspace).verdicts()
    assert list(verdicts.question) == ["quality", "latency", "throughput", "computation"]
    assert verdicts.verdict[1] == "not timed"
    assert "the same" in verdicts.verdict[3]


def test_speed_has_a_row_per_verdict(walked: Walked) -> None:
    study = stiltwalk.load(walked.workspace)
    assert study.speed().empty
    timed = compared("mixed", 1.2, "SLOWER", quality=0.5)
    vars(study)["_run"] = replace(study._run, comparisons=(timed,))
    found = study.speed()
    assert len(found) == len(timed.cells) > 0
    assert found.ratio[0] == timed.cells[0].judged.ratio


@pytest.mark.parametrize("task", ["xnli", "udpos", "xquad", "tatoeba"])
def test_errors_are_the_rows_that_are_not_quite_right(walked: Walked, task: str) -> None:
    study = stiltwalk.load(walked.workspace)
    errors = study.errors("mixed", task, "de")
    assert (errors.score_fraction < 1).all()
    assert errors.text.str.len().min() > 0
    right = 8 - len(errors)
    figures = study.scores().query(
        f"task == '{task}' and language == 'de' and arm == 'mixed' and split == 'test'"
    )
    assert figures.percent.max() <= 100
    if task in ("xnli", "tatoeba"):
        assert figures.percent.iloc[0] == pytest.approx(100 * right / 8)
        assert (errors.gold != errors.answer).all()


def test_errors_of_nothing_are_refused_with_what_there_is(walked: Walked) -> None:
    with pytest.raises(NoSuchRun, match="its arms are none, mixed"):
        stiltwalk.load(walked.workspace).errors("other", "xnli", "de")


def test_a_notebook_shows_the_answer_and_a_table(walked: Walked) -> None:
    study = stiltwalk.load(walked.workspace)
    page = study._repr_html_()
    assert "small" in page
    assert "<table>" in page
    assert "not a research result" in page
    assert "mixed" in page
    assert len(repr(study)) < 200
    assert "2 arms, 5 targets, 1 seed" in repr(study)


def test_a_dict_is_a_recipe(tiny_xlmr: Path, tmp_path: Path) -> None:
    recipe: dict[str, Any] = {
        "name": "of.dict",
        "targets": ["tatoeba"],
        "languages": ["de"],
        "model": {"name": str(tiny_xlmr), "revision": None},
        "data": {"source": "mini", "test_rows": 4},
        "arms": {"none": [], "with.dot": {"tasks": ["mnli"]}},
        "intermediate": {"learning_rate": 5e-7, "num_epochs": 1, "max_rows": 8},
        "measure": {"budget_s": 0},
    }
    plan = stiltwalk.plan(recipe, tmp_path)
    assert plan["to_do"]["num_stages"] > 0
    study = stiltwalk.run(recipe, tmp_path, console=Console(file=io.StringIO()))
    assert study.report.is_file()
    assert set(study.scores().arm) == {"none", "with.dot"}


def test_several_runs_are_told_apart_by_name(walked: Walked, tmp_path: Path) -> None:
    own = walked.copied(tmp_path)
    with pytest.raises(NoSuchRun, match="no run 'other', but small"):
        stiltwalk.load(own.workspace, "other")
    (own.workspace / "runs" / "b").mkdir()
    (own.workspace / "runs" / "b" / "run.json").write_text("{}", encoding="utf-8")
    with pytest.raises(NoSuchRun, match="several runs, b, small: say which"):
        stiltwalk.load(own.workspace)
    assert stiltwalk.load(own.workspace, "small").rows
    (own.workspace / "runs" / "b").rename(own.workspace / "runs" / "small~0123abcd")
    assert stiltwalk.load(own.workspace).name == "small"


def test_without_pandas_a_sentence_says_what_to_install(
    walked: Walked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(StiltwalkError, match=r"pip install 'stiltwalk\[notebook\]'"):
        stiltwalk.load(walked.workspace).scores()
