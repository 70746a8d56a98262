"""Rows of the embedded benchmark, drawn and written on demand: the only door that needs Babel."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from random import Random
from typing import Any

from stiltwalk.errors import DataError
from stiltwalk.languages import tydiqa_prefix
from stiltwalk.mini import lines, pairs, questions
from stiltwalk.mini.catalogue import BITEXTS, NUM_LINES, ROWS, VERSION, check, check_language
from stiltwalk.mini.rendering import say
from stiltwalk.records import Bitext, Example, Split

_BUCKETS = 10
_BUCKETS_OF = {Split.TRAIN: range(7), Split.DEV: range(7, 8), Split.TEST: range(8, 10)}
_BITEXT_LINES = {"bucc2018": 900, "tatoeba": 500}


@dataclass(frozen=True)
class _Maker:
    """How a task's items are drawn, and written in a language.

    `draw` takes the source of chance, the item's index, which decides its label, and whether it
    is for training. `write` takes an id, a language and an item; the items of two makers have
    different types, so theirs is left open here.
    """

    draw: Callable[[Random, int, bool], Any]
    write: Callable[[str, str, Any], Example]


def _pair(draw: Callable[[Random, int], pairs.PairItem]) -> _Maker:
    return _Maker(lambda random, index, _: draw(random, index), pairs.pair_example)


def _topic(draw: Callable[[Random, int], lines.TopicItem]) -> _Maker:
    return _Maker(lambda random, index, _: draw(random, index), lines.topic_example)


def _choice(draw: Callable[[Random, int, bool], questions.ChoiceItem]) -> _Maker:
    return _Maker(draw, questions.choice_example)


def _question(shape: questions.QuestionShape) -> _Maker:
    return _Maker(
        lambda random, index, _: questions.question(random, index, shape), questions.span_example
    )


def _tagging(tag: Callable[[lines.TaggedWord], str]) -> _Maker:
    return _Maker(
        lambda random, index, _: lines.a_tagged_sentence(random, index),
        partial(lines.tagged_example, tag=tag),
    )


_MAKERS: Mapping[str, _Maker] = {
    "mnli": _pair(pairs.inference),
    "anli_plus": _pair(pairs.hard_inference),
    "qqp": _pair(pairs.same_question),
    "squad_v1": _question(questions.SQUAD),
    "squad_v2": _question(questions.SQUAD_2),
    "hellaswag": _choice(questions.story),
    "ccg": _tagging(lines.pattern_tag),
    "cosmos_qa": _choice(questions.passage_question),
    "commonsense_qa": _choice(questions.bare_question),
    "xnli": _pair(pairs.inference),
    "pawsx": _pair(pairs.paraphrase),
    "udpos": _tagging(lines.part_of_speech),
    "panx": _tagging(lines.entity),
    "xquad": _question(questions.SQUAD),
    "mlqa": _question(questions.MLQA),
    "tydiqa": _question(questions.TYDIQA),
    "sib200": _topic(lines.topic_line),
}


@cache
def examples(task: str, split: Split, language: str) -> tuple[Example, ...]:
    """Return the rows of a task; row i says the same in every language.

    Args:
        task: any but the two of retrieval.
        split: TRAIN is in English only.
        language: XTREME's two-letter code.

    Raises:
        DataError: if the embedded benchmark has no such rows.
    """
    check(task, split, language)
    if task in BITEXTS:
        raise DataError(f"{task} holds two sides to be matched, no examples: ask for its bitext.")
    prefix = tydiqa_prefix(language) if task == "tydiqa" else f"{task}-"
    return _written(task, split, language, prefix)


@cache
def translated(task: str, language: str) -> tuple[Example, ...]:
    """Return an English task's training rows in another language; row i says the same in all.

    Raises:
        DataError: if the embedded benchmark has no such task or language.
    """
    check(task, Split.TRAIN, "en")
    check_language(language)
    return _written(task, Split.TRAIN, language, f"{task}-")


def text_lines(language: str) -> Iterator[str]:
    """Yield unlabelled lines, the same in every language.

    Raises:
        DataError: if the embedded benchmark has no such language.
    """
    check_language(language)
    drawn = lines.some_lines(_random("text", Split.TRAIN), NUM_LINES)
    return (say(language, *line) for line in drawn)


@cache
def bitext(task: str, split: Split, language: str) -> Bitext:
    """Return the two sides of tatoeba or bucc2018 in one foreign language.

    Raises:
        DataError: if the embedded benchmark has no such sides.
    """
    check(task, split, language)
    if task not in BITEXTS:
        raise DataError(f"{task} has one side only: ask for its examples.")
    drawn = lines.some_lines(_random(task, split), _BITEXT_LINES[task])
    if task == "tatoeba":
        return lines.aligned(language, drawn)
    return lines.with_distractors(_random(task, split), language, drawn)


def _written(task: str, split: Split, language: str, prefix: str) -> tuple[Example, ...]:
    write = _MAKERS[task].write
    return tuple(
        write(f"{prefix}{row}", language, item) for row, item in enumerate(_items(task, split))
    )


@cache
def _items(task: str, split: Split) -> tuple[object, ...]:
    """Return a split's different items.

    An item's checksum decides which split it may be in, so tasks drawn alike (mnli and xnli)
    share no item across splits either.
    """
    draw, random = _MAKERS[task].draw, _random(task, split)
    found: dict[object, None] = {}
    while len(found) < ROWS[split]:
        item = draw(random, len(found), split is Split.TRAIN)
        if zlib.crc32(repr(item).encode()) % _BUCKETS in _BUCKETS_OF[split]:
            found[item] = None
    return tuple(found)


def _random(task: str, split: Split) -> Random:
    return Random(f"{VERSION}:{task}:{split}")  # noqa: S311 - drawn rows, not secrets
