"""Rows of unequal length in one flat array."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


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
