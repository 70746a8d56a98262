"""Metrics over one label per example, or one per word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stiltwalk.errors import MetricError
from stiltwalk.metrics.score import Scorer, Share
from stiltwalk.records import Labels, Scores

POSITIVE = frozenset({"1", "duplicate"})
"""The words for "these two mean the same", in XTREME's files and on the hub."""
NEGATIVE = frozenset({"0", "not_duplicate"})


def accuracy(predicted: Sequence[str], gold: Sequence[str]) -> float:
    """Return the fraction of examples whose label is right, in [0, 1], or raise `MetricError`."""
    if len(predicted) != len(gold) or not gold:
        raise MetricError(
            f"accuracy needs equal, non-zero counts, got {len(predicted)} and {len(gold)}."
        )
    return sum(p == g for p, g in zip(predicted, gold, strict=True)) / len(gold)


def token_accuracy(predicted: Sequence[Sequence[str]], gold: Sequence[Sequence[str]]) -> float:
    """Return the fraction of words whose tag is right, all sentences together, in [0, 1].

    Raises:
        MetricError: if sentences or words are not equally many, or there are none.
    """
    require_equal_words(predicted, gold)
    return accuracy([t for tags in predicted for t in tags], [t for tags in gold for t in tags])


def binary_f1(predicted: Sequence[str], gold: Sequence[str]) -> float:
    """Return the F1 of the positive class ("1" or "duplicate"), 0 where nothing is found.

    Raises:
        MetricError: if the counts differ, or a gold label is neither positive nor negative.

    Source:
        GLUE's QQP: F1 of the duplicates (Wang et al., 2018).
    """
    unknown = set(gold) - POSITIVE - NEGATIVE
    if len(predicted) != len(gold) or unknown:
        raise MetricError(
            f"F1 needs equal counts and the labels {sorted(NEGATIVE | POSITIVE)}, got "
            f"{len(predicted)} and {len(gold)} rows, and besides: {sorted(unknown)}."
        )
    found = {row for row, label in enumerate(predicted) if label in POSITIVE}
    wanted = {row for row, label in enumerate(gold) if label in POSITIVE}
    return f1_of_counts(len(found & wanted), len(found), len(wanted))["f1"]


def f1_of_counts(num_right: int, num_predicted: int, num_gold: int) -> dict[str, float]:
    """Return f1, precision and recall, each 0 where its divisor is 0."""
    precision = num_right / num_predicted if num_predicted else 0.0
    recall = num_right / num_gold if num_gold else 0.0
    f1 = 2 * precision * recall / (precision + recall) if num_right else 0.0
    return {"f1": f1, "precision": precision, "recall": recall}


def require_equal_words(predicted: Sequence[Sequence[str]], gold: Sequence[Sequence[str]]) -> None:
    """Refuse tags that do not line up word by word: a shifted tag makes every score wrong.

    Raises:
        MetricError: if sentences or words are not equally many; names the first such sentence.
    """
    if len(predicted) != len(gold):
        raise MetricError(
            f"Tags are needed for {len(gold)} sentences, got them for {len(predicted)}."
        )
    for number, (found, wanted) in enumerate(zip(predicted, gold, strict=True), start=1):
        if len(found) != len(wanted):
            raise MetricError(
                f"Sentence {number} has {len(wanted)} words, but {len(found)} predicted tags."
            )


def _accuracy(predicted: Sequence[Any], gold: Sequence[Any], _language: str) -> Scores:
    over_words = bool(gold) and not isinstance(gold[0], str)
    return {"accuracy": (token_accuracy if over_words else accuracy)(predicted, gold)}


def _accuracy_and_f1(predicted: Labels, gold: Labels, _language: str) -> Scores:
    right, f1 = accuracy(predicted, gold), binary_f1(predicted, gold)
    return {"accuracy_and_f1": (right + f1) / 2, "accuracy": right, "f1": f1}


def _right_ones(predicted: Labels, gold: Labels, _language: str) -> list[Share]:
    return [(float(ours == right), 1.0) for ours, right in zip(predicted, gold, strict=True)]


ACCURACY = Scorer(figures=_accuracy, shares=_right_ones)
"""Accuracy, over words where the answers are lists of tags."""
ACCURACY_AND_F1 = Scorer(figures=_accuracy_and_f1, shares=_right_ones)
"""The mean of accuracy and F1, then each."""
