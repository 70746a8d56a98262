"""What following a ranking costs, once the truth is known.

A ranking is a score per candidate, the highest first; candidates without one come last. Equals are
taken in any order, and every figure is the mean over these orders, so no score at all is chance.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from math import comb, inf, log2
from statistics import fmean

import numpy as np

Scores = Mapping[str, float]


def tiers(truth: Scores, ranking: Scores) -> list[list[str]]:
    """Return the candidates, those of `truth`, best first, equals together."""

    def score(name: str) -> float:
        return ranking.get(name, -inf)

    return [list(each) for _, each in groupby(sorted(truth, key=score, reverse=True), key=score)]


def expected_best(truth: Scores, ranking: Scores, k: int) -> float:
    """Return the best truth among the first k candidates."""
    best, left = -inf, min(k, len(truth))
    for tier in tiers(truth, ranking):
        values, taken = sorted(truth[name] for name in tier), min(left, len(tier))
        if taken:  # that the one at `place` is the best of those taken has this many ways
            ways = [comb(place, taken - 1) for place in range(len(values))]
            best = sum(
                way * max(best, value) for way, value in zip(ways, values, strict=True)
            ) / sum(ways)
        left -= taken
    return best


def regret(truth: Scores, ranking: Scores, k: int) -> float:
    """Return which share of the best candidate's truth is lost with the best of the first k.

    Source:
        regret@k as in arXiv 2410.15148.
    """
    most = max(truth.values())
    return (most - expected_best(truth, ranking, k)) / most if most else 0.0


def rank_correlation(truth: Scores, ranking: Scores) -> float:
    """Return Spearman's correlation, 0 where one side does not tell the candidates apart."""
    lowest = min(ranking.values(), default=0.0) - 1
    pairs = ([truth[name], ranking.get(name, lowest)] for name in truth)
    ranks = np.array([_ranks(each) for each in zip(*pairs, strict=True)])
    spread = ranks.std(axis=1)
    return float(np.corrcoef(ranks)[0, 1]) if spread.all() else 0.0


def _ranks(values: tuple[float, ...]) -> list[float]:
    return [fmean((other < each) + (other <= each) for other in values) for each in values]


def ndcg(truth: Scores, ranking: Scores) -> float:
    """Return the gains that come early, over those of the best order; 1 where all are equal.

    Source:
        Gains of 2^relevance - 1 over log2(1 + place), as in Vu et al. (2020); relevance is the
        truth, from 0 for the worst candidate to 1 for the best.
    """
    low, high = min(truth.values()), max(truth.values())
    if low == high:
        return 1.0
    gain = {name: 2 ** ((value - low) / (high - low)) - 1 for name, value in truth.items()}
    weights = iter([1 / log2(2 + place) for place in range(len(truth))])
    found = sum(
        fmean(gain[name] for name in tier) * sum(next(weights) for _ in tier)
        for tier in tiers(truth, ranking)
    )
    return found / sum(
        each / log2(2 + place) for place, each in enumerate(sorted(gain.values(), reverse=True))
    )
