"""Queries whose answers are ranked lists: mean average precision and reciprocal rank at 20."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from stiltwalk.errors import MetricError
from stiltwalk.metrics.score import Scorer, Share
from stiltwalk.records import RankingExample, Rankings, Scores

CUTOFF = 20
"""Documents of a ranking that count; XTREME-R's."""


def average_precision(ranked: Sequence[str], right: Collection[str], k: int = CUTOFF) -> float:
    """Return the mean, over the right documents, of the precision at the rank of each.

    A right document below rank k, or not there at all, counts 0. One that is named again is wrong
    the second time. The divisor is min(number of right documents, k), so that a ranking can always
    reach 1.

    Source:
        XTREME-R (Ruder et al. 2021), mAP@20 of LAReQA and Mewsli-X.
    """
    wanted, num_right, total = set(right), 0, 0.0
    divisor = min(len(wanted), k)
    for rank, document in enumerate(ranked[:k], start=1):
        if document in wanted:
            wanted.remove(document)
            num_right += 1
            total += num_right / rank
    return total / divisor


def reciprocal_rank(ranked: Sequence[str], right: Collection[str], k: int = CUTOFF) -> float:
    """Return 1 over the rank of the first right document, 0 if none is among the first k."""
    ranks = (rank for rank, document in enumerate(ranked[:k], start=1) if document in right)
    return 1 / next(ranks, float("inf"))


def map_at_20(predicted: Rankings, gold: Rankings) -> Scores:
    """Return mean average precision and mean reciprocal rank; a query without ranking counts 0.

    Args:
        predicted: query id to documents, best first; further queries are ignored.
        gold: query id to all right documents.

    Raises:
        MetricError: if there is no query, or one has no right document.
    """
    average, reciprocal = (
        [figure(predicted.get(query, ()), right) for query, right in _checked(gold).items()]
        for figure in (average_precision, reciprocal_rank)
    )
    return {"map_at_20": sum(average) / len(gold), "mrr_at_20": sum(reciprocal) / len(gold)}


def across_languages(
    predicted: Rankings,
    queries: Iterable[RankingExample],
    language: str,
    language_of: Mapping[str, str | None],
) -> Scores:
    """Return the figures of the queries that no document of their own language answers.

    Args:
        predicted: see `map_at_20`.
        queries: all in one language.
        language: theirs.
        language_of: the language of every right document.

    Returns:
        Names end in `_cross_lingual`; nothing where there are no such queries.
    """
    gold = {
        query.id: query.right
        for query in queries
        if language not in {language_of.get(document) for document in query.right}
    }
    found = map_at_20(predicted, gold) if gold else {}
    return {f"{name}_cross_lingual": value for name, value in found.items()}


def _checked(gold: Rankings) -> Rankings:
    if not gold:
        raise MetricError("Rankings are scored against right documents, but there is no query.")
    lacking = next((query for query, right in gold.items() if not right), None)
    if lacking is not None:
        raise MetricError(f"The query {lacking} has no right document: leave it out of the labels.")
    return gold


def _shares(predicted: Rankings, gold: Rankings, _language: str) -> list[Share]:
    return [
        (average_precision(predicted.get(query, ()), right), 1.0) for query, right in gold.items()
    ]


MAP_AT_20 = Scorer(
    figures=lambda predicted, gold, _language: map_at_20(predicted, gold),
    shares=_shares,
    by_question=True,
)
"""Mean average precision at 20, and mean reciprocal rank at 20."""
