"""What a model is fed, and what its outputs are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stiltwalk.features.ragged import Ragged


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
        rows_per_unit: 1, or the number of choices.
    """

    ids: Ragged
    second: NDArray[np.int32]
    example: NDArray[np.int64]
    labels: Ragged
    words: Ragged | None = None
    offsets: Ragged | None = None
    rows_per_unit: int = 1

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

    def first(self, num_rows: int) -> Features:
        """Return the first rows; for features whose units are single rows."""
        assert self.rows_per_unit == 1
        return replace(
            self,
            ids=self.ids.first(num_rows),
            second=self.second[:num_rows],
            example=self.example[:num_rows],
            labels=self.labels.first(num_rows),
            words=None if self.words is None else self.words.first(num_rows),
            offsets=None if self.offsets is None else self.offsets.first(num_rows),
        )

    def rows_of(self, units: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows of some units, unit by unit."""
        each = np.arange(self.rows_per_unit)
        rows: NDArray[np.int64] = (units[:, None] * self.rows_per_unit + each).ravel()
        return rows


def concatenated(parts: Sequence[Features]) -> Features:
    """Return the rows of several parts behind one another; examples are counted on."""
    assert parts
    first_example = np.cumsum([0, *(int(part.example.max(initial=-1)) + 1 for part in parts)])
    return Features(
        ids=Ragged.joined([part.ids for part in parts]),
        second=np.concatenate([part.second for part in parts]),
        example=np.concatenate(
            [part.example + first for part, first in zip(parts, first_example, strict=False)]
        ),
        labels=Ragged.joined([part.labels for part in parts]),
        words=_joined([part.words for part in parts]),
        offsets=_joined([part.offsets for part in parts]),
        rows_per_unit=parts[0].rows_per_unit,
    )


def _joined(parts: Sequence[Ragged | None]) -> Ragged | None:
    present = [part for part in parts if part is not None]
    return Ragged.joined(present) if present else None
