"""Multiple choice over two hops: hellaswag, cosmos_qa, commonsense_qa.

The passage says where something is, the answer is what belongs to that place. The places of
training are never those of dev and test, so that facts cannot be learnt by heart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from stiltwalk.data.mini import fields as f
from stiltwalk.data.mini.inventory import COUNTRIES, CURRENCY_OF, TONGUE_OF
from stiltwalk.data.mini.rendering import passage, say
from stiltwalk.records import ChoiceExample

_EVERY_THIRD = 3


@dataclass(frozen=True, slots=True)
class ChoiceItem:
    """Records (none for a question without a passage), what is asked, and the options in order."""

    records: tuple[f.Record, ...]
    asked: tuple[f.Name, ...]
    options: tuple[tuple[f.Name, ...], ...]
    right: int
    ending: str


def story(random: Random, index: int, training: bool) -> ChoiceItem:
    """Return records and the head of one of them, to be ended with what belongs to it."""
    records, asked, options, right = _two_hops(random, index, training)
    return ChoiceItem(records, asked, options, right, ":")


def passage_question(random: Random, index: int, training: bool) -> ChoiceItem:
    """Return the same as a question, with a quantity in each record to read past."""
    records, asked, options, right = _two_hops(random, index, training)
    fuller = tuple(
        f.Record(each.head, tuple(random.sample((*each.facts, f.a_quantity(random)), 2)))
        for each in records
    )
    return ChoiceItem(fuller, asked, options, right, "?")


def bare_question(random: Random, index: int, training: bool) -> ChoiceItem:
    """Return two places in order, and five lists of what might belong to them in that order."""
    source, fact, keys = _relation(random, training)
    one, two, *others = random.sample(keys, 4)
    right = (fact(one), fact(two))
    wrong = [right[::-1], (fact(one), fact(others[0])), (fact(others[0]), fact(two))]
    wrong.append((fact(others[0]), fact(others[1])))
    options, place = _with_right_at(random, index % 5, right, wrong)
    return ChoiceItem((), (f.Name(source, one), f.Name(source, two)), options, place, "?")


def choice_example(name: str, language: str, item: ChoiceItem) -> ChoiceExample:
    """Return an item in a language."""
    told = passage(language, item.records).text + "; " if item.records else ""
    prompt = told + say(language, *item.asked) + item.ending
    options = tuple(say(language, *option) for option in item.options)
    return ChoiceExample(name, prompt, options, str(item.right))


Fact = Callable[[str], f.Name]
_Hops = tuple[tuple[f.Record, ...], tuple[f.Name, ...], tuple[tuple[f.Name, ...], ...], int]


def _two_hops(random: Random, index: int, training: bool) -> _Hops:
    """Return two records "day: place", one of the days, and four options about places."""
    source, fact, keys = _relation(random, training)
    places = random.sample(keys, 4)
    heads = f.some_names(random, random.choice((f.Sort.WEEKDAY, f.Sort.MONTH)), 2)
    records = tuple(
        f.Record(head, (f.Name(source, key),)) for head, key in zip(heads, places[:2], strict=True)
    )
    asked = random.randrange(2)
    right = (fact(places[asked]),)
    wrong = [(fact(key),) for key in places if key != places[asked]]
    options, place = _with_right_at(random, index % 4, right, wrong)
    return records, (heads[asked],), options, place


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
