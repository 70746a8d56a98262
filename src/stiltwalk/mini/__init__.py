"""The embedded benchmark: XTREME's tasks in miniature, in 40 languages, offline.

Texts are made of what Unicode CLDR says through Babel: names, dates, quantities, lists. They are
parallel by construction. A demonstration of the whole protocol, never a research result. Rows are
drawn and written on demand; nothing else needs Babel.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.metadata import version
from random import Random
from typing import Any

from stiltwalk.errors import DataError
from stiltwalk.languages import tydiqa_prefix
from stiltwalk.mini import lines, pairs, questions
from stiltwalk.mini.fields import say
from stiltwalk.records import Bitext, Example, PoolDocument, RankingExample, Split

VERSION = 1
"""Raised by hand whenever a row changes."""

ROWS: Mapping[Split, int] = {Split.TRAIN: 4000, Split.DEV: 200, Split.TEST: 500}
"""Rows per language of every task with examples; training rows are English."""

NUM_LINES = 4000
"""Unlabelled lines per language."""

LANGUAGES = tuple(
    "af ar bg bn de el en es et eu fa fi fr he hi hu id it ja jv "
    "ka kk ko ml mr ms my nl pt ru sw ta te th tl tr ur vi yo zh".split()
)
"""All forty languages of XTREME; of a task those that it has."""

DOCUMENT_TOKENS = 34.0
"""Of a document that a ranking task finds, about; those of mewslix are shorter."""

_BUCKETS = 10
_BUCKETS_OF = {Split.TRAIN: range(7), Split.DEV: range(7, 8), Split.TEST: range(8, 10)}
_EVALUATED = (Split.DEV, Split.TEST)


@dataclass(frozen=True, kw_only=True)
class MiniTask:
    """How a task's items are drawn, and written in a language.

    `draw` takes the source of chance, the item's index, which decides its label, and whether it
    is for training. `write` takes an id, a language and an item; the items of two tasks have
    different types, so theirs is left open here. `mean_tokens` of a row are with the shipped
    vocabulary, special ones and every choice included, as a mean over the task's languages.
    `pool` yields what an item adds to the documents that are ranked, of which so many are there.
    """

    draw: Callable[[Random, int, bool], Any]
    write: Callable[[str, str, Any], Example]
    mean_tokens: float
    splits: tuple[Split, ...] = tuple(Split)
    pool: Callable[[str, int, Any], Iterator[PoolDocument]] | None = None
    documents_per_row: int = 0


@dataclass(frozen=True, kw_only=True)
class MiniBitext:
    """How many lines a task of two sides draws, and how they become sides; tokens of a sentence."""

    num_lines: int
    sides: Callable[[Random, str, tuple[lines.Line, ...]], Bitext]
    mean_tokens: float
    splits: tuple[Split, ...]


def _by_index(draw: Callable[[Random, int], Any]) -> Callable[[Random, int, bool], Any]:
    return lambda random, index, _training: draw(random, index)


def _pair(
    draw: Callable[[Random, int], pairs.PairItem],
    mean_tokens: float,
    splits: tuple[Split, ...] = tuple(Split),
) -> MiniTask:
    return MiniTask(
        draw=_by_index(draw), write=pairs.pair_example, mean_tokens=mean_tokens, splits=splits
    )


def _choice(
    draw: Callable[[Random, int, bool], questions.ChoiceItem],
    mean_tokens: float,
    splits: tuple[Split, ...] = tuple(Split),
) -> MiniTask:
    return MiniTask(
        draw=draw, write=questions.choice_example, mean_tokens=mean_tokens, splits=splits
    )


_ONE_OF_TWO = partial(questions.story, num_choices=2)
_ONE_OF_FOUR = partial(questions.bare_question, num_choices=4)


def _question(
    shape: questions.QuestionShape, mean_tokens: float, splits: tuple[Split, ...] = tuple(Split)
) -> MiniTask:
    return MiniTask(
        draw=_by_index(partial(questions.question, shape=shape)),
        write=questions.span_example,
        mean_tokens=mean_tokens,
        splits=splits,
    )


def _tagging(tag: Callable[[lines.TaggedWord], str], mean_tokens: float) -> MiniTask:
    return MiniTask(
        draw=_by_index(lines.a_tagged_sentence),
        write=partial(lines.tagged_example, tag=tag),
        mean_tokens=mean_tokens,
    )


def _sentences_in_every_language(name: str, _row: int, item: Any) -> Iterator[PoolDocument]:  # noqa: ANN401 - as `draw` makes it
    for language in questions.POOL_LANGUAGES:
        yield from questions.sentences(name, language, item)


def _entity_in_one_language(name: str, row: int, item: Any) -> Iterator[PoolDocument]:  # noqa: ANN401 - as above
    yield questions.entity(name, LANGUAGES[row % len(LANGUAGES)], item)


def _mentions(splits: tuple[Split, ...]) -> MiniTask:
    return MiniTask(
        draw=_by_index(partial(questions.question, shape=questions.ENTITY)),
        write=questions.mention_example,
        mean_tokens=13.5,
        splits=splits,
        pool=_entity_in_one_language,
        documents_per_row=1,
    )


TASKS: Mapping[str, MiniTask | MiniBitext] = {
    "mnli": _pair(pairs.inference, 11.4),
    "anli_plus": _pair(pairs.hard_inference, 17.2),
    "qqp": _pair(pairs.same_question, 18.6),
    "squad_v1": _question(questions.SQUAD, 31.4),
    "squad_v2": _question(questions.SQUAD_2, 31.4),
    "hellaswag": _choice(questions.story, 62.7),
    "ccg": _tagging(lines.pattern_tag, 13.8),
    "cosmos_qa": _choice(questions.passage_question, 87.0),
    "commonsense_qa": _choice(questions.bare_question, 60.3),
    "xnli": _pair(pairs.inference, 12.0, _EVALUATED),
    "pawsx": _pair(pairs.paraphrase, 22.8),
    "udpos": _tagging(lines.part_of_speech, 14.2),
    "panx": _tagging(lines.entity, 14.5),
    "xquad": _question(questions.SQUAD, 32.3, _EVALUATED),
    "mlqa": _question(questions.MLQA, 39.1, _EVALUATED),
    "tydiqa": _question(questions.TYDIQA, 30.0),
    "bucc2018": MiniBitext(
        num_lines=900, sides=lines.with_distractors, mean_tokens=9.8, splits=_EVALUATED
    ),
    "tatoeba": MiniBitext(
        num_lines=500, sides=lines.aligned, mean_tokens=9.9, splits=(Split.TEST,)
    ),
    "lareqa": MiniTask(
        draw=_by_index(partial(questions.question, shape=questions.SQUAD)),
        write=questions.ranking_example,
        mean_tokens=9.4,
        pool=_sentences_in_every_language,
        documents_per_row=3 * len(questions.POOL_LANGUAGES),
    ),
    "mewslix": _mentions(tuple(Split)),
    "mewslix_dev": _mentions(_EVALUATED),
    "mewslix_sample": _mentions(_EVALUATED),
    "sib200": MiniTask(
        draw=_by_index(lines.topic_line), write=lines.topic_example, mean_tokens=11.0
    ),
    "siqa": _choice(partial(questions.story, num_choices=3), 47.0),
    "copa": _choice(_ONE_OF_TWO, 31.0),
    "xcopa": _choice(_ONE_OF_TWO, 31.0, _EVALUATED),
    "xcopa_siqa": _choice(_ONE_OF_TWO, 31.0, _EVALUATED),
    "afrixnli": _pair(pairs.hard_inference, 17.2, _EVALUATED),
    "massive": MiniTask(
        draw=_by_index(lines.topic_line), write=lines.intent_example, mean_tokens=11.0
    ),
    "belebele": _choice(questions.passage_question, 87.0, _EVALUATED),
    "xstory_cloze": _choice(_ONE_OF_TWO, 31.0),
    "global_mmlu_lite": _choice(_ONE_OF_FOUR, 48.0, _EVALUATED),
    "include": _choice(_ONE_OF_FOUR, 48.0, _EVALUATED),
}
"""Every shipped task but AmericasNLI, none of whose languages CLDR has."""


@cache
def revision() -> str:
    """Return what decides the rows: the benchmark's own version and Babel's."""
    return f"mini:{VERSION}:babel{version('babel')}"


@cache
def examples(task: str, split: Split, language: str) -> tuple[Example, ...]:
    """Return the rows of a task; row i says the same in every language.

    Args:
        task: any but the two of retrieval.
        split: training rows are there in English only.
        language: XTREME's two-letter code.

    Raises:
        DataError: if the embedded benchmark has no such rows.
    """
    check_language(language, ("en",) if split is Split.TRAIN else LANGUAGES)
    prefix = tydiqa_prefix(language) if task == "tydiqa" else f"{task}-"
    return tuple(_as_asked(split, each) for each in _written(task, split, language, prefix))


def _as_asked(split: Split, example: Example) -> Example:
    """Let a pool be searched in test rows, and let a document of their own come with others."""
    if not isinstance(example, RankingExample):
        return example
    if split is Split.TEST:
        return replace(example, documents=())
    return replace(example, right=tuple([each.id for each in example.documents]))


def documents(task: str, max_rows: int | None) -> Iterator[PoolDocument]:
    """Yield the pool of a ranking task, in all of its languages; of the first rows alone."""
    found = _task(task, Split.TEST)
    assert isinstance(found, MiniTask)
    assert found.pool is not None
    for row, item in enumerate(_items(task, Split.TEST)[:max_rows]):
        yield from found.pool(f"{task}-{row}", row, item)


def num_documents(task: str) -> int:
    """Return how many documents the pool of a ranking task has."""
    found = _task(task, Split.TEST)
    return found.documents_per_row * ROWS[Split.TEST] if isinstance(found, MiniTask) else 0


@cache
def translated(task: str, language: str) -> tuple[Example, ...]:
    """Return an English task's training rows in another language; row i says the same in all.

    Raises:
        DataError: if the embedded benchmark has no such task or language.
    """
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
    found = _task(task, split)
    if isinstance(found, MiniTask):
        raise DataError(f"{task} has one side only: ask for its examples.")
    check_language(language)
    drawn = lines.some_lines(_random(task, split), found.num_lines)
    return found.sides(_random(task, split), language, drawn)


def check_language(language: str, known: tuple[str, ...] = LANGUAGES) -> None:
    """Refuse a language that the embedded benchmark does not speak.

    Raises:
        DataError: with those that there are.
    """
    if language not in known:
        raise DataError(
            f"The embedded benchmark has no language {language!r} here, only {', '.join(known)}. "
            "Ask for one of these."
        )


def _task(task: str, split: Split) -> MiniTask | MiniBitext:
    if task not in TASKS:
        raise DataError(
            f"The embedded benchmark has no task {task!r}. It has {', '.join(TASKS)}: "
            "choose one of these, or another data source."
        )
    if split not in TASKS[task].splits:
        raise DataError(
            f"{task} of the embedded benchmark has no {split} split, only "
            f"{', '.join(TASKS[task].splits)}. Ask for one of these."
        )
    return TASKS[task]


def _written(task: str, split: Split, language: str, prefix: str) -> tuple[Example, ...]:
    found = _task(task, split)
    if isinstance(found, MiniBitext):
        raise DataError(f"{task} holds two sides to be matched, no examples: ask for its bitext.")
    return tuple(
        found.write(f"{prefix}{row}", language, item)
        for row, item in enumerate(_items(task, split))
    )


@cache
def _items(task: str, split: Split) -> tuple[object, ...]:
    """Return a split's different items.

    An item's checksum decides which split it may be in, so tasks drawn alike (mnli and xnli)
    share no item across splits either.
    """
    declared, random = TASKS[task], _random(task, split)
    assert isinstance(declared, MiniTask)
    found: dict[object, None] = {}
    while len(found) < ROWS[split]:
        item = declared.draw(random, len(found), split is Split.TRAIN)
        if zlib.crc32(repr(item).encode()) % _BUCKETS in _BUCKETS_OF[split]:
            found[item] = None
    return tuple(found)


def _random(task: str, split: Split) -> Random:
    return Random(f"{VERSION}:{task}:{split}")  # noqa: S311 - drawn rows, not secrets
