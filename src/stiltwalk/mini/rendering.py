"""From abstract fields to text in one language: segments that know their role, and passages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from stiltwalk.mini import fields as f
from stiltwalk.mini.cldr import Lexicon, lexicon

_SLOT = re.compile(r"(\{[01]\})")


class Segment(NamedTuple):
    """A stretch of text and what it does: a sort of name, or number, day, year, unit, and so on."""

    text: str
    role: str


Segments = tuple[Segment, ...]

_NAMES = {
    f.Sort.COUNTRY: "countries",
    f.Sort.CITY: "cities",
    f.Sort.TONGUE: "tongues",
    f.Sort.CURRENCY: "currencies",
}
_CALENDAR = {f.Sort.WEEKDAY: ("weekdays", 0), f.Sort.MONTH: ("months", 1)}
_CALENDAR |= {f.Sort.QUARTER: ("quarters", 1)}


@lru_cache(maxsize=200_000)
def render(language: str, field: f.Field) -> Segments:
    """Return a field in a language."""
    match field:
        case f.Listed(items, either):
            words = lexicon(language)
            patterns = words.choices if either else words.lists
            return _list(patterns, [render(language, item) for item in items])
        case f.Sequence(items):
            return sentence(language, items)
        case f.Noted(head, note):
            opened, closed = Segment(" (", "punctuation"), Segment(")", "punctuation")
            return (*render(language, head), opened, *render(language, note), closed)
        case _:
            return _simple(lexicon(language), field)


def text(segments: Iterable[Segment]) -> str:
    """Return what segments read like."""
    return "".join(segment.text for segment in segments)


def sentence(language: str, parts: Sequence[f.Field]) -> Segments:
    """Return fields one after another, with the language's list separator between them."""
    comma = Segment(lexicon(language).separator, "punctuation")
    rendered: list[Segment] = []
    for index, part in enumerate(parts):
        rendered += (comma, *render(language, part)) if index else render(language, part)
    return tuple(rendered)


def say(language: str, *parts: f.Field) -> str:
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


def passage(language: str, records: Sequence[f.Record], layout: Layout = PLAIN) -> Passage:
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


def _simple(words: Lexicon, field: f.Name | f.Quantity | f.Money | f.Relative | f.Day) -> Segments:
    match field:
        case f.Name():
            return (Segment(_name(words, field), field.sort.value),)
        case f.Quantity(number, unit):
            return _fill(_form(words, words.units[unit], number), "unit", _number(number))
        case f.Money(number, currency):
            name = Segment(_form(words, words.money_names[currency], number), "currency")
            pattern = _form(words, words.money_pattern, number)
            return _fill(pattern, "unit", _number(number), (name,))
        case f.Relative(number, unit, ahead):
            pattern = _form(words, words.relatives[unit, ahead], number)
            return _fill(pattern, "relative", _number(number))
        case f.Day():
            return tuple(_date_part(words, field, *part) for part in words.dates[field.style])


def _name(words: Lexicon, name: f.Name) -> str:
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


def _list(patterns: Mapping[str, str], items: Sequence[Segments]) -> Segments:
    """Return items joined from the last to the first, as CLDR defines it."""
    if len(items) == 2:  # noqa: PLR2004 - a pair has a pattern of its own
        return _fill(patterns["2"], "conjunction", *items)
    joined = _fill(patterns["end"], "conjunction", items[-2], items[-1])
    for item in reversed(items[1:-2]):
        joined = _fill(patterns["middle"], "conjunction", item, joined)
    return _fill(patterns["start"], "conjunction", items[0], joined)


def _date_part(words: Lexicon, day: f.Day, part: str, literal: str) -> Segment:
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
