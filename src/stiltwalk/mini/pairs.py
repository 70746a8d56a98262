"""Two texts and how they relate, and what a field entails, contradicts or leaves open."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from stiltwalk.mini import fields as f
from stiltwalk.mini.cldr import CURRENCIES, UNITS
from stiltwalk.mini.fields import passage, say
from stiltwalk.records import PairExample

Side = tuple[f.Field, ...] | tuple[f.Record, ...]


@dataclass(frozen=True, slots=True)
class PairItem:
    """Both sides in no language yet; `ending` closes each side ("?" in questions)."""

    first: Side
    second: Side
    label: str
    ending: str = ""


def inference(random: Random, index: int) -> PairItem:
    """Return a premise with one statement; the label goes round with the index."""
    label = LABELS[index % 3]
    while True:
        premise = a_premise(random, random.choice((1, 2, 2)))
        claim = a_claim(random, premise, random.randrange(len(premise)), label)
        if claim is not None:
            return PairItem(premise, (claim,), label)


def hard_inference(random: Random, index: int) -> PairItem:
    """Return a premise with two statements: one wrong is a contradiction, else one open neutral."""
    label = LABELS[index % 3]
    while True:
        premise = a_premise(random, random.choice((2, 3)))
        places = random.sample(range(len(premise)), 2)
        labels = [label, _milder(random, label)]
        pairs = zip(places, labels, strict=True)
        claims = [a_claim(random, premise, place, each) for place, each in pairs]
        told = tuple(claim for claim in claims if claim is not None)
        if len(told) == len(claims) and told[0] != told[1]:
            return PairItem(premise, tuple(random.sample(told, 2)), label)


def paraphrase(random: Random, index: int) -> PairItem:
    """Return facts told twice, in another order; half the time something has been swapped."""
    label = "01"[index % 2]
    maker = random.choice((_swapped_records, _changed_list))
    first, second = maker(random, same=label == "1")
    return PairItem(first, second, label)


def same_question(random: Random, index: int) -> PairItem:
    """Return two questions about places; a country may stand for its city."""
    label = ("not_duplicate", "duplicate")[index % 2]
    head = f.a_name(random, random.choice((f.Sort.CITY, f.Sort.COUNTRY)))
    kinds = random.sample(("quantity", "weekday", "month", "tongue", "money"), 2)
    facts = tuple(f.MAKERS[kind](random) for kind in kinds)
    other_head = f.other_side(head) if f.chance(random, 0.6) else head
    other_facts = tuple(random.sample(facts, 2))
    if label == "not_duplicate":
        if f.chance(random, 0.5):
            other_head = f.another(random, other_head)
        else:
            other_facts = _one_changed(random, other_facts)
    ours, theirs = (f.Record(head, facts),), (f.Record(other_head, other_facts),)
    return PairItem(ours, theirs, label, ending="?")


def pair_example(name: str, language: str, item: PairItem) -> PairExample:
    """Return an item in a language."""
    first, second = _told(language, item.first), _told(language, item.second)
    return PairExample(name, first + item.ending, second + item.ending, item.label)


def _told(language: str, side: Side) -> str:
    records = [part for part in side if isinstance(part, f.Record)]
    if records:
        return passage(language, records).text
    return say(language, *(part for part in side if not isinstance(part, f.Record)))


def _milder(random: Random, label: str) -> str:
    """Return a label that a second statement may have without changing the first one's."""
    return {
        ENTAILMENT: ENTAILMENT,
        NEUTRAL: random.choice((ENTAILMENT, NEUTRAL)),
        CONTRADICTION: random.choice(LABELS),
    }[label]


def _swapped_records(random: Random, *, same: bool) -> tuple[Side, Side]:
    """Return two records, reordered or with their facts exchanged."""
    one, two = f.some_names(random, random.choice((f.Sort.CITY, f.Sort.COUNTRY)), 2)
    kind = random.choice(("quantity", "weekday", "month", "tongue", "money"))
    fact = f.MAKERS[kind](random)
    (other,) = _one_changed(random, (fact,))
    told = (f.Record(one, (fact,)), f.Record(two, (other,)))
    swapped = (f.Record(one, (other,)), f.Record(two, (fact,)))
    if same:
        return told, told[::-1]
    return told, random.choice((swapped, swapped[::-1]))


def _changed_list(random: Random, *, same: bool) -> tuple[Side, Side]:
    """Return a list beside another fact, reordered, with one name changed, or and against or."""
    listed = f.a_list(random)
    beside = f.MAKERS[random.choice(("quantity", "relative", "date"))](random)
    names = list(random.sample(listed.items, len(listed.items)))
    either = listed.either
    if not same and f.chance(random, 0.5):
        either = not either
    elif not same:
        names[random.randrange(len(names))] = f.other_than(random, names[0].sort, names)
    again = (f.Listed(tuple(names), either), beside)
    return (listed, beside), random.choice((again, again[::-1]))


def _one_changed(random: Random, facts: tuple[f.Field, ...]) -> tuple[f.Field, ...]:
    """Return the facts with one of them changed in its number or name only."""
    changed = list(facts)
    place = random.randrange(len(facts))
    fact = facts[place]
    match fact:
        case f.Name():
            changed[place] = f.another(random, fact)
        case f.Quantity(number, unit):
            changed[place] = f.Quantity(f.another_number(random, number), unit)
        case f.Money(number, currency):
            changed[place] = f.Money(f.another_number(random, number), currency)
        case _:
            raise AssertionError(f"no way to change {fact}")
    return tuple(changed)


ENTAILMENT, NEUTRAL, CONTRADICTION = LABELS = ("entailment", "neutral", "contradiction")

_PLACES = (f.Sort.COUNTRY, f.Sort.CITY)
_CALENDAR = (f.Sort.WEEKDAY, f.Sort.MONTH, f.Sort.QUARTER)
_SILENT = ("quantity", "money", "relative", "tongue")
_PREMISE = tuple("city city country date date relative quantity money list list tongue".split())
_SIMILAR_UNIT = {
    "length-kilometer": "length-meter",
    "length-meter": "length-centimeter",
    "length-centimeter": "length-kilometer",
    "mass-kilogram": "mass-gram",
    "mass-gram": "mass-kilogram",
    "duration-hour": "duration-minute",
    "duration-minute": "duration-second",
    "duration-second": "duration-hour",
}
_WEEKS_IN_DAYS = 4


def topic(field: f.Field) -> str:
    """Return what a field is about; a premise has at most one field per topic."""
    match field:
        case f.Name(sort):
            return "place" if sort in _PLACES else "calendar" if sort in _CALENDAR else sort.value
        case f.Listed(items) | f.Sequence(items):
            return topic(items[0])
        case f.Day():
            return "calendar"
        case _:
            return type(field).__name__.lower()


def a_premise(random: Random, size: int) -> tuple[f.Field, ...]:
    """Return fields of different topics."""
    premise: list[f.Field] = []
    while len(premise) < size:
        field = _premise_field(random, random.choice(_PREMISE))
        if topic(field) not in map(topic, premise):
            premise.append(field)
    return tuple(premise)


def a_claim(random: Random, premise: tuple[f.Field, ...], index: int, label: str) -> f.Field | None:
    """Return a field that relates to a premise as the label says, or None where there is none.

    A statement on a topic that the premise is silent about is neutral, and so are one of several
    alternatives, a city where only the country is known, and a day where only the month is.

    Args:
        random: the source of chance.
        premise: what is given.
        index: the premise's field that the statement is about.
        label: one of LABELS.
    """
    if label == NEUTRAL and f.chance(random, 0.5):
        topics = set(map(topic, premise))
        return f.MAKERS[random.choice([kind for kind in _SILENT if kind not in topics])](random)
    return _about(random, premise[index], label)


def _premise_field(random: Random, kind: str) -> f.Field:
    if kind == "relative" and f.chance(random, 0.4):
        return f.Relative(random.randrange(2, _WEEKS_IN_DAYS + 1), "week", f.chance(random, 0.5))
    return f.MAKERS[kind](random)


def _about(random: Random, given: f.Field, label: str) -> f.Field | None:
    match given:
        case f.Name():
            return _about_name(random, given, label)
        case f.Day():
            about = _about_month if given.style == "month" else _about_day
            return about(random, given, label)
        case f.Relative():
            return _about_relative(random, given, label)
        case f.Quantity() | f.Money():
            return _about_amount(random, given, label)
        case f.Listed():
            return _about_list(random, given, label)
        case _:
            raise AssertionError(f"a premise never holds {given}")


def _about_name(random: Random, name: f.Name, label: str) -> f.Field | None:
    if name.sort in _PLACES:
        return _about_place(random, name, label)
    return {ENTAILMENT: name, CONTRADICTION: f.another(random, name)}.get(label)


def _about_place(random: Random, place: f.Name, label: str) -> f.Field | None:
    is_city = place.sort is f.Sort.CITY
    if label == ENTAILMENT:
        return f.other_side(place) if is_city and f.chance(random, 0.7) else place
    if label == CONTRADICTION:
        elsewhere = f.another(random, place)
        return f.other_side(elsewhere) if f.chance(random, 0.6) else elsewhere
    return None if is_city else f.other_side(place)


def _about_month(random: Random, day: f.Day, label: str) -> f.Field:
    month, date = f.Name(f.Sort.MONTH, str(day.date.month)), day.date
    if label == NEUTRAL:
        some_day = date.replace(day=random.randrange(1, 28))
        return random.choice((f.Day(some_day, "long"), f.a_name(random, f.Sort.WEEKDAY)))
    if label == ENTAILMENT:
        return random.choice((month, f.quarter_of(date)))
    other = f.another(random, month)
    moved = date.replace(month=int(other.key), day=random.randrange(1, 28))
    return random.choice((other, f.Day(moved, "long"), f.another(random, f.quarter_of(date))))


def _about_day(random: Random, day: f.Day, label: str) -> f.Field | None:
    if label == NEUTRAL:
        return None
    date = day.date
    month, weekday = (
        f.Name(f.Sort.MONTH, str(date.month)),
        f.Name(f.Sort.WEEKDAY, str(date.weekday())),
    )
    quarter, told_month, told_day = f.quarter_of(date), f.Day(date, "month"), f.Day(date, "long")
    if label == CONTRADICTION:
        month, weekday = f.another(random, month), f.another(random, weekday)
        quarter = f.another(random, quarter)
        moved = date.replace(month=int(month.key), day=random.randrange(1, 28))
        told_month, told_day = f.Day(moved, "month"), f.Day(moved, "long")
    told: list[f.Field] = [month, quarter, told_month, told_day]
    return random.choice(told + [weekday] * (2 if day.style == "full" else 0))


def _about_relative(random: Random, given: f.Relative, label: str) -> f.Field | None:
    number, unit, ahead = given.number, given.unit, given.ahead
    if label == NEUTRAL:
        return None
    in_days = unit == "week" and number <= _WEEKS_IN_DAYS and f.chance(random, 0.7)
    same = f.Relative(number * 7, "day", ahead) if in_days else given
    if label == ENTAILMENT:
        return same
    if in_days or f.chance(random, 0.6):
        return f.Relative(same.number, same.unit, not ahead)
    return f.Relative(f.another_number(random, number, 13), unit, ahead)


def _about_amount(
    random: Random, given: f.Quantity | f.Money, label: str
) -> f.Quantity | f.Money | None:
    if label == NEUTRAL:
        return None
    if label == ENTAILMENT:
        return given
    same_number = f.chance(random, 0.5)
    number = given.number if same_number else f.another_number(random, given.number)
    if isinstance(given, f.Money):
        others = [code for code in CURRENCIES if code != given.currency]
        return f.Money(number, random.choice(others) if same_number else given.currency)
    others = [unit for unit in UNITS if unit != given.unit]
    other = _SIMILAR_UNIT.get(given.unit) or random.choice(others)
    return f.Quantity(number, other if same_number else given.unit)


def _about_list(random: Random, given: f.Listed, label: str) -> f.Field | None:
    if label == CONTRADICTION:
        return f.other_than(random, given.items[0].sort, given.items)
    follows = label == ENTAILMENT
    return None if follows == given.either else random.choice(given.items)
