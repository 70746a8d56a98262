"""Mine translations with sentence vectors, and choose how sure to be. Arrays in, pairs out.

Shape letters: N foreign sentences, M English sentences, D vector width, K neighbours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stiltwalk.errors import MetricError
from stiltwalk.metrics.neighbours import Neighbours, Vectors, nearest, neighbours_both_ways
from stiltwalk.records import IdPairs, Sentence

__all__ = [
    "Candidate",
    "Duplicates",
    "MinedRows",
    "accept",
    "best_threshold",
    "expand",
    "ids_by_text",
    "mine",
    "nearest",
]


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
    """Return the pairs whose two sentences no earlier pair has taken."""
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

    Args:
        sentences: one side of a bitext.
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

    Args:
        mined: pairs of rows; row i is the i-th distinct sentence of its side.
        foreign_ids: distinct sentences with their ids, as `ids_by_text` gives them.
        english_ids: the same for the English side.
        duplicates: what to do with a sentence that has several ids.

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
    """Return a threshold that keeps `score` and drops the next lower one."""
    if lower is None:
        return score
    middle = (score + lower) / 2
    return middle if middle > lower else score  # neighbouring floats have no middle


def accept(candidates: Sequence[Candidate], threshold: float) -> list[tuple[str, str]]:
    """Return the id pairs that score at least the threshold, in order, each once."""
    kept = ((c.foreign, c.english) for c in candidates if c.score >= threshold)
    return list(dict.fromkeys(kept))
