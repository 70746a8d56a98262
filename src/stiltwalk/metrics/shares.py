"""What every single example adds to a score, so that scores can be drawn again and compared."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import cast
from zlib import crc32

from stiltwalk.metrics.chunks import chunks
from stiltwalk.metrics.mlqa import mlqa_tokens
from stiltwalk.metrics.squad import Tokens, best_over_golds, squad_tokens
from stiltwalk.records import Answers, GoldTexts, IdPairs, Labels, Metric, TagLists, Texts

Share = tuple[float, float]
"""What an example won, and out of how much: a score is the sum of the first over the second."""

BUCKETS = 1000


def shares(
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
