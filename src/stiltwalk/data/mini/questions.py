"""Questions about records: squad_v1, squad_v2, xquad, mlqa, tydiqa.

The question names the city where the record names the country, or the other way round, most of
the time; the answer is the number alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from stiltwalk.data.mini import fields as f
from stiltwalk.data.mini.cldr import lexicon
from stiltwalk.data.mini.inventory import COUNTRIES, UNITS
from stiltwalk.data.mini.rendering import PLAIN, Layout, passage, say
from stiltwalk.records import Answer, SpanExample

_ALIAS_RATE = 0.7
_QUANTITIES = 2


@dataclass(frozen=True, slots=True)
class Shape:
    """How records look: how many, which further fact each has, how they are laid out."""

    records: int = 3
    further: tuple[str, ...] = ()
    layout: Layout = PLAIN
    unanswerable: bool = False


SQUAD = Shape()
SQUAD_2 = Shape(unanswerable=True)
MLQA = Shape(further=("weekday", "tongue", "month"), layout=Layout(between=". "))
TYDIQA = Shape(records=2, further=("weekday", "month", "money"), layout=Layout(" - ", "; "))


@dataclass(frozen=True, slots=True)
class QuestionItem:
    """Records, and the place and unit asked for; `where` is the (record, fact) of the answer."""

    records: tuple[f.Record, ...]
    place: f.Name
    unit: str
    where: tuple[int, int] | None
    layout: Layout


def question(random: Random, index: int, shape: Shape = SQUAD) -> QuestionItem:
    """Return a question; of a shape with unanswerable ones, every third has no answer."""
    sort = random.choice((f.Sort.COUNTRY, f.Sort.CITY))
    places = f.some_names(random, sort, shape.records)
    units = random.sample(UNITS, _QUANTITIES)
    numbers = random.sample(range(2, 100), shape.records * _QUANTITIES)
    further = random.choice(shape.further) if shape.further else None
    records = []
    for row, place in enumerate(places):
        own = numbers[row * _QUANTITIES : (row + 1) * _QUANTITIES]
        facts: list[f.Field] = [f.Quantity(n, unit) for n, unit in zip(own, units, strict=True)]
        facts += [f.MAKERS[further](random)] if further else []
        records.append(f.Record(place, tuple(random.sample(facts, len(facts)))))
    asked, unit = random.randrange(shape.records), random.choice(units)
    place = _alias(random, places[asked])
    if shape.unanswerable and index % 3 == 0:
        place, unit = _beside(random, places, units, place, unit)
        return QuestionItem(tuple(records), place, unit, None, shape.layout)
    column = next(i for i, fact in enumerate(records[asked].facts) if _is_of(fact, unit))
    return QuestionItem(tuple(records), place, unit, (asked, column), shape.layout)


def span_example(name: str, language: str, item: QuestionItem) -> SpanExample:
    """Return an item in a language."""
    told = passage(language, item.records, item.layout)
    asked = f"{say(language, item.place)}: {lexicon(language).unit_names[item.unit]}?"
    if item.where is None:
        return SpanExample(name, asked, told.text, ())
    start, end = told.numbers[item.where]
    return SpanExample(name, asked, told.text, (Answer(told.text[start:end], start),))


def _alias(random: Random, place: f.Name) -> f.Name:
    return f.other_side(place) if f.chance(random, _ALIAS_RATE) else place


def _beside(
    random: Random, places: tuple[f.Name, ...], units: list[str], place: f.Name, unit: str
) -> tuple[f.Name, str]:
    """Return a place or a unit that the records say nothing about, and the other as it was."""
    if f.chance(random, 0.5):
        return place, random.choice([other for other in UNITS if other not in units])
    told = {name.key for name in places}
    absent = random.choice([key for key in COUNTRIES if key not in told])
    return f.Name(place.sort, absent), unit


def _is_of(fact: f.Field, unit: str) -> bool:
    return isinstance(fact, f.Quantity) and fact.unit == unit
