"""Exact match and F1 of answer texts, as MLQA scores them: by the rules of the language."""

from __future__ import annotations

import re
import string
import unicodedata
from functools import partial

from stiltwalk.errors import MetricError
from stiltwalk.metrics.squad import text_scores
from stiltwalk.records import GoldTexts, Scores, Texts

_ARTICLES = {
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

    Args:
        predicted: question id to answer text; a missing id scores 0, an extra one is ignored.
        gold: question id to every accepted answer text, the best of which counts.
        language: two-letter code of the answers' language, one of MLQA's seven.

    Raises:
        MetricError: if there is no question, or MLQA has no rules for the language.

    Source:
        `mlqa_evaluation_v1.py` (Lewis et al., 2020).

    Example:
        >>> mlqa_scores({"q": "der Hund!"}, {"q": ["Hund"]}, "de")
        {'f1': 1.0, 'exact_match': 1.0}
    """
    if language not in _ARTICLES:
        raise MetricError(
            f"MLQA has no rules for the language {language!r}; it has {sorted(_ARTICLES)}."
        )
    return text_scores(predicted, gold, partial(mlqa_tokens, language=language))


def mlqa_tokens(text: str, language: str) -> list[str]:
    """Return a text's tokens without case, any script's punctuation, and articles.

    Chinese characters from U+4E00 to U+9FA5 are tokens of their own, in Chinese only.
    """
    text = text.lower().translate(_PUNCTUATION)
    articles = _ARTICLES[language]
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
