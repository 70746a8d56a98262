"""Answers to questions by word distance alone: a floor that no reader should fall below."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import log
from statistics import median

from stiltwalk.metrics.lexical import Word, words
from stiltwalk.records import SpanExample


class SlidingWindow:
    """Picks the stretch of a context that lies nearest to the question's rare words.

    Only two facts are taken from the English training rows: how many words an answer has, and
    whether it is a number.

    Source:
        After the sliding window with distance of Richardson et al. (2013), for free spans.
    """

    def __init__(self, train: Sequence[SpanExample]) -> None:
        """Learn the usual answer.

        Args:
            train: English examples; those without an answer are passed over.
        """
        answers = [words(each.answers[0].text) for each in train if each.answers]
        answers = [answer for answer in answers if answer]
        self.num_words = round(median(map(len, answers))) if answers else 1
        numbers = sum(any(word.is_number for word in answer) for answer in answers)
        self.is_number = 2 * numbers > len(answers)

    def answer(self, example: SpanExample) -> str:
        """Return a stretch of the context, empty only where the context has no word."""
        context = words(example.context)
        pull = _pull(context, words(example.question))
        spans = self._spans(context, pull)
        if not spans:
            return ""
        first, last = max(spans, key=lambda span: _score(span, pull))
        return example.context[context[first].start : context[last].end]

    def _spans(self, context: list[Word], pull: dict[int, float]) -> list[tuple[int, int]]:
        """Return first and last word of each stretch that may be an answer.

        A stretch with a word of the question in it is none, as long as there are others.
        """
        free = [i for i, word in enumerate(context) if not word.is_mark and i not in pull]
        numbers = [i for i in free if context[i].is_number]
        if self.is_number and numbers:
            return [(i, i) for i in numbers]
        inside = set(free)
        spans = [
            (i, i + self.num_words - 1)
            for i in free
            if all(j in inside for j in range(i, i + self.num_words))
        ]
        return spans or [(i, i) for i in free or range(len(context))]


def _pull(context: list[Word], question: list[Word]) -> dict[int, float]:
    """Return the positions of the question's words in the context, each with its rarity there."""
    asked = {word.text for word in question if not word.is_mark}
    counts = Counter(word.text for word in context)
    return {
        i: log(1 + len(context) / counts[word.text])
        for i, word in enumerate(context)
        if word.text in asked
    }


def _score(span: tuple[int, int], pull: dict[int, float]) -> float:
    """Return how near the question's words are, the rare ones more."""
    first, last = span
    return sum(weight / max(first - i, i - last) for i, weight in pull.items())
