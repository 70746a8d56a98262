"""Exact match and F1 of answer texts, as SQuAD and MLQA score them."""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from stiltwalk.errors import MetricError
from stiltwalk.metrics.score import Scorer, Share
from stiltwalk.records import GoldTexts, Scores, Texts

Tokens = Callable[[str], list[str]]
"""How a text becomes the tokens that are compared."""

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def squad_scores(predicted: Texts, gold: GoldTexts) -> Scores:
    """Return the means of F1 and exact match over all questions of the gold answers.

    Args:
        predicted: question id to answer text; a missing id scores 0, an extra one is ignored.
        gold: question id to every accepted answer text, the best of which counts; none at all
            means that the question cannot be answered, and only an empty answer is right.

    Raises:
        MetricError: if there is no question.

    Source:
        SQuAD 1.1's `evaluate`, which XTREME uses for XQuAD and TyDiQA in every language, with
        white space as the only border between words. Unanswerable questions as in SQuAD 2.0.

    Example:
        >>> squad_scores({"q": "the cat"}, {"q": ["cat", "dog"]})
        {'f1': 1.0, 'exact_match': 1.0}
    """
    return text_scores(predicted, gold, squad_tokens)


def squad_tokens(text: str) -> list[str]:
    """Return the words of a text without case, ASCII punctuation and English articles."""
    return _ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split()


def text_scores(predicted: Texts, gold: GoldTexts, tokens: Tokens) -> Scores:
    """Return the means of F1 and exact match under one way of cutting texts into tokens.

    Raises:
        MetricError: if there is no question.
    """
    if not gold:
        raise MetricError("Answers are scored against gold answers, but there is no question.")
    f1 = exact = 0.0
    for question, texts in gold.items():
        if question in predicted:
            best = best_over_golds(tokens(predicted[question]), texts, tokens)
            f1, exact = f1 + best.f1, exact + best.exact_match
    return {"f1": f1 / len(gold), "exact_match": exact / len(gold)}


class QuestionScore(NamedTuple):
    """What one answer earns, each figure in [0, 1]."""

    f1: float
    exact_match: float


def best_over_golds(found: list[str], golds: Sequence[str], tokens: Tokens) -> QuestionScore:
    """Return the best F1 and the best exact match of one answer over its accepted texts.

    Two token lists are equal where the normalised texts are, since those are the tokens joined
    by single spaces.
    """
    if not golds:
        return QuestionScore(float(not found), float(not found))
    wanted = [tokens(text) for text in golds]
    return QuestionScore(max(_overlap_f1(found, each) for each in wanted), float(found in wanted))


def _overlap_f1(found: list[str], wanted: list[str]) -> float:
    """Return the F1 of two bags of tokens; empty against empty is 0, as in SQuAD 1.1."""
    if not found or not wanted:
        return 0.0
    num_same = sum((Counter(found) & Counter(wanted)).values())
    if not num_same:
        return 0.0
    precision, recall = num_same / len(found), num_same / len(wanted)
    return (2 * precision * recall) / (precision + recall)


@dataclass(frozen=True, kw_only=True, slots=True)
class BestNoAnswer:
    """The best figures that any threshold for "no answer" gives, and the thresholds.

    An answer is withheld where its no-answer score is above the threshold.
    """

    f1: float
    exact_match: float
    f1_threshold: float
    exact_match_threshold: float


def best_no_answer(
    predicted: Texts, gold: GoldTexts, no_answer_scores: Mapping[str, float]
) -> BestNoAnswer:
    """Return F1 and exact match under the threshold for "no answer" that is best for each.

    Raises:
        MetricError: if there is no question, or an answered one has no score.

    Source:
        SQuAD 2.0's `find_all_best_thresh`, each figure with its own threshold, as jiant picks
        checkpoints by their mean. Equal scores are moved together here, since no threshold can
        part them; the official loop can stop between them.
    """
    if not gold:
        raise MetricError("Answers are scored against gold answers, but there is no question.")
    unscored = next((q for q in gold if q in predicted and q not in no_answer_scores), None)
    if unscored is not None:
        raise MetricError(f"Question {unscored} has an answer, but no no-answer score.")
    withheld = float(sum(not texts for texts in gold.values()))
    gains = []
    for question, texts in gold.items():
        if question in predicted:
            best = best_over_golds(squad_tokens(predicted[question]), texts, squad_tokens)
            lost = float(not texts)
            gains.append((no_answer_scores[question], best.f1 - lost, best.exact_match - lost))
    f1, f1_threshold = _best_prefix(withheld, [(s, g) for s, g, _ in gains])
    exact, exact_threshold = _best_prefix(withheld, [(s, g) for s, _, g in gains])
    return BestNoAnswer(
        f1=f1 / len(gold),
        exact_match=exact / len(gold),
        f1_threshold=f1_threshold,
        exact_match_threshold=exact_threshold,
    )


def _best_prefix(start: float, gains: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the best running sum over (score, gain) by rising score, and its last score.

    Among equal scores the losses come first, so that no sum inside of them can be the best.
    """
    best, threshold, total = start, float("-inf"), start
    for score, gain in sorted(gains):
        total += gain
        if total > best:
            best, threshold = total, score
    return best, threshold


_MLQA_ARTICLES = {
    "en": re.compile(r"\b(?:a|an|the)\b"),
    "es": re.compile(r"\b(?:un|una|unos|unas|el|la|los|las)\b"),
    "vi": re.compile(r"\b(?:của|là|cái|chiếc|những)\b"),
    "de": re.compile(r"\b(?:ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b"),
    "ar": re.compile("ال"),  # inside words too: the official pattern has no word border
    "hi": None,
    "zh": None,
}
_HAN = re.compile("([\u4e00-\u9fa5])")


def mlqa_scores(predicted: Texts, gold: GoldTexts, language: str) -> Scores:
    """Return the means of F1 and exact match over all questions of the gold answers.

    Raises:
        MetricError: if there is no question, or MLQA has no rules for the language.

    Source:
        `mlqa_evaluation_v1.py` (Lewis et al., 2020).

    Example:
        >>> mlqa_scores({"q": "der Hund!"}, {"q": ["Hund"]}, "de")
        {'f1': 1.0, 'exact_match': 1.0}
    """
    if language not in _MLQA_ARTICLES:
        raise MetricError(
            f"MLQA has no rules for the language {language!r}; it has {sorted(_MLQA_ARTICLES)}."
        )
    return text_scores(predicted, gold, partial(mlqa_tokens, language=language))


def mlqa_tokens(text: str, language: str) -> list[str]:
    """Return a text's tokens without case, any script's punctuation, and articles.

    Chinese characters from U+4E00 to U+9FA5 are tokens of their own, in Chinese only.
    """
    text = text.lower().translate(_PUNCTUATION)
    articles = _MLQA_ARTICLES[language]
    if articles is not None:
        text = articles.sub(" ", text)
    if language == "zh":
        text = _HAN.sub(r" \1 ", text)
    return text.split()


class _Punctuation(dict[int, str | None]):
    """A `str.translate` table that judges each character once, when it is first met."""

    def __missing__(self, code: int) -> str | None:
        char = chr(code)
        is_punctuation = char in string.punctuation or unicodedata.category(char)[0] == "P"
        self[code] = None if is_punctuation else char
        return self[code]


_PUNCTUATION = _Punctuation()


def _shares(predicted: Texts, gold: GoldTexts, tokens: Tokens) -> list[Share]:
    found = []
    for question, texts in gold.items():
        won = 0.0
        if question in predicted:
            best = best_over_golds(tokens(predicted[question]), texts, tokens)
            won = (best.f1 + best.exact_match) / 2
        found.append((won, 1.0))
    return found


SQUAD = Scorer(
    figures=lambda predicted, gold, _language: squad_scores(predicted, gold),
    shares=lambda predicted, gold, _language: _shares(predicted, gold, squad_tokens),
    by_question=True,
)
"""F1 and exact match."""
MLQA = Scorer(
    figures=mlqa_scores,
    shares=lambda predicted, gold, language: _shares(
        predicted, gold, partial(mlqa_tokens, language=language)
    ),
    by_question=True,
)
"""The same under each language's own rules."""
