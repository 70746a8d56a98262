"""Reference points: answers without a model, from rules on words and English training rows.

None of them looks at a test label, nor at any label that is not English.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from statistics import median
from typing import Any, cast
from zlib import crc32

import numpy as np

from stiltwalk.errors import MetricError
from stiltwalk.metrics.bitext import (
    Candidate,
    Vectors,
    accept,
    best_threshold,
    expand,
    ids_by_text,
    mine,
    nearest,
)
from stiltwalk.records import (
    Answers,
    Bitext,
    ChoiceExample,
    Example,
    IdPairs,
    Labels,
    PairExample,
    SpanExample,
    TaggedExample,
    TagLists,
    TaskType,
    TextExample,
    Texts,
)

_ENOUGH = 5
"""Training rows that a cell of the pair rule needs before it has an opinion of its own."""


def majority(train_labels: Iterable[str], n: int) -> list[str]:
    """Return the most frequent training label n times; of equally frequent ones the first met.

    Raises:
        MetricError: if there is no label.
    """
    counts = Counter(train_labels)
    if not counts:
        raise MetricError("The most frequent label needs training labels, but there are none.")
    return [counts.most_common(1)[0][0]] * n


def majority_answers(
    task_type: TaskType, examples: Sequence[Example], train: Sequence[Example]
) -> Answers:
    """Return the answers of someone who reads nothing: always the most frequent English label.

    Returns:
        Answers in the order of `examples`; for questions the empty text.

    Raises:
        MetricError: if there is nothing to learn from, or the type is retrieval.
    """
    match task_type:
        case TaskType.TEXT | TaskType.PAIR | TaskType.CHOICE:
            labelled = cast("Sequence[TextExample | PairExample | ChoiceExample]", train)
            return majority((each.label for each in labelled), len(examples))
        case TaskType.TAGGING:
            tagged = cast("Sequence[TaggedExample]", train)
            tag = majority((tag for each in tagged for tag in each.tags), 1)
            return [tag * len(each.words) for each in cast("Sequence[TaggedExample]", examples)]
        case TaskType.SPAN:
            return dict.fromkeys((each.id for each in examples), "")
        case _:
            raise MetricError("Retrieval has no labels; use the functions *_by_characters.")


def rule_answers(
    task_type: TaskType, examples: Sequence[Example], train: Sequence[Example]
) -> Answers:
    """Return the answers of the strongest plain rule on words for a type of task.

    TEXT: the label that English rows with the same words have most often, summed over the words.
    PAIR: how many words of each text stand in the other, and whether both have the same words;
    the label that is most frequent among English rows alike in that. CHOICE: the continuation
    that shares most words with the prompt, or fewest, whichever is right more often in English.
    TAGGING: a word's most frequent English tag; for others that of English words written alike.
    SPAN: `SlidingWindow`.

    Raises:
        MetricError: if there is nothing to learn from, or the type is retrieval.
    """
    if task_type not in _RULES:
        raise MetricError("Retrieval has no examples; use the functions *_by_characters.")
    return _RULES[task_type](examples, train)


def nearest_by_characters(bitext: Bitext) -> Labels:
    """Return for each English line the foreign line that shares most rare character n-grams."""
    foreign_ND, english_MD = character_vectors(
        [line.text for line in bitext.foreign], [line.text for line in bitext.english]
    )
    return [str(row) for row in nearest(english_MD, foreign_ND).tolist()]


def mined_by_characters(bitext: Bitext, dev: Bitext) -> IdPairs:
    """Return id pairs mined by shared character n-grams, with the threshold best on dev."""
    threshold = best_threshold(_candidates(dev), dev.gold)
    return accept(_candidates(bitext), threshold)


def _candidates(bitext: Bitext) -> list[Candidate]:
    foreign, english = ids_by_text(bitext.foreign), ids_by_text(bitext.english)
    return expand(mine(*character_vectors(list(foreign), list(english))), foreign, english)


def _texts(examples: Sequence[TextExample], train: Sequence[TextExample]) -> Labels:
    usual = majority((each.label for each in train), 1)[0]
    votes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for each in train:
        for word in {word.text for word in words(each.text)}:
            votes[word][each.label] += 1
    found = []
    for each in examples:
        scores: Counter[str] = Counter()
        for word in {word.text for word in words(each.text)} & votes.keys():
            total = votes[word].total()
            scores.update({label: count / total for label, count in votes[word].items()})
        found.append(max(sorted(scores), key=scores.__getitem__, default=usual))
    return found


def _pairs(examples: Sequence[PairExample], train: Sequence[PairExample]) -> Labels:
    usual = majority((each.label for each in train), 1)[0]
    cells = _most_frequent(((_overlap_cell(each), each.label) for each in train), _ENOUGH)
    return [cells.get(_overlap_cell(each), usual) for each in examples]


def _overlap_cell(example: PairExample) -> Hashable:
    a, b = (
        [word.text for word in words(text) if not word.is_mark]
        for text in (example.text_a, example.text_b)
    )
    shared = len(set(a) & set(b))
    return _degree(shared, len(set(a))), _degree(shared, len(set(b))), sorted(a) == sorted(b)


def _degree(part: int, whole: int) -> int:
    """Return 0 for none, 5 for all, and quarters between."""
    return 5 if part >= whole else min(4, part and 1 + 4 * part // whole)


def _choices(examples: Sequence[ChoiceExample], train: Sequence[ChoiceExample]) -> Labels:

    def pick(example: ChoiceExample, sign: int) -> str:
        prompt = {word.text for word in words(example.prompt)}
        shares = []
        for choice in example.choices:
            own = {word.text for word in words(choice)}
            shares.append(sign * len(own & prompt) / max(len(own), 1))
        return str(shares.index(max(shares)))

    sign = max((1, -1), key=lambda s: sum(pick(each, s) == each.label for each in train))
    return [pick(each, sign) for each in examples]


def _tags(examples: Sequence[TaggedExample], train: Sequence[TaggedExample]) -> TagLists:
    seen = [pair for each in train for pair in zip(each.words, each.tags, strict=True)]
    usual = majority((tag for _, tag in seen), 1)[0]
    by_word = _most_frequent((word.casefold(), tag) for word, tag in seen)
    by_shape = _most_frequent((_shape(word), tag) for word, tag in seen)
    return [
        [by_word.get(w.casefold(), by_shape.get(_shape(w), usual)) for w in each.words]
        for each in examples
    ]


def _shape(word: str) -> str:
    """Return how a word is written: in digits, in marks, with a capital, or otherwise."""
    if any(char.isdigit() for char in word):
        return "digits"
    if not any(char.isalnum() for char in word):
        return "marks"
    return "capital" if word[:1].isupper() else "other"


def _most_frequent(pairs: Iterable[tuple[Hashable, str]], at_least: int = 1) -> dict[Hashable, str]:
    counts: defaultdict[Hashable, Counter[str]] = defaultdict(Counter)
    for key, value in pairs:
        counts[key][value] += 1
    return {
        key: each.most_common(1)[0][0] for key, each in counts.items() if each.total() >= at_least
    }


_NUMBER = r"\d+(?:[.,'\u00a0\u2019\u202f\u066b\u066c]\d+)*"
# scripts without spaces between words: each character stands for a word
_SINGLE = "[\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
_TOKEN = re.compile(
    rf"{_NUMBER}|{_SINGLE}|(?:(?!{_SINGLE})[\w\u0300-\u036f\u064b-\u065f\u0900-\u0963\u0966-\u0dff])+|[^\w\s]"
)
_WIDTH = 1024


@dataclass(frozen=True, slots=True)
class Word:
    """A word, number or mark of a text, in lower case, and the characters it stands on."""

    text: str
    start: int
    end: int

    @property
    def is_mark(self) -> bool:
        """Whether it is punctuation or a symbol."""
        return not any(char.isalnum() for char in self.text)

    @property
    def is_number(self) -> bool:
        """Whether it is written in digits."""
        return self.text[0].isdigit()


def words(text: str) -> list[Word]:
    """Return the words of a text in any script, numbers whole, marks apart."""
    return [Word(m.group().casefold(), m.start(), m.end()) for m in _TOKEN.finditer(text)]


def character_vectors(foreign: Sequence[str], english: Sequence[str]) -> tuple[Vectors, Vectors]:
    """Return a vector per text whose cosine says how many rare character n-grams two share.

    N-grams of one to four characters are counted into hashed cells, each weighted by how few
    texts of both sides have it. Both sides go in together, so that the weights are the same.

    Returns:
        Two float32 matrices of shapes (N, D) and (M, D), no row of which is zero.
    """
    count_TD = np.zeros((len(foreign) + len(english), _WIDTH), np.float32)
    for row, text in enumerate((*foreign, *english)):
        np.add.at(count_TD[row], _cells(text), 1.0)
    frequency_D = (count_TD > 0).sum(axis=0)
    weight_D = np.log((1 + len(count_TD)) / (1 + frequency_D)).astype(np.float32)
    vector_TD = np.sqrt(count_TD) * weight_D
    vector_TD[:, 0] += 1e-3  # an empty text needs a direction too
    return vector_TD[: len(foreign)], vector_TD[len(foreign) :]


def _cells(text: str) -> list[int]:
    """Return the hashed cell of each n-gram of a text, the same on every machine."""
    folded = f" {' '.join(text.casefold().split())} "
    return [
        crc32(folded[start : start + n].encode()) % _WIDTH
        for n in (1, 2, 3, 4)
        for start in range(len(folded) - n + 1)
    ]


class SlidingWindow:
    """Picks the stretch of a context that lies nearest to the question's rare words.

    Only two facts are taken from the English training rows: how many words an answer has, and
    whether it is a number.

    Source:
        After the sliding window with distance of Richardson et al. (2013), for free spans.
    """

    def __init__(self, train: Sequence[SpanExample]) -> None:
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
    first, last = span
    return sum(weight / max(first - i, i - last) for i, weight in pull.items())


def _spans(examples: Sequence[SpanExample], train: Sequence[SpanExample]) -> Texts:
    window = SlidingWindow(train)
    return {each.id: window.answer(each) for each in examples}


_RULES: Mapping[TaskType, Callable[[Any, Any], Answers]] = {
    TaskType.TEXT: _texts,
    TaskType.PAIR: _pairs,
    TaskType.CHOICE: _choices,
    TaskType.TAGGING: _tags,
    TaskType.SPAN: _spans,
}
