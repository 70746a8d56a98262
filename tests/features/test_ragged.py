"""Tests for stiltwalk.features.rows and stiltwalk.features.rows."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stiltwalk.features.rows import Features, Ragged, concatenated

some_rows = st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=8)


def features_of(rows: list[list[int]], example: list[int], rows_per_unit: int = 1) -> Features:
    return Features(
        ids=Ragged.of(rows),
        second=np.array([len(row) for row in rows], dtype=np.int32),
        example=np.array(example, dtype=np.int64),
        labels=Ragged.of([[0]] * (len(rows) // rows_per_unit)),
        rows_per_unit=rows_per_unit,
    )


@given(some_rows)
def test_rows_come_back_as_they_were_laid(rows: list[list[int]]) -> None:
    ragged = Ragged.of(rows)
    assert [row.tolist() for row in ragged] == rows
    assert ragged.lengths.tolist() == [len(row) for row in rows]
    assert len(ragged) == len(rows)


@given(some_rows, some_rows)
def test_joined_rows_stand_behind_one_another(
    first: list[list[int]], second: list[list[int]]
) -> None:
    joined = Ragged.joined([Ragged.of(first), Ragged.of(second)])
    assert [row.tolist() for row in joined] == first + second


@given(some_rows, st.integers(0, 8), st.integers(0, 8))
def test_a_stretch_of_rows_is_those_rows(rows: list[list[int]], start: int, count: int) -> None:
    start = min(start, len(rows))
    stretch = Ragged.of(rows).between(start, start + count)
    assert [row.tolist() for row in stretch] == rows[start : start + count]


def test_padding_fills_on_the_right_to_the_longest_picked_row() -> None:
    ragged = Ragged.of([[1, 2, 3], [4], [5, 6]])
    assert ragged.padded([2, 1], 9).tolist() == [[5, 6], [4, 9]]


def test_rows_of_pairs_of_numbers_keep_their_width() -> None:
    ragged = Ragged.of([[[0, 2], [2, 5]], [[1, 1]]])
    assert ragged[0].shape == (2, 2)
    assert ragged[1].tolist() == [[1, 1]]


def test_concatenated_features_count_examples_on() -> None:
    whole = concatenated([features_of([[1], [2], [3]], [0, 0, 1]), features_of([[4]], [0])])
    assert whole.example.tolist() == [0, 0, 1, 2]
    assert [row.tolist() for row in whole.ids] == [[1], [2], [3], [4]]


def test_rows_of_a_unit_are_its_choices() -> None:
    features = features_of([[1], [1, 2], [1], [1], [1], [1, 2, 3]], [0, 0, 0, 1, 1, 1], 3)
    assert features.num_units == 2
    assert features.unit_lengths().tolist() == [2, 3]
    assert features.rows_of(np.array([1, 0])).tolist() == [3, 4, 5, 0, 1, 2]
