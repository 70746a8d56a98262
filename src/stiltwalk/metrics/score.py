"""One door to every metric: a task's figures, and what every example adds to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pkgutil import resolve_name
from typing import Any

from stiltwalk.errors import MetricError
from stiltwalk.records import Answers, GoldTexts, Scores
from stiltwalk.wording import nearest

METRICS = {
    "accuracy": "stiltwalk.metrics.classification:ACCURACY",
    "accuracy_and_f1": "stiltwalk.metrics.classification:ACCURACY_AND_F1",
    "chunk_f1": "stiltwalk.metrics.chunks:CHUNK_F1",
    "squad": "stiltwalk.metrics.qa:SQUAD",
    "mlqa": "stiltwalk.metrics.qa:MLQA",
    "pair_f1": "stiltwalk.metrics.bitext:PAIR_F1",
    "map_at_20": "stiltwalk.metrics.ranking:MAP_AT_20",
}
"""Name to the `Scorer` behind it, imported when a task is scored by it."""

Share = tuple[float, float]
"""What an example won, and out of how much: a score is the sum of the first over the second."""


@dataclass(frozen=True, kw_only=True)
class Scorer:
    """A metric: functions of the predicted answers, the gold ones and the language.

    Args:
        figures: returns its figures, that which the task is ranked by first.
        shares: returns one per example, in the order of the gold answers.
        by_question: whether answers come as texts or rankings by question id; otherwise in order.
    """

    figures: Callable[[Any, Any, str], Scores]
    shares: Callable[[Any, Any, str], list[Share]]
    by_question: bool = False


def score(metric: str, predicted: Answers, gold: Answers | GoldTexts, language: str) -> Scores:
    """Return a task's figures in one language; the first is what the task is ranked by.

    Raises:
        MetricError: if the answers do not line up, are empty, or have another form.
    """
    scorer = _scorer(metric)
    if {isinstance(gold, Mapping), isinstance(predicted, Mapping)} != {scorer.by_question}:
        raise MetricError(
            f"{metric} cannot compare {type(predicted).__name__} with {type(gold).__name__}: "
            "texts and rankings come by question id, everything else in order."
        )
    if isinstance(gold, Mapping):
        # a text is a sequence too: unwrapped, each of its characters would be an accepted answer
        gold = {
            question: (each,) if isinstance(each, str) else each for question, each in gold.items()
        }
    return scorer.figures(predicted, gold, language)


def example_scores(
    metric: str, predicted: Answers, gold: Answers | GoldTexts, language: str
) -> list[Share]:
    """Return one share per example, in the order of the gold answers; arguments as of `score`.

    An F1 of counts is twice the right ones over the found and the wanted, so it is a ratio of
    sums too. Questions count the mean of exact match and F1.
    """
    return _scorer(metric).shares(predicted, gold, language)


def checkpoint_score(scores: Scores) -> float:
    """Return the one number by which a checkpoint is chosen on dev.

    It is the mean of exact match and F1 for questions, and the first figure for all else.
    """
    if "exact_match" in scores:
        return (scores["exact_match"] + scores["f1"]) / 2
    return next(iter(scores.values()))


@cache
def _scorer(metric: str) -> Scorer:
    if metric not in METRICS:
        raise MetricError(f"There is no metric {metric!r}.{nearest(metric, list(METRICS))}")
    found: Scorer = resolve_name(METRICS[metric])
    return found
