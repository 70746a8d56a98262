"""The abstract side: what a text says, before any language. Every value is hashable and frozen."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from stiltwalk.mini.cldr import (
    COUNTRIES,
    CURRENCIES,
    CURRENCY_OF,
    DURATIONS,
    TONGUE_OF,
    TONGUES,
    UNITS,
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
    return Name(name.sort, random.choice([key for key in MEMBERS[name.sort] if key != name.key]))


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


def a_money(random: Random) -> Money:
    """Return an amount in some currency."""
    return Money(a_number(random), random.choice(CURRENCIES))


def a_relative(random: Random) -> Relative:
    """Return a time some way ahead or back."""
    return Relative(random.randrange(2, 13), random.choice(DURATIONS), chance(random, 0.5))


def a_day(random: Random) -> Day:
    """Return a date in some style."""
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


def a_note(random: Random) -> Noted:
    """Return a city with its country, a country with its language or money, or a dated quarter."""
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
    "money": a_money,
    "relative": a_relative,
    "date": a_day,
    "list": a_list,
    "sequence": a_sequence,
    "note": a_note,
}
"""How to draw a field of each kind."""

_SENTENCE_KINDS = (*MAKERS, "date", "quantity", "list", "note", "note", "note")


def a_sentence(random: Random, sizes: tuple[int, ...] = (2, 3, 3, 4)) -> tuple[Field, ...]:
    """Return some fields of mixed kinds, as many as one of the sizes."""
    kinds = random.sample(_SENTENCE_KINDS, random.choice(sizes))
    return tuple(MAKERS[kind](random) for kind in kinds)
