"""Tests for stiltwalk.metrics.chunks."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stiltwalk.errors import MetricError
from stiltwalk.metrics.chunks import chunk_f1, chunks

GOLDEN = Path(__file__).parents[1] / "golden" / "tags.json"
TAGS = st.sampled_from(
    "O B-PER I-PER B-LOC I-LOC S-PER E-LOC NOUN CCONJ SCONJ INTJ X . X-O".split()
)


def tagged_twice(draw: st.DrawFn) -> tuple[list[list[str]], list[list[str]]]:
    lengths = draw(st.lists(st.integers(1, 6), min_size=1, max_size=5))
    first, second = ([draw(st.lists(TAGS, min_size=n, max_size=n)) for n in lengths] for _ in "ab")
    return first, second


TWO_TAGGINGS = st.composite(tagged_twice)()


@pytest.mark.parametrize(
    "case", json.loads(GOLDEN.read_text(encoding="utf-8"))["cases"], ids=lambda case: case["name"]
)
def test_figures_are_those_of_seqeval_0_0_12(case: dict[str, Any]) -> None:
    figures = chunk_f1(case["predicted"], case["gold"])
    assert figures == {name: case[name] for name in ("f1", "precision", "recall")}


def test_trap_1_inside_without_begin_opens_a_chunk() -> None:
    assert list(chunks([["O", "I-PER", "I-PER"]])) == [("PER", 1, 2)]


def test_trap_1_neighbouring_equal_raw_tags_merge_into_one_chunk() -> None:
    assert list(chunks([["NOUN", "NOUN", "VERB"]])) == [("NOUN", 0, 1), ("VERB", 2, 2)]


def test_trap_1_the_first_letter_of_a_raw_tag_is_its_prefix() -> None:
    """SCONJ starts like Single, so that neighbours do not merge."""
    assert list(chunks([["SCONJ", "SCONJ"]])) == [("SCONJ", 0, 0), ("SCONJ", 1, 1)]


def test_trap_1_cconj_and_sconj_are_not_the_same() -> None:
    """As of seqeval 1.0 the first letter is cut off, and both would be CONJ."""
    assert chunk_f1([["CCONJ"]], [["SCONJ"]])["f1"] == 0.0


def test_trap_1_counts_are_summed_over_a_file_before_they_are_divided() -> None:
    predicted = [["B-PER"], ["B-PER", "B-PER", "B-PER"]]
    gold = [["B-PER"], ["B-LOC", "B-LOC", "B-LOC"]]
    assert chunk_f1(predicted, gold)["f1"] == 0.25


def test_no_chunk_crosses_a_border_of_sentences() -> None:
    assert list(chunks([["B-PER"], ["I-PER"]])) == [("PER", 0, 0), ("PER", 2, 2)]


def test_an_empty_tag_is_refused() -> None:
    with pytest.raises(MetricError, match="empty tag"):
        chunk_f1([[""]], [["O"]])


def test_a_missing_sentence_is_refused_with_both_counts() -> None:
    with pytest.raises(MetricError, match="needed for 2 sentences, got them for 1"):
        chunk_f1([["O"]], [["O"], ["O"]])


def test_an_empty_file_has_no_chunks() -> None:
    assert chunk_f1([], []) == {"f1": 0.0, "precision": 0.0, "recall": 0.0}


@given(TWO_TAGGINGS)
def test_f1_is_symmetric_and_precision_is_the_others_recall(
    taggings: tuple[list[list[str]], list[list[str]]],
) -> None:
    first, second = taggings
    there, back = chunk_f1(first, second), chunk_f1(second, first)
    assert there["f1"] == pytest.approx(back["f1"], abs=1e-15)
    assert (there["precision"], there["recall"]) == (back["recall"], back["precision"])


@given(TWO_TAGGINGS)
def test_the_order_of_sentences_changes_nothing(
    taggings: tuple[list[list[str]], list[list[str]]],
) -> None:
    first, second = taggings
    # seqeval reads "X-O" in another way at the very start of a file, so that is left out
    assert chunk_f1([["O"], *first], [["O"], *second]) == chunk_f1(
        [["O"], *first[::-1]], [["O"], *second[::-1]]
    )


@given(TWO_TAGGINGS)
def test_a_file_against_itself_is_perfect_where_it_has_chunks(
    taggings: tuple[list[list[str]], list[list[str]]],
) -> None:
    tags = taggings[0]
    assert chunk_f1(tags, tags)["f1"] == float(any(True for _ in chunks(tags)))
