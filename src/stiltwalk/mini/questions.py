"""Questions about records, and multiple choice over two hops.

Questions (xquad, mlqa, tydiqa, squad_v1, squad_v2) ask for a number by a place that may be told as
its country or its city. In multiple choice (hellaswag, siqa, xcopa and so on) the passage says
where something is, and the answer is what belongs to that place. The places of training are never
those of dev and test, so that facts cannot be learnt by heart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random

from stiltwalk.mini import fields as f
from stiltwalk.mini.cldr import COUNTRIES, CURRENCY_OF, TONGUE_OF, UNITS, lexicon
from stiltwalk.mini.fields import PLAIN, Layout, passage, say
from stiltwalk.records import Answer, ChoiceExample, PoolDocument, RankingExample, SpanExample

_ALIAS_RATE = 0.7
_QUANTITIES = 2
POOL_LANGUAGES = tuple("ar de el en es hi ru th tr vi zh".split())
"""Of lareqa, whose answers are sought in all of them at once."""


@dataclass(frozen=True, slots=True)
class QuestionShape:
    """How records look: how many, which further fact each has, how they are laid out."""

    records: int = 3
    further: tuple[str, ...] = ()
    layout: Layout = PLAIN
    unanswerable: bool = False


SQUAD = QuestionShape()
SQUAD_2 = QuestionShape(unanswerable=True)
MLQA = QuestionShape(further=("weekday", "tongue", "month"), layout=Layout(between=". "))
TYDIQA = QuestionShape(records=2, further=("weekday", "month", "money"), layout=Layout(" - ", "; "))


@dataclass(frozen=True, slots=True)
class QuestionItem:
    """Records, and the place and unit asked for; `where` is the (record, fact) of the answer."""

    records: tuple[f.Record, ...]
    place: f.Name
    unit: str
    where: tuple[int, int] | None
    layout: Layout


def question(random: Random, index: int, shape: QuestionShape = SQUAD) -> QuestionItem:
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


def ranking_example(name: str, language: str, item: QuestionItem) -> RankingExample:
    """Return an item in a language: its question, and the record that answers it.

    In every language of the pool that record is right. The question tells its other fact, since
    places and units recur in so many records.
    """
    assert item.where is not None
    right, column = item.where
    told = say(language, item.place, item.records[right].facts[1 - column])
    return RankingExample(
        f"{name}_{language}",
        f"{told}: {lexicon(language).unit_names[item.unit]}?",
        tuple(f"{name}_{code}_{right}" for code in POOL_LANGUAGES),
        (sentences(name, language, item)[right],),
    )


def sentences(name: str, language: str, item: QuestionItem) -> list[PoolDocument]:
    """Return the records of an item in a language, each with all of them as its context."""
    context = passage(language, item.records, item.layout).text
    return [
        PoolDocument(
            f"{name}_{language}_{at}",
            passage(language, (record,), item.layout).text,
            context,
            language,
        )
        for at, record in enumerate(item.records)
    ]


ENTITY = QuestionShape(records=1, further=("weekday", "month", "money"))


def mention_example(name: str, language: str, item: QuestionItem) -> RankingExample:
    """Return what an item's record is about, between two of its facts, with the whole record."""
    place, (first, second, _) = say(language, item.place), item.records[0].facts
    query = f"{place}: {say(language, first)} {{ {place} }} {say(language, second)}"
    return RankingExample(f"{name}_{language}", query, (name,), (entity(name, language, item),))


def entity(name: str, language: str, item: QuestionItem) -> PoolDocument:
    """Return the record of an item in a language."""
    return PoolDocument(name, passage(language, item.records, item.layout).text, "", language)


def _alias(random: Random, place: f.Name) -> f.Name:
    return f.other_side(place) if f.chance(random, _ALIAS_RATE) else place


def _beside(
    random: Random, places: tuple[f.Name, ...], units: list[str], place: f.Name, unit: str
) -> tuple[f.Name, str]:
    """Return a place or a unit that the records say nothing about, and the other as it was."""
    if f.chance(random, 0.5):
        return place, random.choice([other for other in UNITS if other not in units])
    return f.other_than(random, place.sort, places), unit


def _is_of(fact: f.Field, unit: str) -> bool:
    return isinstance(fact, f.Quantity) and fact.unit == unit


_EVERY_THIRD = 3


@dataclass(frozen=True, slots=True)
class ChoiceItem:
    """Records (none for a question without a passage), what is asked, and the options in order."""

    records: tuple[f.Record, ...]
    asked: tuple[f.Name, ...]
    options: tuple[tuple[f.Name, ...], ...]
    right: int
    ending: str


def story(random: Random, index: int, training: bool, num_choices: int = 4) -> ChoiceItem:
    """Return records and the head of one of them, to be ended with what belongs to it."""
    source, fact, keys = _relation(random, training)
    places = random.sample(keys, 4)
    heads = f.some_names(random, random.choice((f.Sort.WEEKDAY, f.Sort.MONTH)), 2)
    records = tuple(
        f.Record(head, (f.Name(source, key),)) for head, key in zip(heads, places[:2], strict=True)
    )
    asked = random.randrange(2)
    right = (fact(places[asked]),)
    wrong = [(fact(key),) for key in places if key != places[asked]]
    options, place = _with_right_at(random, index % num_choices, right, wrong[: num_choices - 1])
    return ChoiceItem(records, (heads[asked],), options, place, ":")


def passage_question(random: Random, index: int, training: bool) -> ChoiceItem:
    """Return the same as a question, with a quantity in each record to read past."""
    item = story(random, index, training)
    fuller = tuple(
        f.Record(each.head, tuple(random.sample((*each.facts, f.a_quantity(random)), 2)))
        for each in item.records
    )
    return replace(item, records=fuller, ending="?")


def bare_question(random: Random, index: int, training: bool, num_choices: int = 5) -> ChoiceItem:
    """Return two places in order, and lists of what might belong to them in that order."""
    source, fact, keys = _relation(random, training)
    one, two, *others = random.sample(keys, 4)
    right = (fact(one), fact(two))
    wrong = [right[::-1], (fact(one), fact(others[0])), (fact(others[0]), fact(two))]
    wrong.append((fact(others[0]), fact(others[1])))
    options, place = _with_right_at(random, index % num_choices, right, wrong[: num_choices - 1])
    return ChoiceItem((), (f.Name(source, one), f.Name(source, two)), options, place, "?")


def choice_example(name: str, language: str, item: ChoiceItem) -> ChoiceExample:
    """Return an item in a language."""
    told = passage(language, item.records).text + "; " if item.records else ""
    prompt = told + say(language, *item.asked) + item.ending
    options = tuple(say(language, *option) for option in item.options)
    return ChoiceExample(name, prompt, options, str(item.right))


Fact = Callable[[str], f.Name]


def _relation(random: Random, training: bool) -> tuple[f.Sort, Fact, list[str]]:
    """Return the sort of place told, the fact asked for, and the countries to speak of."""
    sort = random.choice((f.Sort.TONGUE, f.Sort.CURRENCY, f.Sort.COUNTRY, f.Sort.CITY))
    either = random.choice((f.Sort.CITY, f.Sort.COUNTRY))
    source = {f.Sort.COUNTRY: f.Sort.CITY, f.Sort.CITY: f.Sort.COUNTRY}.get(sort, either)
    table = {f.Sort.TONGUE: TONGUE_OF, f.Sort.CURRENCY: CURRENCY_OF}.get(sort)
    known = table or {key: key for key in COUNTRIES}
    keys = [key for key in known if _is_for_training(known, key) == training]
    return source, lambda key: f.Name(sort, known[key]), keys


def _is_for_training(known: dict[str, str], key: str) -> bool:
    return list(known).index(key) % _EVERY_THIRD != 0


def _with_right_at(
    random: Random,
    place: int,
    right: tuple[f.Name, ...],
    wrong: Sequence[tuple[f.Name, ...]],
) -> tuple[tuple[tuple[f.Name, ...], ...], int]:
    options = random.sample(wrong, len(wrong))
    options.insert(place, right)
    return tuple(options), place
