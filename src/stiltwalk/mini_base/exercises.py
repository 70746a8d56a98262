"""What the miniature's encoder is pretrained on: texts in two languages about the same facts.

Four exercises, each from texts to rows of tokens to a loss. None of them is an item of a task, but
the first kind is close to question answering on purpose: a small encoder learns to look things up
in minutes only if it is made to.

Shape letters: B rows, T tokens, D width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple

import torch
from tokenizers import Encoding, Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from stiltwalk.mini import LANGUAGES
from stiltwalk.mini import fields as f
from stiltwalk.mini.cldr import UNITS, lexicon
from stiltwalk.mini.fields import Layout, Passage, passage, render, say, text
from stiltwalk.mini.lines import words
from stiltwalk.mini.pairs import CONTRADICTION, ENTAILMENT, a_claim

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
"""In the order of their ids, which are XLM-R's but for the mask's."""
START, PAD, END, UNKNOWN, MASKED = range(len(SPECIAL))

_HEADS = (f.Sort.COUNTRY, f.Sort.CITY) * 2 + (f.Sort.TONGUE, f.Sort.MONTH, f.Sort.WEEKDAY)
_FACTS = tuple(
    "quantity quantity quantity money weekday month tongue relative city country currency "
    "date quarter".split()
)
_EASY = ((1, 1), (1, 2), (2, 1), (2, 1), (2, 1), (1, 3))
_MIDDLING = ((1, 2), (2, 1), (2, 1), (2, 2), (2, 2), (3, 1))
_HARD = ((1, 3), (2, 1), (2, 2), (2, 2), (2, 3), (2, 3), (3, 1), (3, 2), (3, 2), (3, 3))
_STAGES = ((0.1, _EASY), (0.3, _MIDDLING), (1.0, _HARD))
"""Up to which share of pretraining records are how many, with how many facts each."""


@dataclass(frozen=True, slots=True)
class Region:
    """Characters of a text, and whether what they say is untrue of the other text."""

    start: int
    end: int
    replaced: bool


@dataclass(frozen=True, slots=True)
class SpanText:
    """A query with a mask, and where in the context the masked words stand."""

    query: str
    context: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ReplacedText:
    """A text, and a translation in which some regions have been exchanged."""

    first: str
    second: str
    regions: tuple[Region, ...]


def plain_lines(random: Random, per_language: int) -> Iterator[str]:
    """Yield sentences and records of every language, for learning a vocabulary."""
    for language in LANGUAGES:
        for _ in range(per_language):
            yield _line(random, language, f.a_sentence(random, (1, 2, 3, 4)))
        for _ in range(per_language // 4):
            yield passage(language, _records(random, 1.0), _layout(random)).text + "?"


def translations(fields: Sequence[f.Field]) -> Iterator[str]:
    """Yield a sentence in every language, whole and then cut into words."""
    for language in LANGUAGES:
        yield say(language, *fields) + " " + _cut(language, fields)


def parallel_text(random: Random) -> tuple[str, str]:
    """Return a sentence in two languages, sometimes in another order."""
    here, there = _two_languages(random)
    fields = f.a_sentence(random)
    again = random.sample(fields, len(fields)) if f.chance(random, 0.3) else fields
    return _line(random, here, fields), _line(random, there, again)


def span_text(random: Random, progress: float) -> SpanText:
    """Return records, and one of them in another language with a field masked.

    Args:
        random: the source of chance.
        progress: share of pretraining that is done, in [0, 1]; later records are more.
    """
    here, there = _two_languages(random)
    records = _records(random, progress)
    told = passage(here, records, _layout(random))
    row = random.randrange(len(records))
    record = records[row]
    column = random.randrange(len(record.facts))
    fact = record.facts[column]
    alone = sum(fact in each.facts for each in records) == 1
    if alone and f.chance(random, 0.3):
        return SpanText(f"{SPECIAL[MASKED]}: {say(there, fact)}", told.text, *told.spans[row, -1])
    start, end = _answer(told, (row, column))
    query = say(there, _alias(random, record.head)) + random.choice((": ", " ", ": "))
    return SpanText(query + _masked(random, there, record, column), told.text, start, end)


def replaced_text(random: Random, progress: float) -> ReplacedText:
    """Return a text and its translation with some fields exchanged, often between records."""
    here, there = _two_languages(random)
    if f.chance(random, 0.5):
        return _replaced_sentence(random, here, there)
    records = _records(random, progress)
    first = passage(here, records, _layout(random)).text
    rows = random.sample(range(len(records)), min(len(records), random.choice((1, 1, 2))))
    told = [_retold(random, records, row) for row in rows]
    second = passage(there, [record for record, _ in told])
    regions = [
        Region(*second.spans[row, column], replaced)
        for row, (_, flags) in enumerate(told)
        for column, replaced in enumerate(flags)
    ]
    return ReplacedText(first, second.text, tuple(regions))


def _two_languages(random: Random) -> tuple[str, str]:
    """Return the same language twice in a third of all cases, and English often."""
    here = "en" if f.chance(random, 0.3) else random.choice(LANGUAGES)
    return here, here if f.chance(random, 0.35) else random.choice(LANGUAGES)


def _line(random: Random, language: str, fields: Sequence[f.Field]) -> str:
    """Return a sentence, now and then cut into words as tagging tasks see it."""
    return _cut(language, fields) if f.chance(random, 0.25) else say(language, *fields)


def _cut(language: str, fields: Sequence[f.Field]) -> str:
    return " ".join(word.text for word in words(language, tuple(fields)))


def _layout(random: Random) -> Layout:
    return Layout(random.choice((": ", ": ", " - ", " ")), random.choice(("; ", "; ", ". ", " / ")))


def _records(random: Random, progress: float) -> tuple[f.Record, ...]:
    shapes = next(shapes for until, shapes in _STAGES if progress <= until)
    num_records, num_facts = random.choice(shapes)
    sort = random.choice(_HEADS)
    kinds = _fact_kinds(random, sort, num_facts)
    units = random.sample(UNITS, num_facts)
    records = []
    for head in f.some_names(random, sort, num_records):
        facts = [
            f.Quantity(f.a_number(random), unit) if kind == "quantity" else f.MAKERS[kind](random)
            for kind, unit in zip(kinds, units, strict=True)
        ]
        if f.chance(random, 0.5):
            random.shuffle(facts)
        records.append(f.Record(head, tuple(facts)))
    return tuple(records)


def _fact_kinds(random: Random, head: f.Sort, count: int) -> list[str]:
    """Return kinds of facts; only quantities, told apart by their units, may come twice."""
    kinds: list[str] = []
    while len(kinds) < count:
        kind = random.choice(_FACTS)
        if kind != head.value and (kind == "quantity" or kind not in kinds):
            kinds.append(kind)
    return kinds


def _alias(random: Random, head: f.Name) -> f.Name:
    is_place = head.sort in (f.Sort.COUNTRY, f.Sort.CITY)
    return f.other_side(head) if is_place and f.chance(random, 0.5) else head


def _answer(told: Passage, place: tuple[int, int]) -> tuple[int, int]:
    """Return where the number of a fact stands, or the whole fact if it has none of its own."""
    return told.numbers.get(place, told.spans[place])


def _masked(random: Random, language: str, record: f.Record, column: int) -> str:
    """Return the record's facts with one masked: its number if it has one, else all of it."""
    fact = record.facts[column]
    if isinstance(fact, f.Quantity) and f.chance(random, 0.4):
        return f"{lexicon(language).unit_names[fact.unit]}: {SPECIAL[MASKED]}"
    if isinstance(fact, f.Quantity | f.Money | f.Relative):
        segments = render(language, fact)
        return text(s._replace(text=SPECIAL[MASKED]) if s.role == "number" else s for s in segments)
    others = [say(language, other) for other in record.facts if other is not fact]
    return lexicon(language).separator.join([*others, SPECIAL[MASKED]])


def _replaced_sentence(random: Random, here: str, there: str) -> ReplacedText:
    """Return a sentence, and some of its fields, or what follows from them, told again."""
    fields = f.a_sentence(random, (1, 2, 2, 3))
    told = [_told_again(random, field) for field in random.sample(fields, min(2, len(fields)))]
    second, regions = "", []
    for field, replaced in told:
        second += lexicon(there).separator if second else ""
        start = len(second)
        second += say(there, field)
        regions.append(Region(start, len(second), replaced))
    return ReplacedText(say(here, *fields), second, tuple(regions))


def _told_again(random: Random, field: f.Field) -> tuple[f.Field, bool]:
    """Return a field as it is, drawn anew, or a statement about it; and whether it is untrue."""
    untrue = f.chance(random, 0.45)
    if f.chance(random, 0.6) and not isinstance(field, f.Noted | f.Sequence):
        claim = a_claim(random, (field,), 0, CONTRADICTION if untrue else ENTAILMENT)
        if claim is not None:
            return claim, untrue
    told = _redrawn(random, field) if untrue else field
    return told, told != field


def _retold(
    random: Random, records: Sequence[f.Record], row: int
) -> tuple[f.Record, tuple[bool, ...]]:
    """Return some facts of a record, and which were exchanged, mostly with another record."""
    record = records[row]
    count = min(len(record.facts), random.choice((1, 2, 2)))
    facts, replaced = [], []
    for fact in random.sample(record.facts, count):
        told = _exchanged(random, records, row, fact) if f.chance(random, 0.45) else fact
        facts.append(told)
        replaced.append(told not in record.facts)
    return f.Record(_alias(random, record.head), tuple(facts)), tuple(replaced)


def _exchanged(random: Random, records: Sequence[f.Record], row: int, fact: f.Field) -> f.Field:
    elsewhere = [
        other
        for index, record in enumerate(records)
        for other in record.facts
        if index != row and _alike(other, fact)
    ]
    if elsewhere and f.chance(random, 0.65):
        return random.choice(elsewhere)
    return _redrawn(random, fact)


def _alike(one: f.Field, two: f.Field) -> bool:
    if isinstance(one, f.Name) and isinstance(two, f.Name):
        return one.sort is two.sort
    return type(one) is type(two)


def _redrawn(random: Random, field: f.Field) -> f.Field:
    """Return another field of the same kind, now and then the same."""
    kinds = {f.Day: "date", f.Listed: "list", f.Noted: "note"}
    kind = field.sort.value if isinstance(field, f.Name) else type(field).__name__.lower()
    return f.MAKERS[kinds.get(type(field), kind)](random)


_IGNORED = -100
_MASKED_PART = 0.2
_GROUP = 8
_REPLACED_WEIGHT = 2.0
_MASKED_WEIGHT = 0.3
_RETRIEVAL_DEPTH = 14 / 24


class Row(NamedTuple):
    """Tokens, and what is to be found: positions, a label per token, or the other text's tokens."""

    tokens: list[int]
    target: list[int]


class Trainee(nn.Module):
    """A masked language model with the two heads that only pretraining needs."""

    def __init__(self, masked_lm: Any) -> None:  # noqa: ANN401 - a transformers model
        """Put fresh heads on a model."""
        super().__init__()
        width = masked_lm.config.hidden_size
        self.masked_lm = masked_lm
        self.span_head = nn.Linear(width, 2)
        self.replaced_head = nn.Linear(width, 1)

    def states(self, ids_BT: Tensor) -> Tensor:
        """Return the last hidden states, shape (B, T, D)."""
        output = self.masked_lm.roberta(input_ids=ids_BT, attention_mask=(ids_BT != PAD).long())
        states_BTD: Tensor = output.last_hidden_state
        return states_BTD

    def sentence_vectors(self, ids_BT: Tensor) -> Tensor:
        """Return the unit vectors that retrieval reads, shape (B, D)."""
        attended_BT = (ids_BT != PAD).long()
        output = self.masked_lm.roberta(
            input_ids=ids_BT, attention_mask=attended_BT, output_hidden_states=True
        )
        block = max(1, round(_RETRIEVAL_DEPTH * self.masked_lm.config.num_hidden_layers))
        weight_BT1 = attended_BT[..., None].float()
        summed_BD = (output.hidden_states[block] * weight_BT1).sum(dim=1)
        return functional.normalize(summed_BD / weight_BT1.sum(dim=1), dim=1)


def batches(
    size: int, max_tokens: int, random: Random, make: Callable[[int], list[Row]]
) -> Iterator[list[Row]]:
    """Yield batches of rows of like length, so that little is padding.

    Args:
        size: rows in a batch.
        max_tokens: longer rows are left out.
        random: decides the order of batches.
        make: returns so many new rows, or a few less.
    """
    while True:
        rows = [row for row in make(size * _GROUP) if max(map(len, row)) <= max_tokens]
        rows.sort(key=lambda row: len(row.tokens))
        cut = [rows[start : start + size] for start in range(0, len(rows), size)]
        random.shuffle(cut)
        yield from cut


def padded(rows: Sequence[list[int]], filler: int = PAD) -> Tensor:
    """Return rows in one tensor, shape (B, T), filled up on the right."""
    longest = max(map(len, rows))
    return torch.tensor([row + [filler] * (longest - len(row)) for row in rows])


def span_rows(tokenizer: Tokenizer, drawn: Sequence[SpanText]) -> list[Row]:
    """Return pairs of query and context with the first and last token of what is masked."""
    found = tokenizer.encode_batch([(each.query, each.context) for each in drawn])
    rows = []
    for each, encoding in zip(drawn, found, strict=True):
        ends = _tokens_at(encoding, each.start, each.end)
        rows += [Row(encoding.ids, [ends[0], ends[1]])] if ends else []
    return rows


def replaced_rows(tokenizer: Tokenizer, drawn: Sequence[ReplacedText]) -> list[Row]:
    """Return pairs of texts with a label per token."""
    found = tokenizer.encode_batch([(text.first, text.second) for text in drawn])
    return [
        Row(encoding.ids, _flags(encoding, text.regions))
        for text, encoding in zip(drawn, found, strict=True)
    ]


def _flags(encoding: Encoding, regions: Sequence[Region]) -> list[int]:
    """Return a label per token; the first token tells whether anything has been exchanged."""
    flags = [_IGNORED] * len(encoding.ids)
    flags[0] = int(any(region.replaced for region in regions))
    for region in regions:
        ends = _tokens_at(encoding, region.start, region.end)
        for token in range(ends[0], ends[1] + 1) if ends else ():
            flags[token] = int(region.replaced)
    return flags


def _tokens_at(encoding: Encoding, start: int, end: int) -> tuple[int, int] | None:
    """Return the first and last token of characters of the second text."""
    first, last = encoding.char_to_token(start, 1), encoding.char_to_token(end - 1, 1)
    return None if first is None or last is None else (first, last)


def parallel_rows(tokenizer: Tokenizer, drawn: Sequence[tuple[str, str]]) -> list[Row]:
    """Return texts with their translations' tokens."""
    first, second = (tokenizer.encode_batch(list(side)) for side in zip(*drawn, strict=True))
    return [Row(one.ids, two.ids) for one, two in zip(first, second, strict=True)]


def joined_rows(tokenizer: Tokenizer, drawn: Sequence[tuple[str, str]]) -> list[Row]:
    """Return texts joined with their translations."""
    return [Row(encoding.ids, []) for encoding in tokenizer.encode_batch(list(drawn))]


def span_loss(trainee: Trainee, rows: list[Row]) -> Tensor:
    """Return how badly the ends of masked spans are found."""
    ids_BT = padded([row.tokens for row in rows])
    logits_BT2 = trainee.span_head(trainee.states(ids_BT))
    logits_BT2 = logits_BT2.masked_fill((ids_BT == PAD)[..., None], -1e4)
    target_B2 = torch.tensor([row.target for row in rows])
    return functional.cross_entropy(logits_BT2, target_B2)


def replaced_loss(trainee: Trainee, rows: list[Row]) -> Tensor:
    """Return how badly exchanged fields are told."""
    ids_BT = padded([row.tokens for row in rows])
    target_BT = padded([row.target for row in rows], _IGNORED)
    asked_BT = target_BT != _IGNORED
    logits_BT = trainee.replaced_head(trainee.states(ids_BT))[..., 0]
    return _REPLACED_WEIGHT * functional.binary_cross_entropy_with_logits(
        logits_BT[asked_BT], target_BT[asked_BT].float()
    )


def parallel_loss(trainee: Trainee, rows: list[Row], temperature: float) -> Tensor:
    """Return how badly translations are matched by the vectors that retrieval reads."""
    both = [row.tokens for row in rows] + [row.target for row in rows]
    vectors_BD = trainee.sentence_vectors(padded(both))
    similar_BB = vectors_BD[: len(rows)] @ vectors_BD[len(rows) :].T / temperature
    own_B = torch.arange(len(rows))
    there = functional.cross_entropy(similar_BB, own_B)
    return (there + functional.cross_entropy(similar_BB.T, own_B)) / 2


def masked_loss(trainee: Trainee, rows: list[Row]) -> Tensor:
    """Return how badly hidden tokens are filled in."""
    ids_BT = padded([row.tokens for row in rows])
    hidden_BT = (torch.rand(ids_BT.shape) < _MASKED_PART) & (ids_BT >= len(SPECIAL))
    states_BTD = trainee.states(ids_BT.masked_fill(hidden_BT, MASKED))
    logits_NV = trainee.masked_lm.lm_head(states_BTD[hidden_BT])
    return _MASKED_WEIGHT * functional.cross_entropy(logits_NV, ids_BT[hidden_BT])
