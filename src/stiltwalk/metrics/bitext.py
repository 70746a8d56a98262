"""Mine translations with sentence vectors, choose how sure to be, and score the pairs.

Nearest neighbours are exact, by cosine, block by block, so that memory does not grow with the task.

Shape letters: N foreign sentences or queries, M English sentences or corpus rows, D vector width,
K neighbours; R and C are the rows and columns of one block of scores, S the scores of a block that
are worth keeping.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import product
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from stiltwalk.errors import MetricError
from stiltwalk.metrics.classification import f1_of_counts
from stiltwalk.metrics.score import Scorer, Share
from stiltwalk.records import IdPairs, Scores, Sentence

Vectors = NDArray[np.float32]
Doubles = NDArray[np.float64]
Indices = NDArray[np.int64]

BLOCK_ROWS = 1024
BLOCK_COLUMNS = 8192
BUCKETS = 1000
"""Shares of a score over pairs: which pairs there are depends on who looked for them, so a share is
a bucket of English ids."""


class MinedRows(NamedTuple):
    """A pair of distinct sentences, by row, and how much it stands out, best pairs first."""

    foreign: int
    english: int
    score: float


class Candidate(NamedTuple):
    """A pair of ids, as BUCC's files name sentences, and how much it stands out."""

    foreign: str
    english: str
    score: float


class Duplicates(StrEnum):
    """What becomes of a pair whose sentence stands on several lines of its side."""

    ALL = "all"  # every combination of the lines' ids, as jiant does it
    DROP = "drop"  # no pair at all, as XTREME does it


def mine(foreign_ND: Vectors, english_MD: Vectors, k: int = 4) -> list[MinedRows]:
    """Return which distinct sentences are most likely translations, the surest pair first.

    A pair's score is the ratio of its cosine to the mean cosine of the two sentences'
    neighbourhoods, so that a sentence that is near to everything does not win. The best of
    each sentence's k neighbours is a candidate; candidates of both directions are pooled and
    taken by falling score while both sentences are free. Scores up to 0 are left out.

    Args:
        foreign_ND: one vector per distinct foreign sentence, shape (N, D), any length but zero.
        english_MD: one vector per distinct English sentence, shape (M, D).
        k: size of a neighbourhood; all of the other side where that is smaller.

    Returns:
        Each row of a side at most once, by falling score; equal scores keep the order foreign
        rows, then English rows.

    Raises:
        MetricError: if the widths differ, a side is empty, or a row is all zeros or not finite.

    Source:
        Artetxe and Schwenk (2019), as in XTREME's `mine_bitext` (ratio, both directions, max).
    """
    forward, backward = neighbours_both_ways(foreign_ND, english_MD, k)
    mean_N, mean_M = forward.score_NK.mean(axis=1), backward.score_NK.mean(axis=1)
    english_N, score_N = _best_by_ratio(forward, mean_N, mean_M)
    foreign_M, score_M = _best_by_ratio(backward, mean_M, mean_N)
    foreign = np.concatenate([np.arange(len(foreign_ND)), foreign_M])
    english = np.concatenate([english_N, np.arange(len(english_MD))])
    score = np.concatenate([score_N, score_M])
    order = np.argsort(-score, kind="stable")
    order = order[score[order] > 0]
    rows = (foreign[order].tolist(), english[order].tolist(), score[order].tolist())
    return _while_free(map(MinedRows, *rows))


def _while_free(pairs: Iterable[MinedRows]) -> list[MinedRows]:
    used_foreign, used_english = set[int](), set[int]()
    taken = []
    for pair in pairs:
        if pair.foreign not in used_foreign and pair.english not in used_english:
            used_foreign.add(pair.foreign)
            used_english.add(pair.english)
            taken.append(pair)
    return taken


def _best_by_ratio(
    found: Neighbours, own_mean_N: Vectors, other_mean_M: Vectors
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return for each row its neighbour of highest ratio, and the ratio.

    A neighbourhood mean of exactly 0 has no ratio; such a pair scores 0, which is never kept.
    """
    cosine_NK = found.score_NK.astype(np.float64)
    mean_NK = (own_mean_N[:, None] + other_mean_M[found.index_NK].astype(np.float64)) / 2
    ratio_NK = np.divide(cosine_NK, mean_NK, out=np.zeros_like(cosine_NK), where=mean_NK != 0)
    best_N1 = ratio_NK.argmax(axis=1)[:, None]
    index_N = np.take_along_axis(found.index_NK, best_N1, axis=1)[:, 0]
    return index_N, np.take_along_axis(ratio_NK, best_N1, axis=1)[:, 0]


def ids_by_text(sentences: Sequence[Sentence]) -> dict[str, tuple[str, ...]]:
    """Return the distinct sentences of one side in order of appearance, with all their ids.

    White space around a sentence makes no difference.
    """
    ids: dict[str, list[str]] = {}
    for sentence in sentences:
        ids.setdefault(sentence.text.strip(), []).append(sentence.id)
    return {text: tuple(each) for text, each in ids.items()}


def expand(
    mined: Sequence[MinedRows],
    foreign_ids: Mapping[str, tuple[str, ...]],
    english_ids: Mapping[str, tuple[str, ...]],
    duplicates: Duplicates = Duplicates.ALL,
) -> list[Candidate]:
    """Return pairs of ids for pairs of distinct sentences, by falling score.

    Raises:
        MetricError: if a row is outside of its side.
    """
    foreign, english = list(foreign_ids.values()), list(english_ids.values())
    candidates = []
    for pair in mined:
        if pair.foreign >= len(foreign) or pair.english >= len(english):
            raise MetricError(
                f"Rows {pair.foreign} and {pair.english} were mined, but there are "
                f"{len(foreign)} and {len(english)} distinct sentences."
            )
        left, right = foreign[pair.foreign], english[pair.english]
        if duplicates is Duplicates.ALL or len(left) == len(right) == 1:
            candidates += [Candidate(f, e, pair.score) for f, e in product(left, right)]
    return candidates


def best_threshold(candidates: Sequence[Candidate], gold: IdPairs) -> float:
    """Return the score from which candidates should be kept, so that F1 on `gold` is highest.

    It lies halfway between the last score that is kept and the next lower one. The lowest score
    has no lower neighbour and is its own threshold. Equal scores are kept or dropped together.
    Without any right candidate the threshold is 0, which keeps all.

    Args:
        candidates: pairs of ids with scores above 0, in any order.
        gold: the true pairs of ids of dev; never those of test.

    Raises:
        MetricError: if there is no gold pair.

    Source:
        `bucc_optimize` of XTREME and jiant, which fail where the best F1 keeps all candidates,
        and can count a part of several equal scores, which no threshold can keep.
    """
    wanted = set(gold)
    if not wanted:
        raise MetricError("A threshold is chosen on gold pairs, but there are none.")
    ordered = sorted(candidates, key=lambda candidate: -candidate.score)
    threshold, best_f1, num_right = 0.0, 0.0, 0
    for count, candidate in enumerate(ordered, start=1):
        num_right += (candidate.foreign, candidate.english) in wanted
        lower = ordered[count].score if count < len(ordered) else None
        if lower == candidate.score:
            continue
        f1 = 2 * num_right / (count + len(wanted))
        if f1 > best_f1:
            best_f1, threshold = f1, _between(candidate.score, lower)
    return threshold


def _between(score: float, lower: float | None) -> float:
    if lower is None:
        return score
    middle = (score + lower) / 2
    return middle if middle > lower else score  # neighbouring floats have no middle


def accept(candidates: Sequence[Candidate], threshold: float) -> list[tuple[str, str]]:
    """Return the id pairs that score at least the threshold, in order, each once."""
    kept = ((c.foreign, c.english) for c in candidates if c.score >= threshold)
    return list(dict.fromkeys(kept))


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
    return nearest_of_many(query_ND, [corpus_MD], 1).index_NK[:, 0]


def nearest_of_many(query_ND: Vectors, corpus: Iterable[Vectors], k: int) -> Neighbours:
    """Return the k nearest corpus rows of each query, however many rows there are.

    Args:
        query_ND: one vector per query, shape (N, D), any length but zero.
        corpus: the candidates' vectors in parts, each of shape (part, D); rows are numbered
            through. One part at a time is held, and neither its size nor the number of threads
            changes a bit.
        k: of fewer rows all are found, and the other scores stay minus infinity.

    Raises:
        MetricError: as `nearest` does.
    """
    found, first = Neighbours(len(query_ND), k), 0
    for part_MD in corpus:
        for block in _score_blocks(query_ND, part_MD):
            query_S, index_S = block.above(found.bar(block.rows, block.cosine_RC)[:, None])
            found.offer(query_S, index_S + first, block.exact(query_S, index_S))
        first += len(part_MD)
    return found


class Neighbours:
    """The K best corpus rows of each query so far, best first; equal scores by row number."""

    def __init__(self, num_queries: int, k: int) -> None:
        self.score_NK = np.full((num_queries, k), -np.inf, np.float32)
        self.index_NK = np.zeros((num_queries, k), np.int64)

    def bar(self, queries: slice, block_RC: Doubles) -> Doubles:
        """Return about which score per query a candidate of this block must have to be kept."""
        bar_R: Doubles = self.score_NK[queries, -1].astype(np.float64)
        if np.isneginf(bar_R).any():
            k = min(self.score_NK.shape[1], block_RC.shape[1])
            kth_R = np.partition(block_RC, -k, axis=1)[:, -k]
            bar_R = np.maximum(bar_R, kth_R)
        return bar_R

    def offer(self, query_S: Indices, index_S: Indices, score_S: Vectors) -> None:
        """Take in candidates, and keep the K best of each query."""
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

    Raises:
        MetricError: if the widths differ, a side is empty, or a row is all zeros or not finite.
    """
    forward = Neighbours(len(left_ND), min(k, len(right_MD)))
    backward = Neighbours(len(right_MD), min(k, len(left_ND)))
    for block in _score_blocks(left_ND, right_MD):
        cosine_RC = block.cosine_RC
        row_S, column_S = block.above(forward.bar(block.rows, cosine_RC)[:, None])
        forward.offer(row_S, column_S, block.exact(row_S, column_S))
        row_S, column_S = block.above(backward.bar(block.columns, cosine_RC.T)[None, :])
        backward.offer(column_S, row_S, block.exact(row_S, column_S))
    return forward, backward


class _ScoreBlock(NamedTuple):
    """The cosines of some rows of both sides, in double precision.

    How they are rounded depends on the block's shape and the number of threads. Those that may be
    among the best are computed once more, each by itself, so that equal rows score the same. In
    single precision nearly all of a collapsed encoder's pairs would be among them.
    """

    rows: slice
    columns: slice
    left_RD: Doubles
    right_CD: Doubles
    cosine_RC: Doubles

    def above(self, bar: Doubles) -> tuple[Indices, Indices]:
        """Return row and column of the pairs that may reach a bar, whichever way they round.

        Scores are kept in single precision, whose step is thousands of times what a sum in double
        precision can be off by.
        """
        found = np.flatnonzero(self.cosine_RC >= bar - 2 * np.finfo(np.float32).eps)
        row_S, column_S = np.divmod(found, self.cosine_RC.shape[1])
        return row_S + self.rows.start, column_S + self.columns.start

    def exact(self, row_S: Indices, column_S: Indices) -> Vectors:
        score_S = np.empty(len(row_S), np.float32)
        for start in range(0, len(row_S), BLOCK_COLUMNS):
            pairs = slice(start, start + BLOCK_COLUMNS)
            left_SD = self.left_RD[row_S[pairs] - self.rows.start]
            right_SD = self.right_CD[column_S[pairs] - self.columns.start]
            score_S[pairs] = np.multiply(left_SD, right_SD).sum(axis=1)
        return score_S


def _score_blocks(left_ND: Vectors, right_MD: Vectors) -> Iterator[_ScoreBlock]:
    """Yield the cosines block by block, so that each side's row numbers only rise.

    The buffer is used again for the next block.
    """
    if left_ND.ndim != 2 or right_MD.ndim != 2 or left_ND.shape[1] != right_MD.shape[1]:  # noqa: PLR2004
        raise MetricError(
            f"Both sides need one row per sentence and the same width, got {left_ND.shape} "
            f"and {right_MD.shape}."
        )
    if not len(left_ND) or not len(right_MD):
        raise MetricError(f"A side is empty: got {len(left_ND)} and {len(right_MD)} vectors.")
    buffer = np.empty(BLOCK_ROWS * BLOCK_COLUMNS)
    for column in range(0, len(right_MD), BLOCK_COLUMNS):
        right_CD = _unit_rows(right_MD, column, BLOCK_COLUMNS)
        for row in range(0, len(left_ND), BLOCK_ROWS):
            left_RD = _unit_rows(left_ND, row, BLOCK_ROWS)
            shape = (len(left_RD), len(right_CD))
            cosine_RC = buffer[: shape[0] * shape[1]].reshape(shape)
            np.matmul(left_RD, right_CD.T, out=cosine_RC)
            rows, columns = slice(row, row + shape[0]), slice(column, column + shape[1])
            yield _ScoreBlock(rows, columns, left_RD, right_CD, cosine_RC)


def _unit_rows(vectors_ND: Vectors, start: int, count: int) -> Doubles:
    """Return some rows, scaled to length 1; a copy of a block, never of the whole."""
    rows_RD = np.ascontiguousarray(vectors_ND[start : start + count], np.float32)
    length_R = np.linalg.norm(rows_RD, axis=1)
    bad = np.flatnonzero(~np.isfinite(length_R) | (length_R == 0))
    if bad.size:
        raise MetricError(
            f"Row {start + bad[0]} has length {length_R[bad[0]]}; a direction is needed."
        )
    unit_RD: Doubles = (rows_RD / length_R[:, None]).astype(np.float64)
    return unit_RD


def pair_f1(predicted: IdPairs, gold: IdPairs) -> Scores:
    """Return f1, precision and recall of a set of id pairs; order and repeats do not matter.

    Raises:
        MetricError: if there is no gold pair.

    Source:
        BUCC as scored by XTREME's `evaluate.py` (`bucc_f1`).
    """
    if not gold:
        raise MetricError("Mined pairs are scored against gold pairs, but there are none.")
    found, wanted = set(predicted), set(gold)
    return f1_of_counts(len(found & wanted), len(found), len(wanted))


def _shares(predicted: IdPairs, gold: IdPairs, _language: str) -> list[Share]:
    found, wanted = set(predicted), set(gold)
    won, of = [0.0] * BUCKETS, [0.0] * BUCKETS
    for pairs in (found, wanted):
        for pair in pairs:
            bucket = crc32(pair[1].encode()) % BUCKETS
            of[bucket] += 1
            won[bucket] += pair in found and pair in wanted
    return list(zip(won, of, strict=True))


PAIR_F1 = Scorer(
    figures=lambda predicted, gold, _language: pair_f1(predicted, gold), shares=_shares
)
"""F1, precision and recall over pairs of ids."""
