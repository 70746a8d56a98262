"""Tests for stiltwalk.metrics.aggregate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stiltwalk.errors import MetricError
from stiltwalk.metrics.aggregate import TaskScore, group_scores, mean, overall_score, task_score


def test_a_task_scores_the_plain_mean_of_its_languages_english_included() -> None:
    by_language = {"en": {"accuracy": 0.9}, "de": {"accuracy": 0.6}, "sw": {"accuracy": 0.3}}
    assert task_score(by_language, ["en", "de", "sw"]).score == pytest.approx(0.6)


def test_questions_score_the_mean_of_two_means() -> None:
    by_language = {
        "en": {"f1": 0.8, "exact_match": 0.6},
        "ar": {"f1": 0.4, "exact_match": 0.2},
    }
    assert task_score(by_language, ["en", "ar"]).score == pytest.approx(0.5)


def test_chunks_are_ranked_by_f1_alone() -> None:
    by_language = {"en": {"f1": 0.5, "precision": 0.9, "recall": 0.4, "accuracy": 0.99}}
    assert task_score(by_language, ["en"]).score == 0.5


def test_a_missing_language_is_listed_and_the_mean_covers_the_rest() -> None:
    score = task_score({"en": {"accuracy": 0.5}}, ["en", "my"])
    assert score == TaskScore(score=0.5, missing=("my",))
    assert not score.is_complete


def test_a_language_the_task_does_not_have_is_left_out() -> None:
    by_language = {"en": {"accuracy": 0.5}, "xx": {"accuracy": 1.0}}
    assert task_score(by_language, ["en"]).score == 0.5


def test_no_language_at_all_is_refused() -> None:
    with pytest.raises(MetricError, match="ms, my"):
        task_score({}, ["ms", "my"])


def test_a_group_needs_all_its_tasks_in_all_their_languages() -> None:
    groups = {"both": ("a", "b"), "one": ("a",), "other": ("c",)}
    tasks = {"a": TaskScore(score=0.25), "b": TaskScore(score=0.75)}
    assert group_scores(tasks, groups) == {"both": 0.5, "one": 0.25}
    tasks["b"] = TaskScore(score=0.75, missing=("my",))
    assert group_scores(tasks, groups) == {"one": 0.25}


def test_the_overall_score_needs_every_task() -> None:
    tasks = {"a": TaskScore(score=0.25), "b": TaskScore(score=0.75)}
    assert overall_score(tasks, ["a", "b"]) == 0.5
    assert overall_score(tasks, ["a", "b", "c"]) is None


@given(
    st.lists(st.floats(0, 1), min_size=1).flatmap(
        lambda v: st.tuples(st.just(v), st.permutations(v))
    )
)
def test_the_order_of_languages_changes_no_bit(values: tuple[list[float], list[float]]) -> None:
    assert mean(values[0]) == mean(values[1])
