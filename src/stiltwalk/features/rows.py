"""What a model is fed: rows of unequal length in one flat array."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import accumulate

import numpy as np
from numpy.typing import ArrayLike, NDArray

OF_SOME = ("words", "offsets", "answer_starts", "types")
"""What not all features have, row by row."""


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Rows of ids in the order of the examples they come from.

    A unit is what one loss term is about: a row, or the `rows_per_unit` rows of one choice.

    Args:
        ids: token ids of every row, special tokens included.
        second: the position at which a row's second text starts, its length if there is none.
        example: the index of the example that a row comes from, shape (rows,).
        labels: what the loss compares a unit with: one class (pairs, choices), one class per
            word (tags), or the first and last token (spans).
        words: the position of each word's first sub-word, row by row; tags only.
        offsets: per id the characters [start, end) of the context it covers, (-1, -1) outside
            the context; spans only.
        answer_starts: the positions [first, end) at which an answer may start, row by row, since
            another window shows the rest better; spans only.
        rows_per_unit: 1, or the number of choices.
        types: the type of every token, as the tokenizer's template gives them, or, of a decoder's
            rows, 1 for an answer's; None where all are 0.
    """

    ids: Ragged
    second: NDArray[np.int32]
    example: NDArray[np.int64]
    labels: Ragged
    words: Ragged | None = None
    offsets: Ragged | None = None
    answer_starts: Ragged | None = None
    rows_per_unit: int = 1
    types: Ragged | None = None

    @property
    def num_units(self) -> int:
        """How many loss terms there are."""
        return len(self.ids) // self.rows_per_unit

    @property
    def num_rows(self) -> int:
        """How many rows a model is fed."""
        return len(self.ids)

    def unit_lengths(self) -> NDArray[np.int64]:
        """The longest row of every unit, in tokens, shape (units,)."""
        longest: NDArray[np.int64] = self.ids.lengths.reshape(-1, self.rows_per_unit).max(axis=1)
        return longest

    def between(self, start: int, end: int, first_example: int = 0) -> Features:
        """Return a stretch of rows, views, that makes whole units.

        Args:
            start: its first row.
            end: the row behind its last one.
            first_example: the example that becomes number 0.
        """
        per_unit = self.rows_per_unit
        assert start % per_unit == end % per_unit == 0
        by_row = {
            name: found.between(start, end)
            for name in OF_SOME
            if (found := getattr(self, name)) is not None
        }
        return replace(
            self,
            ids=self.ids.between(start, end),
            second=self.second[start:end],
            example=self.example[start:end] - first_example,
            labels=self.labels.between(start // per_unit, end // per_unit),
            **by_row,
        )

    def first_equal(self) -> NDArray[np.int64]:
        """Return for every row the first one that neither model nor decoding tells from it."""
        first: dict[bytes, int] = {}
        every = (self.ids, self.words, self.offsets, self.answer_starts)
        flat = [each for each in every if each is not None]
        found = np.empty(self.num_rows, dtype=np.int64)
        for row, second in enumerate(self.second.tolist()):
            digest = blake2b(f"{second} {len(self.ids[row])} ".encode(), digest_size=16)
            for each in flat:
                digest.update(each[row].tobytes())
            found[row] = first.setdefault(digest.digest(), row)
        return found

    def rows_of(self, units: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows of some units, unit by unit."""
        each = np.arange(self.rows_per_unit)
        rows: NDArray[np.int64] = (units[:, None] * self.rows_per_unit + each).ravel()
        return rows


def first_examples(parts: Sequence[Features]) -> list[int]:
    """Return the number that each part's first example gets where parts are joined, and an end."""
    return [0, *accumulate(int(part.example.max(initial=-1)) + 1 for part in parts)]


def concatenated(parts: Sequence[Features]) -> Features:
    """Return the rows of several parts behind one another; examples are counted on."""
    assert parts
    first_example = first_examples(parts)
    return Features(
        ids=Ragged.joined([part.ids for part in parts]),
        second=np.concatenate([part.second for part in parts]),
        example=np.concatenate(
            [part.example + first for part, first in zip(parts, first_example, strict=False)]
        ),
        labels=Ragged.joined([part.labels for part in parts]),
        **{name: _joined([getattr(part, name) for part in parts]) for name in OF_SOME},
        rows_per_unit=parts[0].rows_per_unit,
    )


def _joined(parts: Sequence[Ragged | None]) -> Ragged | None:
    present = [part for part in parts if part is not None]
    return Ragged.joined(present) if present else None


@dataclass(frozen=True, slots=True, eq=False)
class Ragged:
    """`values[starts[i]:starts[i + 1]]` is row i.

    Args:
        values: all rows behind one another, shape (total, …).
        starts: where each row starts, shape (rows + 1,).
    """

    values: NDArray[np.int32]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Sequence[ArrayLike]) -> Ragged:
        """Lay rows behind one another."""
        arrays = [np.asarray(row, dtype=np.int32) for row in rows]
        lengths = np.array([len(row) for row in arrays], dtype=np.int64)
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        values = np.concatenate(arrays) if arrays else np.zeros(0, np.int32)
        return cls(values, starts)

    @classmethod
    def joined(cls, parts: Sequence[Ragged]) -> Ragged:
        """Lay several sets of rows behind one another."""
        lengths = np.concatenate([part.lengths for part in parts])
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        filled = [part.values for part in parts if len(part.values)]
        return cls(np.concatenate(filled) if filled else parts[0].values, starts)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.starts) - 1

    def __getitem__(self, row: int) -> NDArray[np.int32]:
        """Return one row, a view."""
        return self.values[self.starts[row] : self.starts[row + 1]]

    def __iter__(self) -> Iterator[NDArray[np.int32]]:
        """Go through the rows in order."""
        return (self[row] for row in range(len(self)))

    def between(self, start: int, end: int) -> Ragged:
        """Return a stretch of rows, views."""
        starts = self.starts[start : end + 1]
        return Ragged(self.values[starts[0] : starts[-1]], starts - starts[0])

    @property
    def lengths(self) -> NDArray[np.int64]:
        """The length of every row, shape (rows,)."""
        return np.diff(self.starts)

    def padded(self, rows: ArrayLike, fill: int) -> NDArray[np.int64]:
        """Return some rows as one rectangle, shape (len(rows), longest), filled on the right."""
        picked = [self[int(row)] for row in np.asarray(rows)]
        width = max((len(row) for row in picked), default=0)
        out = np.full((len(picked), width), fill, dtype=np.int64)
        for position, row in enumerate(picked):
            out[position, : len(row)] = row
        return out
