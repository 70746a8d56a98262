"""What a text says, before any language, and how one language says it.

Every field is hashable and frozen. A language writes it as segments that know their role.
"""

from __future__ import annotations

import datetime
import re
from collections import abc
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from random import Random
from typing import NamedTuple

from stiltwalk.mini.cldr import (
    COUNTRIES,
    CURRENCIES,
    CURRENCY_OF,
    DURATIONS,
    TONGUE_OF,
    TONGUES,
    UNITS,
    Lexicon,
    lexicon,
)


class Sort(StrEnum):
    """What a name names."""

    COUNTRY = "country"
    CITY = "city"
    TONGUE = "tongue"
    CURRENCY = "currency"
    WEEKDAY = "weekday"
    MONTH = "month"
    QUARTER = "quarter"


MEMBERS: Mapping[Sort, tuple[str, ...]] = {
    Sort.COUNTRY: COUNTRIES,
    Sort.CITY: COUNTRIES,
    Sort.TONGUE: TONGUES,
    Sort.CURRENCY: CURRENCIES,
    Sort.WEEKDAY: tuple("0123456"),
    Sort.MONTH: tuple(str(month) for month in range(1, 13)),
    Sort.QUARTER: tuple("1234"),
}
"""The keys of each sort: a city has its country's, weekdays count from Monday = 0."""


@dataclass(frozen=True, slots=True)
class Name:
    """One thing with a name in every language."""

    sort: Sort
    key: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number of units: 5 litres."""

    number: int
    unit: str


@dataclass(frozen=True, slots=True)
class Money:
    """An amount: 5 euros."""

    number: int
    currency: str


@dataclass(frozen=True, slots=True)
class Relative:
    """A time seen from now: in 5 days, 5 days ago."""

    number: int
    unit: str
    ahead: bool


@dataclass(frozen=True, slots=True)
class Day:
    """A date. Style "full" names the weekday, "month" leaves out the day."""

    date: datetime.date
    style: str


@dataclass(frozen=True, slots=True)
class Listed:
    """Two or more names joined by "and", or by "or"."""

    items: tuple[Name, ...]
    either: bool


@dataclass(frozen=True, slots=True)
class Sequence:
    """Names in an order that matters: Monday, Tuesday, Wednesday."""

    items: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class Noted:
    """Something and, in brackets, what belongs to it: Paris (France)."""

    head: Name | Day
    note: Name


Field = Name | Quantity | Money | Relative | Day | Listed | Sequence | Noted
"""Anything that a text can say in one breath."""


@dataclass(frozen=True, slots=True)
class Record:
    """Facts about one thing: Paris: 5 litres, Monday."""

    head: Name
    facts: tuple[Field, ...]


def quarter_of(date: datetime.date) -> Name:
    """Return the quarter a date falls in."""
    return Name(Sort.QUARTER, str((date.month + 2) // 3))


def other_side(place: Name) -> Name:
    """Return the country of a city, or the city of a country."""
    return Name(Sort.CITY if place.sort is Sort.COUNTRY else Sort.COUNTRY, place.key)


def chance(random: Random, share: float) -> bool:
    """Return True in a share of all calls."""
    return random.random() < share


def a_name(random: Random, sort: Sort) -> Name:
    """Return any name of a sort."""
    return Name(sort, random.choice(MEMBERS[sort]))


def another(random: Random, name: Name) -> Name:
    """Return a different name of the same sort."""
    return other_than(random, name.sort, (name,))


def other_than(random: Random, sort: Sort, names: Iterable[Name]) -> Name:
    """Return a name of a sort that is none of these."""
    taken = {name.key for name in names}
    return Name(sort, random.choice([key for key in MEMBERS[sort] if key not in taken]))


def another_number(random: Random, number: int, end: int = 100) -> int:
    """Return a different number from 2 on, below the end."""
    return random.choice([other for other in range(2, end) if other != number])


def some_names(random: Random, sort: Sort, count: int) -> tuple[Name, ...]:
    """Return different names of one sort."""
    return tuple(Name(sort, key) for key in random.sample(MEMBERS[sort], count))


def a_date(random: Random) -> datetime.date:
    """Return any day of the thirty years from 2000."""
    return datetime.date(2000, 1, 1) + datetime.timedelta(random.randrange(365 * 30))


def a_number(random: Random) -> int:
    """Return a number that takes the plural everywhere and is one token of the vocabulary."""
    return random.randrange(2, 100)


def a_quantity(random: Random) -> Quantity:
    """Return a number of some unit."""
    return Quantity(a_number(random), random.choice(UNITS))


def _a_money(random: Random) -> Money:
    return Money(a_number(random), random.choice(CURRENCIES))


def _a_relative(random: Random) -> Relative:
    return Relative(random.randrange(2, 13), random.choice(DURATIONS), chance(random, 0.5))


def _a_day(random: Random) -> Day:
    return Day(a_date(random), random.choice(("full", "full", "long", "month")))


def a_list(random: Random) -> Listed:
    """Return two or three names of one sort."""
    sorts = (Sort.COUNTRY, Sort.CITY, Sort.TONGUE, Sort.WEEKDAY, Sort.MONTH)
    names = some_names(random, random.choice(sorts), random.choice((2, 3, 3)))
    return Listed(names, either=chance(random, 0.5))


def a_sequence(random: Random) -> Sequence:
    """Return three weekdays or months that follow one another."""
    sort = random.choice((Sort.WEEKDAY, Sort.MONTH))
    keys = MEMBERS[sort]
    first = random.randrange(len(keys))
    return Sequence(tuple(Name(sort, keys[(first + step) % len(keys)]) for step in range(3)))


def _a_note(random: Random) -> Noted:
    match random.randrange(4):
        case 0:
            key = random.choice(COUNTRIES)
            return Noted(Name(Sort.CITY, key), Name(Sort.COUNTRY, key))
        case 1:
            key = random.choice(tuple(TONGUE_OF))
            return Noted(Name(Sort.COUNTRY, key), Name(Sort.TONGUE, TONGUE_OF[key]))
        case 2:
            key = random.choice(tuple(CURRENCY_OF))
            return Noted(Name(Sort.COUNTRY, key), Name(Sort.CURRENCY, CURRENCY_OF[key]))
        case _:
            date = a_date(random)
            return Noted(Day(date, "long"), quarter_of(date))


def _namer(sort: Sort) -> Callable[[Random], Field]:
    return lambda random: a_name(random, sort)


MAKERS: Mapping[str, Callable[[Random], Field]] = {
    **{sort.value: _namer(sort) for sort in Sort},
    "quantity": a_quantity,
    "money": _a_money,
    "relative": _a_relative,
    "date": _a_day,
    "list": a_list,
    "sequence": a_sequence,
    "note": _a_note,
}
"""How to draw a field of each kind."""

_SENTENCE_KINDS = (*MAKERS, "date", "quantity", "list", "note", "note", "note")


def a_sentence(random: Random, sizes: tuple[int, ...] = (2, 3, 3, 4)) -> tuple[Field, ...]:
    """Return some fields of mixed kinds, as many as one of the sizes."""
    kinds = random.sample(_SENTENCE_KINDS, random.choice(sizes))
    return tuple(MAKERS[kind](random) for kind in kinds)


_SLOT = re.compile(r"(\{[01]\})")


class Segment(NamedTuple):
    """A stretch of text and what it does: a sort of name, or number, day, year, unit, and so on."""

    text: str
    role: str


Segments = tuple[Segment, ...]

_NAMES = {
    Sort.COUNTRY: "countries",
    Sort.CITY: "cities",
    Sort.TONGUE: "tongues",
    Sort.CURRENCY: "currencies",
}
_CALENDAR = {Sort.WEEKDAY: ("weekdays", 0), Sort.MONTH: ("months", 1)}
_CALENDAR |= {Sort.QUARTER: ("quarters", 1)}


@lru_cache(maxsize=200_000)
def render(language: str, field: Field) -> Segments:
    """Return a field in a language."""
    match field:
        case Listed(items, either):
            words = lexicon(language)
            patterns = words.choices if either else words.lists
            return _list(patterns, [render(language, item) for item in items])
        case Sequence(items):
            return sentence(language, items)
        case Noted(head, note):
            opened, closed = Segment(" (", "punctuation"), Segment(")", "punctuation")
            return (*render(language, head), opened, *render(language, note), closed)
        case _:
            return _simple(lexicon(language), field)


def text(segments: Iterable[Segment]) -> str:
    """Return what segments read like."""
    return "".join(segment.text for segment in segments)


def sentence(language: str, parts: abc.Sequence[Field]) -> Segments:
    """Return fields one after another, with the language's list separator between them."""
    comma = Segment(lexicon(language).separator, "punctuation")
    rendered: list[Segment] = []
    for index, part in enumerate(parts):
        rendered += (comma, *render(language, part)) if index else render(language, part)
    return tuple(rendered)


def say(language: str, *parts: Field) -> str:
    """Return fields one after another, as text."""
    return text(sentence(language, parts))


@dataclass(frozen=True, slots=True)
class Passage:
    """Records as text, and where in it things stand.

    `spans` maps (record, fact) to character (start, end), with fact -1 for the record's head;
    `numbers` does so for the number inside a fact that has one.
    """

    text: str
    spans: Mapping[tuple[int, int], tuple[int, int]]
    numbers: Mapping[tuple[int, int], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Layout:
    """What stands after a head and between two records."""

    after_head: str = ": "
    between: str = "; "


PLAIN = Layout()


def passage(language: str, records: abc.Sequence[Record], layout: Layout = PLAIN) -> Passage:
    """Return records as one text in which every head and fact can be found again."""
    spans: dict[tuple[int, int], tuple[int, int]] = {}
    numbers: dict[tuple[int, int], tuple[int, int]] = {}
    comma = lexicon(language).separator
    written = ""
    for row, record in enumerate(records):
        written += layout.between if row else ""
        for column, field in enumerate((record.head, *record.facts), start=-1):
            written += {-1: "", 0: layout.after_head}.get(column, comma)
            start = len(written)
            for segment in render(language, field):
                if segment.role == "number":
                    numbers[row, column] = (len(written), len(written) + len(segment.text))
                written += segment.text
            spans[row, column] = (start, len(written))
    return Passage(written, spans, numbers)


def _simple(words: Lexicon, field: Name | Quantity | Money | Relative | Day) -> Segments:
    match field:
        case Name():
            return (Segment(_name(words, field), field.sort.value),)
        case Quantity(number, unit):
            return _fill(_form(words, words.units[unit], number), "unit", _number(number))
        case Money(number, currency):
            name = Segment(_form(words, words.money_names[currency], number), "currency")
            pattern = _form(words, words.money_pattern, number)
            return _fill(pattern, "unit", _number(number), (name,))
        case Relative(number, unit, ahead):
            pattern = _form(words, words.relatives[unit, ahead], number)
            return _fill(pattern, "relative", _number(number))
        case Day():
            return tuple(_date_part(words, field, *part) for part in words.dates[field.style])


def _name(words: Lexicon, name: Name) -> str:
    if name.sort in _CALENDAR:
        attribute, first = _CALENDAR[name.sort]
        return str(getattr(words, attribute)[int(name.key) - first])
    return str(getattr(words, _NAMES[name.sort])[name.key])


def _number(number: int) -> Segments:
    return (Segment(str(number), "number"),)


def _form(words: Lexicon, forms: Mapping[str, str], number: int) -> str:
    """Return the entry for a number's plural form."""
    return forms.get(words.plural(number)) or forms["other"]


def _fill(pattern: str, role: str, *arguments: Segments) -> Segments:
    """Return a pattern with its slots filled; its own text gets the role."""
    filled: list[Segment] = []
    for piece in _SLOT.split(pattern):
        if _SLOT.fullmatch(piece):
            filled += arguments[int(piece[1])]
        elif piece:
            filled.append(Segment(piece, role))
    return tuple(filled)


def _list(patterns: Mapping[str, str], items: abc.Sequence[Segments]) -> Segments:
    """Return items joined from the last to the first, as CLDR defines it."""
    if len(items) == 2:  # noqa: PLR2004 - a pair has a pattern of its own
        return _fill(patterns["2"], "conjunction", *items)
    joined = _fill(patterns["end"], "conjunction", items[-2], items[-1])
    for item in reversed(items[1:-2]):
        joined = _fill(patterns["middle"], "conjunction", item, joined)
    return _fill(patterns["start"], "conjunction", items[0], joined)


def _date_part(words: Lexicon, day: Day, part: str, literal: str) -> Segment:
    date = day.date
    if part == "chars":
        return Segment(literal, "particle")
    if part in words.dated_months:
        return Segment(words.dated_months[part][date.month - 1], "month")
    parts = {
        "y": Segment(str(date.year), "year"),
        "M": Segment(str(date.month), "number"),
        "d": Segment(str(date.day), "day"),
        "dd": Segment(f"{date.day:02}", "day"),
        "EEEE": Segment(words.dated_weekdays[date.weekday()], "weekday"),
        "cccc": Segment(words.weekdays[date.weekday()], "weekday"),
        "G": Segment(words.era, "particle"),
    }
    return parts[part]
