"""Tests for stiltwalk.data.readers."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrors import squad, write_parquet
from stiltwalk.data.readers import MOVED, nearest_occurrence, questions
from stiltwalk.data.source import Place, Rows, open_parquet
from stiltwalk.errors import DataError
from stiltwalk.languages import tydiqa_prefix
from stiltwalk.records import Answer, SpanExample


def opened(folder: Path, rows: list[tuple[str, str, list[str], list[int]]]) -> Rows:
    path = write_parquet(folder / "a.parquet", squad(rows))
    return open_parquet(Place("google/xtreme", "XQuAD.th", "validation"), [path])


def only(folder: Path, context: str, texts: list[str], starts: list[int]) -> SpanExample:
    (example,) = questions()(opened(folder, [("1", context, texts, starts)]), "th")
    assert isinstance(example, SpanExample)
    return example


def test_an_answer_that_is_where_it_should_be_stays(tmp_path: Path) -> None:
    assert only(tmp_path, "Ann met Ann.", ["Ann"], [8]).answers == (Answer("Ann", 8),)


def test_xquad_answers_stripped_without_moving_their_start_are_moved_and_counted(
    tmp_path: Path,
) -> None:
    rows = opened(
        tmp_path,
        [("1", "In 308 came 308 men.", ["308"], [11]), ("2", "Ann came.", ["Ann"], [0])],
    )
    found = [example.answers for example in questions()(rows, "th")]  # type: ignore[union-attr]
    assert found == [(Answer("308", 12),), (Answer("Ann", 0),)]
    assert rows.counts[MOVED] == 1


def test_an_answer_that_occurs_nowhere_is_named_with_its_row(tmp_path: Path) -> None:
    rows = opened(tmp_path, [("1", "Ann.", ["Ann"], [0]), ("2", "Ann came.", ["Bob"], [0])])
    with pytest.raises(
        DataError,
        match=r"google/xtreme, configuration 'XQuAD.th', split 'validation', row 1 .*'Bob'",
    ):
        list(questions()(rows, "th"))


def test_no_answers_mean_a_question_that_cannot_be_answered(tmp_path: Path) -> None:
    rows = opened(tmp_path, [("1", "Ann.", ["Ann"], [0]), ("2", "Ann came.", [], [])])
    assert [len(example.answers) for example in questions()(rows, "en")] == [1, 0]  # type: ignore[union-attr]


def test_answers_and_starts_that_differ_in_number_are_refused(tmp_path: Path) -> None:
    rows = opened(tmp_path, [("1", "Ann.", ["Ann", "Ann"], [0])])
    with pytest.raises(DataError, match="2 answers but 1 starts"):
        list(questions()(rows, "en"))


def test_tydiqa_is_filtered_by_the_language_that_ids_start_with(tmp_path: Path) -> None:
    ids = ["korean-1-0", "english-2-0", "swahili-3-1", "english-4-0"]
    rows = opened(tmp_path, [(key, "Ann came.", ["Ann"], [0]) for key in ids])
    found = [example.id for example in questions(tydiqa_prefix)(rows, "en")]
    assert found == ["english-2-0", "english-4-0"]


def test_the_nearer_of_two_occurrences_wins_and_the_earlier_on_a_tie() -> None:
    assert nearest_occurrence("ab..ab", "ab", 1) == 0
    assert nearest_occurrence("ab..ab", "ab", 3) == 4
    assert nearest_occurrence("ab..ab", "ab", 2) == 0


@given(
    st.text("ab ", min_size=1, max_size=30),
    st.text("ab ", min_size=1, max_size=4),
    st.integers(-5, 40),
)
def test_the_nearest_occurrence_is_the_nearest_of_all(context: str, text: str, start: int) -> None:
    everywhere = [at for at in range(len(context)) if context.startswith(text, at)]
    nearest = min(everywhere, key=lambda at: (abs(at - start), at), default=None)
    assert nearest_occurrence(context, text, start) == nearest
