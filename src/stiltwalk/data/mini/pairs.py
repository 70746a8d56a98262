"""Two texts and how they relate: inference (mnli, anli_plus, xnli) and paraphrase (qqp, pawsx)."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from stiltwalk.data.mini import fields as f
from stiltwalk.data.mini.claims import (
    CONTRADICTION,
    ENTAILMENT,
    LABELS,
    NEUTRAL,
    a_claim,
    a_premise,
)
from stiltwalk.data.mini.rendering import passage, say
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
        absent = [
            key for key in f.MEMBERS[names[0].sort] if f.Name(names[0].sort, key) not in names
        ]
        names[random.randrange(len(names))] = f.Name(names[0].sort, random.choice(absent))
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
            changed[place] = f.Quantity(_another_number(random, number), unit)
        case f.Money(number, currency):
            changed[place] = f.Money(_another_number(random, number), currency)
        case _:
            raise AssertionError(f"no way to change {fact}")
    return tuple(changed)


def _another_number(random: Random, number: int) -> int:
    return random.choice([other for other in range(2, 100) if other != number])
