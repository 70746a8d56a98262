"""Single lines: parallel ones, their tags word by word, and what they are about.

Parallel lines (tatoeba, bucc2018) come in families that share all fields but one, so that only a
vector which keeps every field finds the translation. Tags (udpos, panx, ccg) and topics (sib200)
borrow their names: parts of speech stand for what a word does in a date, quantity or list, entity
classes for kinds of names (a place is LOC, a currency ORG, a language PER), "sports" for weekdays.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from stiltwalk.mini import fields as f
from stiltwalk.mini.cldr import lexicon
from stiltwalk.mini.fields import render, say
from stiltwalk.records import Bitext, Sentence, TaggedExample, TextExample

Line = tuple[f.Field, ...]

_KINDS = tuple("country city tongue currency weekday month quarter list list sequence".split())
_FAMILY = 5


def some_lines(random: Random, count: int) -> tuple[Line, ...]:
    """Return different lines, in families of five neighbours."""
    lines: dict[Line, None] = {}
    while len(lines) < count:
        line = tuple(f.MAKERS[kind](random) for kind in _kinds(random))
        lines[line] = None
        for _ in range(_FAMILY - 1):
            lines[_neighbour(random, line)] = None
    return tuple(lines)[:count]


def aligned(_random: Random, language: str, lines: tuple[Line, ...]) -> Bitext:
    """Return every line in both languages; the English side is in alphabetical order."""
    foreign = _side(language, "f", list(enumerate(lines)))
    english = sorted(_side("en", "e", list(enumerate(lines))), key=lambda sentence: sentence.text)
    gold = tuple((f"f-{row}", f"e-{row}") for row in range(len(lines)))
    return Bitext(foreign, tuple(english), gold)


def with_distractors(random: Random, language: str, lines: tuple[Line, ...]) -> Bitext:
    """Return a third of the lines in both languages, and a third on each side alone."""
    third = len(lines) // 3
    rows = list(enumerate(lines))
    random.shuffle(rows)
    both, only_foreign, only_english = rows[:third], rows[third : 2 * third], rows[2 * third :]
    foreign = _side(language, "f", sorted(both + only_foreign))
    english = _side("en", "e", sorted(both + only_english))
    gold = tuple((f"f-{row}", f"e-{row}") for row, _ in sorted(both))
    return Bitext(foreign, english, gold)


def _kinds(random: Random) -> list[str]:
    return random.sample(_KINDS, random.choice((2, 3)))


def _neighbour(random: Random, line: Line) -> Line:
    """Return the line with one field replaced by another of its kind."""
    place = random.randrange(len(line))
    return (*line[:place], _replaced(random, line[place]), *line[place + 1 :])


def _replaced(random: Random, field: f.Field) -> f.Field:
    match field:
        case f.Name():
            return f.another(random, field)
        case f.Listed(items, either):
            return f.Listed((f.another(random, items[0]), *items[1:]), either)
        case _:
            return f.a_sequence(random)


def _side(prefix_language: str, prefix: str, rows: list[tuple[int, Line]]) -> tuple[Sentence, ...]:
    return tuple(Sentence(f"{prefix}-{row}", say(prefix_language, *line)) for row, line in rows)


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


class TaggedWord(NamedTuple):
    """A word with the role of its segment, the kind of its field, and whether a segment starts."""

    text: str
    role: str
    field: str
    starts: bool


def words(language: str, fields: Fields) -> Iterator[TaggedWord]:
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


def part_of_speech(word: TaggedWord) -> str:
    """Return the universal part of speech that stands for a word's role."""
    return _PARTS_OF_SPEECH[word.role]


def entity(word: TaggedWord) -> str:
    """Return O, or the entity class with B- at the first word of a name and I- inside."""
    kind = _ENTITIES.get(word.role)
    return f"{'B' if word.starts else 'I'}-{kind}" if kind else "O"


def pattern_tag(word: TaggedWord) -> str:
    """Return the kind of field with the role in it, such as "quantity/unit"."""
    return f"{word.field}/{word.role}"


def tagged_example(
    name: str, language: str, fields: Fields, tag: Callable[[TaggedWord], str]
) -> TaggedExample:
    """Return a sentence in a language, tagged."""
    found = tuple(words(language, fields))
    return TaggedExample(name, tuple(word.text for word in found), tuple(map(tag, found)))


def _cut(text: str, role: str, field: str) -> Iterator[TaggedWord]:
    """Yield the words of a segment; marks at the edges of all but names are words of their own."""
    starts = True
    for chunk in text.split():
        first, last = (0, len(chunk)) if role in _ENTITIES else _edges(chunk)
        for mark in chunk[:first]:
            yield TaggedWord(mark, "punctuation", field, starts=False)
        if first < last:
            yield TaggedWord(chunk[first:last], role, field, starts)
            starts = False
        for mark in chunk[last:]:
            yield TaggedWord(mark, "punctuation", field, starts=False)


def _edges(chunk: str) -> tuple[int, int]:
    """Return where a word starts and ends inside the punctuation around it."""
    inner = [i for i, char in enumerate(chunk) if not unicodedata.category(char).startswith("P")]
    return (inner[0], inner[-1] + 1) if inner else (len(chunk), len(chunk))


TOPICS = {
    "science/technology": f.Sort.QUARTER,
    "travel": f.Sort.CITY,
    "politics": f.Sort.TONGUE,
    "sports": f.Sort.WEEKDAY,
    "health": f.Sort.CURRENCY,
    "entertainment": f.Sort.MONTH,
    "geography": f.Sort.COUNTRY,
}
"""Topic to the sort of names that are about it."""


_INTENTS = {
    "science/technology": "datetime_query",
    "travel": "transport_ticket",
    "politics": "news_query",
    "sports": "calendar_set",
    "health": "qa_currency",
    "entertainment": "recommendation_events",
    "geography": "weather_query",
}
"""Topic to one of MASSIVE's intents that names like these go with."""


@dataclass(frozen=True, slots=True)
class TopicItem:
    """A line in no language yet."""

    names: tuple[f.Name, ...]
    label: str


def topic_line(random: Random, index: int) -> TopicItem:
    """Return two names of a topic with another, or three with two; topics go round."""
    label = tuple(TOPICS)[index % len(TOPICS)]
    size = random.choice((2, 3))
    names = dict.fromkeys(f.some_names(random, TOPICS[label], size))
    others = [sort for topic, sort in TOPICS.items() if topic != label]
    while len(names) < 2 * size - 1:
        names[f.a_name(random, random.choice(others))] = None
    return TopicItem(tuple(random.sample(tuple(names), len(names))), label)


def topic_example(name: str, language: str, item: TopicItem) -> TextExample:
    """Return an item in a language."""
    return TextExample(name, say(language, *item.names), item.label)


def intent_example(name: str, language: str, item: TopicItem) -> TextExample:
    """Return an item in a language, with an intent in place of its topic."""
    return TextExample(name, say(language, *item.names), _INTENTS[item.label])
