"""Which tokens of a row carry a label, and what the stages of selection keep."""

from __future__ import annotations

import numpy as np
import pytest

from stiltwalk.features.rows import Features, Ragged
from stiltwalk.features.sentences import NO_LABEL
from stiltwalk.stages.embed_run import labelled_places


def features(labels: list[list[int]], per_unit: int = 1, **more: Ragged) -> Features:
    num_rows = len(labels) * per_unit
    return Features(
        ids=Ragged.of([[5] * 12] * num_rows), second=np.full(num_rows, 4, dtype=np.int32),
        example=np.arange(num_rows), labels=Ragged.of(labels), rows_per_unit=per_unit, **more,
    )  # fmt: skip


def test_of_texts_and_pairs_the_whole_row_has_the_label() -> None:
    places, labels = labelled_places(features([[2], [0]]), 0)
    assert (places.tolist(), labels.tolist()) == ([], [2])


def test_of_options_the_label_is_whether_it_is_right() -> None:
    options = features([[1], [0]], per_unit=2)
    assert [labelled_places(options, row)[1].tolist() for row in range(4)] == [[0], [1], [1], [0]]


def test_of_tags_a_few_known_words_are_read_at_their_first_sub_words() -> None:
    tags = [3, NO_LABEL, 1, 0, 2, 1]
    found = features([tags], words=Ragged.of([[1, 3, 4, 6, 8, 10]]))
    places, labels = labelled_places(found, 0)
    assert places.tolist() == [1, 4, 6, 8]
    assert labels.tolist() == [3, 1, 0, 2]


@pytest.mark.parametrize(
    ("answer", "places", "labels"),
    [
        ((6, 8), [6, 8, 4, 9], [1, 2, 0, 0]),
        ((6, 6), [6, 4, 8], [1, 0, 0]),
        ((0, 0), [], []),  # in another window
    ],
)
def test_of_spans_both_ends_of_the_answer_and_others_are_read(
    answer: tuple[int, int], places: list[int], labels: list[int]
) -> None:
    offsets = np.full((12, 2), -1)
    offsets[4:11] = 3
    found = features([list(answer)], offsets=Ragged.of([offsets]))
    got = labelled_places(found, 0)
    assert (got[0].tolist(), got[1].tolist()) == (places, labels)
