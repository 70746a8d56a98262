"""A tag per word: udpos, panx and ccg.

The class names are borrowed: parts of speech stand for what a word does in a date, quantity or
list, entity classes for kinds of names (a place is LOC, a currency ORG, a language PER).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple

from stiltwalk.data.mini import fields as f
from stiltwalk.data.mini.cldr import lexicon
from stiltwalk.data.mini.rendering import render
from stiltwalk.records import TaggedExample

Fields = tuple[f.Field, ...]

_PARTS_OF_SPEECH = {
    "number": "NUM",
    "day": "NUM",
    "year": "NUM",
    "punctuation": "PUNCT",
    "conjunction": "CCONJ",
    "particle": "ADP",
    "weekday": "ADV",
    "month": "NOUN",
    "quarter": "X",
    "country": "PROPN",
    "city": "PROPN",
    "tongue": "ADJ",
    "currency": "SYM",
    "unit": "DET",
    "relative": "PART",
}
_ENTITIES = {"country": "LOC", "city": "LOC", "currency": "ORG", "tongue": "PER"}


class Word(NamedTuple):
    """A word with the role of its segment, the kind of its field, and whether a segment starts."""

    text: str
    role: str
    field: str
    starts: bool


def words(language: str, fields: Fields) -> Iterator[Word]:
    """Yield the words of a sentence: cut at spaces, at segments, and around punctuation.

    So text without spaces falls into the parts of dates, quantities and lists.
    """
    comma = lexicon(language).separator.strip()
    for index, field in enumerate(fields):
        if index and comma:
            yield from _cut(comma, "punctuation", "sentence")
        for segment in render(language, field):
            yield from _cut(segment.text, segment.role, type(field).__name__.lower())


def a_tagged_sentence(random: Random, index: int) -> Fields:
    """Return two to four fields of mixed kinds, their number going round with the index."""
    return f.a_sentence(random, (2 + index % 3,))


def part_of_speech(word: Word) -> str:
    """Return the universal part of speech that stands for a word's role."""
    return _PARTS_OF_SPEECH[word.role]


def entity(word: Word) -> str:
    """Return O, or the entity class with B- at the first word of a name and I- inside."""
    kind = _ENTITIES.get(word.role)
    return f"{'B' if word.starts else 'I'}-{kind}" if kind else "O"


def pattern_tag(word: Word) -> str:
    """Return the kind of field with the role in it, such as "quantity/unit"."""
    return f"{word.field}/{word.role}"


def tagged_example(
    name: str, language: str, fields: Fields, tag: Callable[[Word], str]
) -> TaggedExample:
    """Return a sentence in a language, tagged."""
    found = tuple(words(language, fields))
    return TaggedExample(name, tuple(word.text for word in found), tuple(map(tag, found)))


def _cut(text: str, role: str, field: str) -> Iterator[Word]:
    """Yield the words of a segment; marks at the edges of all but names are words of their own."""
    starts = True
    for chunk in text.split():
        first, last = (0, len(chunk)) if role in _ENTITIES else _edges(chunk)
        for mark in chunk[:first]:
            yield Word(mark, "punctuation", field, starts=False)
        if first < last:
            yield Word(chunk[first:last], role, field, starts)
            starts = False
        for mark in chunk[last:]:
            yield Word(mark, "punctuation", field, starts=False)


def _edges(chunk: str) -> tuple[int, int]:
    """Return where a word starts and ends inside the punctuation around it."""
    inner = [i for i, char in enumerate(chunk) if not unicodedata.category(char).startswith("P")]
    return (inner[0], inner[-1] + 1) if inner else (len(chunk), len(chunk))
