"""One door to every metric: a task's figures, and what every example adds to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import assert_never, cast
from zlib import crc32

from stiltwalk.errors import MetricError
from stiltwalk.metrics.chunks import chunk_f1, chunks
from stiltwalk.metrics.classification import accuracy, binary_f1, f1_of_counts, token_accuracy
from stiltwalk.metrics.qa import (
    Tokens,
    best_over_golds,
    mlqa_scores,
    mlqa_tokens,
    squad_scores,
    squad_tokens,
)
from stiltwalk.records import Answers, GoldTexts, IdPairs, Labels, Metric, Scores, TagLists, Texts


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


Share = tuple[float, float]
"""What an example won, and out of how much: a score is the sum of the first over the second."""

BUCKETS = 1000


def example_scores(
    metric: Metric, predicted: Answers, gold: Answers | GoldTexts, language: str
) -> list[Share]:
    """Return one share per example, in the order of the gold answers.

    An F1 of counts is twice the right ones over the found and the wanted, so it is a ratio of
    sums too. Questions count the mean of exact match and F1. Which pairs there are depends on
    who looked for them, so a share of these is a bucket of English ids.

    Args:
        metric: a target's.
        predicted: the answers of one language, as `score` accepts them.
        gold: the reference in the same form.
        language: two-letter code; only MLQA's rules depend on it.
    """
    match metric:
        case Metric.ACCURACY | Metric.ACCURACY_AND_F1:
            labels = zip(cast("Labels", predicted), cast("Labels", gold), strict=True)
            return [(float(ours == right), 1.0) for ours, right in labels]
        case Metric.CHUNK_F1:
            sentences = zip(cast("TagLists", predicted), cast("TagLists", gold), strict=True)
            return [_of_sentence(ours, right) for ours, right in sentences]
        case Metric.SQUAD:
            return _of_questions(predicted, gold, squad_tokens)
        case Metric.MLQA:
            return _of_questions(predicted, gold, partial(mlqa_tokens, language=language))
        case Metric.PAIR_F1:
            return _of_pairs(cast("IdPairs", predicted), cast("IdPairs", gold))


def _of_sentence(ours: Sequence[str], right: Sequence[str]) -> Share:
    found, wanted = set(chunks([ours])), set(chunks([right]))
    return 2.0 * len(found & wanted), float(len(found) + len(wanted))


def _of_questions(predicted: Answers, gold: Answers | GoldTexts, tokens: Tokens) -> list[Share]:
    answers, accepted = cast("Texts", predicted), cast("GoldTexts", gold)
    found = []
    for question, texts in accepted.items():
        won = 0.0
        if question in answers:
            best = best_over_golds(tokens(answers[question]), texts, tokens)
            won = (best.f1 + best.exact_match) / 2
        found.append((won, 1.0))
    return found


def _of_pairs(predicted: IdPairs, gold: IdPairs) -> list[Share]:
    found, wanted = set(predicted), set(gold)
    won, of = [0.0] * BUCKETS, [0.0] * BUCKETS
    for pairs in (found, wanted):
        for foreign, english in pairs:
            bucket = crc32(english.encode()) % BUCKETS
            of[bucket] += 1
            won[bucket] += (foreign, english) in found and (foreign, english) in wanted
    return list(zip(won, of, strict=True))
