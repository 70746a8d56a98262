"""Tests for stiltwalk.reports.changes: which rows an arm changed, told in any script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from synthetic import make_run

from stiltwalk.data.source import DataSource
from stiltwalk.data.xtreme_files import answers_path, form_of, write_answers
from stiltwalk.records import (
    Answers,
    ExampleScoreRow,
    PairExample,
    SpanExample,
    Split,
    TaggedExample,
)
from stiltwalk.reports.changes import Change, changes
from stiltwalk.reports.data import ArmExampleScores, RunRows
from stiltwalk.reports.sections.changes import changes_report
from stiltwalk.reports.write import html, report_texts, write_report
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import bitext, examples

MINI = DataSource(source="mini")
ROWS = 8
RUN = make_run(arms=("none", "mnli"), targets=("xnli", "panx", "xquad", "tatoeba"))


def of_arm(arm: str, task: str, language: str, won: Sequence[float]) -> ArmExampleScores:
    row = ExampleScoreRow(
        stage=arm, task=task, language=language, seed=1, won=won, of=(1.0,) * len(won)
    )
    return ArmExampleScores(arm=arm, row=row)


def changed(
    folder: Path, task: str, language: str, given: dict[str, tuple[Sequence[float], Answers]]
) -> list[Change]:
    """Return the changes of arms whose scores and answers are given."""
    form = form_of(TASKS[task].task_type, TASKS[task].metric)
    for arm, (_, answers) in given.items():
        write_answers(answers_path(folder / arm, task, language, form), form, answers)
    rows = tuple(of_arm(arm, task, language, won) for arm, (won, _) in given.items())
    record: Any = SimpleNamespace(data=MINI, test_rows=ROWS)
    workspace: Any = SimpleNamespace(verified=lambda stage: folder / stage)
    return list(changes(replace(RUN, example_scores=rows), record, workspace))


def test_what_was_fixed_comes_first_then_what_was_broken(tmp_path: Path) -> None:
    rows = cast("Sequence[PairExample]", examples(TASKS["xnli"], MINI, Split.TEST, "ar", ROWS))
    wrong = ["neutral" if each.label != "neutral" else "entailment" for each in rows]
    right = [each.label for each in rows]
    theirs = [right[0], wrong[1], *right[2:]]
    ours = [wrong[0], right[1], *right[2:]]
    won = ([1.0, 0.0, *[1.0] * 6], [0.0, 1.0, *[1.0] * 6])
    fixed, broken = changed(
        tmp_path, "xnli", "ar", {"none": (won[0], theirs), "mnli": (won[1], ours)}
    )
    assert (fixed.gained, fixed.gold, fixed.before, fixed.after) == (
        1.0, right[1], wrong[1], right[1],
    )  # fmt: skip
    assert fixed.text == f"{rows[1].text_a} | {rows[1].text_b}"
    assert (broken.gained, broken.before, broken.after) == (-1.0, right[0], wrong[0])


def test_of_tags_those_alone_are_told_in_which_the_answers_differ(tmp_path: Path) -> None:
    rows = cast("Sequence[TaggedExample]", examples(TASKS["panx"], MINI, Split.TEST, "ja", ROWS))
    right = [list(each.tags) for each in rows]
    wrong = [list(each) for each in right]
    wrong[2][0] = "B-ORG" if right[2][0] != "B-ORG" else "O"
    (fixed,) = changed(
        tmp_path,
        "panx",
        "ja",
        {"none": ([1.0, 1.0, 0.5, *[1.0] * 5], wrong), "mnli": ([1.0] * 8, right)},
    )
    word = rows[2].words[0]
    assert (fixed.gold, fixed.before) == (f"{word} {right[2][0]}", f"{word} {wrong[2][0]}")


def test_questions_show_their_context_and_what_was_answered(tmp_path: Path) -> None:
    rows = cast("Sequence[SpanExample]", examples(TASKS["xquad"], MINI, Split.TEST, "zh", ROWS))
    right = {each.id: each.answers[0].text for each in rows}
    (broken,) = changed(
        tmp_path,
        "xquad",
        "zh",
        {"none": ([1.0] * 8, right), "mnli": ([0.0, *[1.0] * 7], {**right, rows[0].id: ""})},
    )
    assert broken.after == "no answer"
    assert rows[0].question in broken.text


def test_answers_of_other_rows_than_those_at_hand_are_left_out(tmp_path: Path) -> None:
    rows = examples(TASKS["xnli"], MINI, Split.TEST, "de", ROWS)
    labels = [cast("PairExample", each).label for each in rows][:5]
    given = {"none": ([1.0] * 5, labels), "mnli": ([0.0] * 5, labels)}
    assert changed(tmp_path, "xnli", "de", given) == []


def change(text: str, language: str, gained: float = 1.0) -> Change:
    return Change(
        arm="mnli", task="xnli", language=language, gained=gained, rank=0, text=text,
        gold="neutral", before="entailment", after="neutral",
    )  # fmt: skip


def test_text_of_any_script_is_set_its_own_way_and_stays_text() -> None:
    found = (change("شلوم <b>", "ar"), change("直す", "ja", -1.0))
    text = html(changes_report(RUN, found))
    assert '<div dir="auto" lang="ar">شلوم &lt;b&gt;</div>' in text
    assert '<div dir="auto" lang="ja">直す</div>' in text
    assert "vega" not in text.lower().partition("<style>")[0]


@pytest.mark.parametrize("script", ["漢", "<", "a"])
def test_a_page_of_all_that_there_is_room_for_is_below_two_megabytes(
    script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [replace(change(script * 200, "ja"), rank=at % 3) for at in range(9_000)]
    monkeypatch.setattr("stiltwalk.reports.changes._changes", lambda *_: iter(found))
    nothing: Any = None
    kept = changes(RUN, nothing, nothing)
    assert {each.rank for each in kept} == {0}
    assert 1_200_000 < len(html(changes_report(RUN, kept)).encode()) < 2_000_000


def test_the_report_leads_to_the_page_where_there_is_one(tmp_path: Path) -> None:
    run: RunRows = make_run(arms=("none", "mnli"), targets=("pawsx",))
    _, texts = report_texts(run, (change("x", "de"),))
    assert '<a href="changes.html">Changed answers</a>' in texts["report.html"]
    assert "changes.html" not in report_texts(run)[1]["report.html"]
    (tmp_path / "changes.html").write_text("of an earlier report")
    write_report(run, tmp_path)
    assert not (tmp_path / "changes.html").exists()


def test_of_mining_the_true_pairs_are_told_that_one_found_and_the_other_did_not(
    tmp_path: Path,
) -> None:
    task = TASKS["bucc2018"]
    run = make_run(arms=("none", "mnli"), targets=("bucc2018",))
    both = bitext(task, MINI, Split.TEST, "de", ROWS)
    (first, second, *_), elsewhere = both.gold, both.english[-1].id
    given = {"none": [first, (second[0], elsewhere)], "mnli": [second]}
    form = form_of(task.task_type, task.metric)
    for arm, pairs in given.items():
        write_answers(answers_path(tmp_path / arm, task.name, "de", form), form, pairs)
    rows = [
        replace(each, row=replace(each.row, stage=each.arm))
        for each in run.rows
        if each.row.language == "de"
    ]
    record: Any = SimpleNamespace(data=MINI, test_rows=ROWS)
    workspace: Any = SimpleNamespace(verified=lambda stage: tmp_path / stage)
    found = changes(replace(run, rows=tuple(rows), example_scores=()), record, workspace)
    assert [each.gained for each in found] == [1.0, -1.0]
    texts = {each.id: each.text for each in (*both.foreign, *both.english)}
    assert [each.text for each in found] == [texts[second[0]], texts[first[0]]]
    assert (found[0].before, found[0].after) == (texts[elsewhere], texts[second[1]])
    assert (found[1].before, found[1].after) == (texts[first[1]], "no answer")


def test_a_language_can_be_chosen_and_every_one_is_shown_at_first() -> None:
    text = html(changes_report(RUN, (change("x", "ar"), change("y", "ja"))))
    assert 'data-key="language" data-drives="changes-0-xnli"' in text
    assert text.count("data-language=") == 2
    assert '<option value="every one" selected>' in text
