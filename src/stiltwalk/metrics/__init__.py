"""Pure functions from answers to fractions in [0, 1]. No torch, no files, no state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never, cast

from stiltwalk.errors import MetricError
from stiltwalk.metrics.chunks import chunk_f1
from stiltwalk.metrics.classification import accuracy, binary_f1, f1_of_counts, token_accuracy
from stiltwalk.metrics.mlqa import mlqa_scores
from stiltwalk.metrics.squad import squad_scores
from stiltwalk.records import (
    Answers,
    GoldTexts,
    IdPairs,
    Labels,
    Metric,
    Scores,
    TagLists,
    Texts,
)

__all__ = ["checkpoint_score", "score"]


def score(metric: Metric, predicted: Answers, gold: Answers | GoldTexts, language: str) -> Scores:
    """Return a task's figures in one language; the first is what the task is ranked by.

    Args:
        metric: which figures; see the keys below.
        predicted: the answers of one language, in the form of the task's kind.
        gold: the reference in the same form, or question id to every accepted text.
        language: two-letter code; only MLQA's rules depend on it.

    Returns:
        ACCURACY: accuracy (over words where the answers are lists of tags).
        ACCURACY_AND_F1: accuracy_and_f1 (their mean), accuracy, f1.
        CHUNK_F1: f1, precision, recall, accuracy (over words).
        SQUAD, MLQA: f1, exact_match. PAIR_F1: f1, precision, recall.

    Raises:
        MetricError: if the answers do not line up, are empty, or have another form.
    """
    if isinstance(gold, Mapping) != (metric in {Metric.SQUAD, Metric.MLQA}) or isinstance(
        gold, Mapping
    ) != isinstance(predicted, Mapping):
        raise MetricError(
            f"{metric} cannot compare {type(predicted).__name__} with {type(gold).__name__}: "
            "answer texts come by question id, everything else in order."
        )
    if isinstance(gold, Mapping):
        texts = cast("Texts", predicted)
        # a text is a sequence too: unwrapped, each of its characters would be an accepted answer
        accepted = {
            question: (each,) if isinstance(each, str) else each for question, each in gold.items()
        }
        if metric is Metric.MLQA:
            return mlqa_scores(texts, accepted, language)
        return squad_scores(texts, accepted)
    return _score_in_order(metric, cast("Sequence[object]", predicted), gold)


def checkpoint_score(scores: Scores) -> float:
    """Return the one number by which a checkpoint is chosen on dev.

    It is the mean of exact match and F1 for questions, and the first figure for all else.
    """
    if "exact_match" in scores:
        return (scores["exact_match"] + scores["f1"]) / 2
    return next(iter(scores.values()))


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


def _score_in_order(metric: Metric, predicted: Sequence[object], gold: Sequence[object]) -> Scores:
    """Score answers that come in order, told apart by the metric alone."""
    match metric:
        case Metric.ACCURACY:
            if gold and not isinstance(gold[0], str):
                tags, wanted = cast("TagLists", predicted), cast("TagLists", gold)
                return {"accuracy": token_accuracy(tags, wanted)}
            return {"accuracy": accuracy(cast("Labels", predicted), cast("Labels", gold))}
        case Metric.ACCURACY_AND_F1:
            return _accuracy_and_f1(cast("Labels", predicted), cast("Labels", gold))
        case Metric.CHUNK_F1:
            tags, wanted = cast("TagLists", predicted), cast("TagLists", gold)
            return {**chunk_f1(tags, wanted), "accuracy": token_accuracy(tags, wanted)}
        case Metric.PAIR_F1:
            return pair_f1(cast("IdPairs", predicted), cast("IdPairs", gold))
        case Metric.SQUAD | Metric.MLQA:
            raise AssertionError(metric)
        case _:
            assert_never(metric)


def _accuracy_and_f1(predicted: Labels, gold: Labels) -> Scores:
    """Score pairs that mean the same or not, as GLUE does QQP."""
    right, f1 = accuracy(predicted, gold), binary_f1(predicted, gold)
    return {"accuracy_and_f1": (right + f1) / 2, "accuracy": right, "f1": f1}
