"""Tests for stiltwalk.metrics.classification."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stiltwalk.errors import MetricError
from stiltwalk.metrics.classification import accuracy, binary_f1, f1_of_counts, token_accuracy

LABELS = st.lists(st.sampled_from("01"), min_size=1, max_size=30)


def test_trap_10_accuracy_divides_by_the_number_of_rows() -> None:
    assert accuracy(["a", "b", "", "d"], ["a", "b", "c", "d"]) == 0.75


def test_trap_10_unequal_counts_are_refused_with_both_counts() -> None:
    with pytest.raises(MetricError, match="got 1 and 2"):
        accuracy(["a"], ["a", "b"])


def test_nothing_to_score_is_refused() -> None:
    with pytest.raises(MetricError, match="non-zero"):
        accuracy([], [])


@given(LABELS)
def test_perfect_answers_score_one(gold: list[str]) -> None:
    assert accuracy(gold, gold) == 1.0
    assert binary_f1(gold, gold) == float("1" in gold)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1))
def test_the_order_of_rows_changes_nothing(rows: list[tuple[str, str]]) -> None:
    def score(pairs: list[tuple[str, str]]) -> float:
        return accuracy([p for p, _ in pairs], [g for _, g in pairs])

    assert score(rows) == score(rows[::-1]) == score(rows + rows)


@given(st.lists(st.tuples(st.sampled_from("01"), st.sampled_from("01")), min_size=1))
def test_f1_is_the_same_with_the_sides_swapped(rows: list[tuple[str, str]]) -> None:
    left, right = [p for p, _ in rows], [g for _, g in rows]
    assert binary_f1(left, right) == pytest.approx(binary_f1(right, left), abs=1e-15)


def test_f1_of_duplicates_knows_the_words_of_the_hub() -> None:
    gold = ["duplicate", "not_duplicate", "duplicate", "not_duplicate"]
    predicted = ["duplicate", "duplicate", "not_duplicate", "not_duplicate"]
    assert binary_f1(predicted, gold) == 0.5


def test_f1_refuses_labels_of_which_it_cannot_tell_the_positive_one() -> None:
    with pytest.raises(MetricError, match="yes"):
        binary_f1(["1"], ["yes"])


def test_f1_refuses_unequal_counts() -> None:
    with pytest.raises(MetricError, match="got 2 and 1"):
        binary_f1(["1", "0"], ["1"])


def test_figures_without_a_divisor_are_zero() -> None:
    assert f1_of_counts(0, 0, 0) == {"f1": 0.0, "precision": 0.0, "recall": 0.0}


def test_words_count_not_sentences() -> None:
    assert token_accuracy([["A"], ["B", "B", "C"]], [["A"], ["B", "B", "B"]]) == 0.75


def test_a_sentence_with_too_few_tags_is_named() -> None:
    with pytest.raises(MetricError, match="Sentence 2 has 2 words, but 1"):
        token_accuracy([["A"], ["B"]], [["A"], ["B", "C"]])
