"""Exact nearest neighbours by cosine, block by block, so that memory does not grow with the task.

Shape letters: N queries, M corpus rows, D vector width, K neighbours; R and C are the rows and
columns of one block of scores, S the scores of a block that are worth keeping.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from stiltwalk.errors import MetricError

Vectors = NDArray[np.float32]
Indices = NDArray[np.int64]

BLOCK_ROWS = 1024
BLOCK_COLUMNS = 8192


def nearest(query_ND: Vectors, corpus_MD: Vectors) -> Indices:
    """Return for each query the row of the corpus whose direction is nearest.

    Args:
        query_ND: one vector per query, shape (N, D), any length but zero.
        corpus_MD: one vector per candidate, shape (M, D).

    Returns:
        Row numbers of the corpus, shape (N,); equal scores go to the lowest row.

    Raises:
        MetricError: if the widths differ, a side is empty, or a row is all zeros or not finite.

    Source:
        Tatoeba as XTREME does it: exact search over unit vectors, English lines as queries.

    Example:
        >>> nearest(np.eye(2, dtype=np.float32), np.array([[0, 3], [2, 0]], dtype=np.float32))
        array([1, 0])
    """
    best_N = np.full(len(query_ND), -np.inf, np.float32)
    found_N = np.zeros(len(query_ND), np.int64)
    for row, column, block_RC in _score_blocks(query_ND, corpus_MD):
        rows = slice(row, row + len(block_RC))
        first_R = block_RC.argmax(axis=1)
        score_R = np.take_along_axis(block_RC, first_R[:, None], axis=1)[:, 0]
        better_R = score_R > best_N[rows]
        best_N[rows][better_R] = score_R[better_R]
        found_N[rows][better_R] = first_R[better_R] + column
    return found_N


class Neighbours:
    """The K best corpus rows of each query so far, best first; equal scores by row number."""

    def __init__(self, num_queries: int, k: int) -> None:
        """Start with nothing found: scores of minus infinity.

        Args:
            num_queries: N.
            k: how many to keep, at most the number of corpus rows.
        """
        self.score_NK = np.full((num_queries, k), -np.inf, np.float32)
        self.index_NK = np.zeros((num_queries, k), np.int64)

    def bar(self, queries: slice, block_RC: Vectors) -> Vectors:
        """Return the score per query that a candidate of this block must exceed to be kept.

        Args:
            queries: which queries the block's first axis stands for.
            block_RC: their scores against R candidates, seen in rising order of row number.
        """
        bar_R: Vectors = self.score_NK[queries, -1]
        if np.isneginf(bar_R).any():
            k = min(self.score_NK.shape[1], block_RC.shape[1])
            kth_R = np.partition(block_RC, -k, axis=1)[:, -k]
            # a hair below, so that all that are equal to the k-th reach the tie rule
            bar_R = np.maximum(bar_R, np.nextafter(kth_R, np.float32(-np.inf)))
        return bar_R

    def offer(self, query_S: Indices, index_S: Indices, score_S: Vectors) -> None:
        """Take in candidates, and keep the K best of each query.

        Args:
            query_S: which query a candidate is for.
            index_S: its row in the corpus.
            score_S: its cosine.
        """
        k = self.score_NK.shape[1]
        touched = np.unique(query_S)
        query_T = np.concatenate([np.repeat(touched, k), query_S])
        index_T = np.concatenate([self.index_NK[touched].ravel(), index_S])
        score_T = np.concatenate([self.score_NK[touched].ravel(), score_S])
        order_T = np.lexsort((index_T, -score_T, query_T))
        start_T = np.searchsorted(query_T[order_T], touched)
        keep = order_T[start_T[:, None] + np.arange(k)]
        self.index_NK[touched], self.score_NK[touched] = index_T[keep], score_T[keep]


def neighbours_both_ways(
    left_ND: Vectors, right_MD: Vectors, k: int
) -> tuple[Neighbours, Neighbours]:
    """Return each left row's k nearest right rows, and each right row's k nearest left rows.

    The score of a pair is computed once and serves both directions.

    Args:
        left_ND: vectors of one side, shape (N, D).
        right_MD: vectors of the other side, shape (M, D).
        k: how many neighbours; fewer where a side is smaller.

    Raises:
        MetricError: if the widths differ, a side is empty, or a row is all zeros or not finite.
    """
    forward = Neighbours(len(left_ND), min(k, len(right_MD)))
    backward = Neighbours(len(right_MD), min(k, len(left_ND)))
    for row, column, block_RC in _score_blocks(left_ND, right_MD):
        rows = slice(row, row + block_RC.shape[0])
        columns = slice(column, column + block_RC.shape[1])
        above_RC = block_RC > forward.bar(rows, block_RC)[:, None]
        at_row, at_column = np.divmod(np.flatnonzero(above_RC), block_RC.shape[1])
        forward.offer(at_row + row, at_column + column, block_RC[at_row, at_column])
        np.greater(block_RC, backward.bar(columns, block_RC.T)[None, :], out=above_RC)
        at_row, at_column = np.divmod(np.flatnonzero(above_RC), block_RC.shape[1])
        backward.offer(at_column + column, at_row + row, block_RC[at_row, at_column])
    return forward, backward


def _score_blocks(left_ND: Vectors, right_MD: Vectors) -> Iterator[tuple[int, int, Vectors]]:
    """Yield (first row, first column, cosines) so that each side's row numbers only rise.

    The buffer is used again for the next block.
    """
    if left_ND.ndim != 2 or right_MD.ndim != 2 or left_ND.shape[1] != right_MD.shape[1]:  # noqa: PLR2004
        raise MetricError(
            f"Both sides need one row per sentence and the same width, got {left_ND.shape} "
            f"and {right_MD.shape}."
        )
    if not len(left_ND) or not len(right_MD):
        raise MetricError(f"A side is empty: got {len(left_ND)} and {len(right_MD)} vectors.")
    buffer = np.empty(BLOCK_ROWS * BLOCK_COLUMNS, np.float32)
    for column in range(0, len(right_MD), BLOCK_COLUMNS):
        right_CD = _unit_rows(right_MD, column, BLOCK_COLUMNS)
        for row in range(0, len(left_ND), BLOCK_ROWS):
            left_RD = _unit_rows(left_ND, row, BLOCK_ROWS)
            shape = (len(left_RD), len(right_CD))
            block_RC = buffer[: shape[0] * shape[1]].reshape(shape)
            yield row, column, np.matmul(left_RD, right_CD.T, out=block_RC)


def _unit_rows(vectors_ND: Vectors, start: int, count: int) -> Vectors:
    """Return some rows, scaled to length 1; a copy of a block, never of the whole."""
    rows_RD = np.asarray(vectors_ND[start : start + count], np.float32)
    length_R = np.linalg.norm(rows_RD, axis=1)
    bad = np.flatnonzero(~np.isfinite(length_R) | (length_R == 0))
    if bad.size:
        raise MetricError(
            f"Row {start + bad[0]} has length {length_R[bad[0]]}; a direction is needed."
        )
    unit_RD: Vectors = rows_RD / length_R[:, None]
    return unit_RD
