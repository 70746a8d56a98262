"""Examples of every kind, few and small, and what a kind's test starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stiltwalk.features.rows import Features
from stiltwalk.features.text import load_text_encoder
from stiltwalk.heads import head_of
from stiltwalk.heads.head import Head
from stiltwalk.inference.engine import Engine, RowCosts
from stiltwalk.inference.predictor import outputs
from stiltwalk.models import checkpoint
from stiltwalk.records import (
    Answer,
    Answers,
    ChoiceExample,
    PairExample,
    SpanExample,
    TaggedExample,
    TaskType,
    TextExample,
)

WITH_HEAD = (TaskType.TEXT, TaskType.PAIR, TaskType.CHOICE, TaskType.TAGGING, TaskType.SPAN)
LABELS = {
    TaskType.TEXT: ("travel", "health"),
    TaskType.PAIR: ("entailment", "neutral", "contradiction"),
    TaskType.CHOICE: (),
    TaskType.TAGGING: ("NOUN", "NUM", "PUNCT"),
    TaskType.SPAN: (),
}
_PLACES = "Paris Tokyo Nairobi Россия 韩国 Германия".split()
MAX_TOKENS = 96


def examples(kind: TaskType, count: int = 12) -> list[Any]:
    """Return so many examples of unequal length."""
    return [_example(kind, number) for number in range(count)]


def _example(kind: TaskType, number: int) -> object:
    place, other = _PLACES[number % 6], _PLACES[(number + 1 + number // 6) % 6]
    filler = " ".join(["hours", "12", "kilometers"][: number % 4] * (1 + number % 3))
    match kind:
        case TaskType.TEXT:
            return TextExample(f"x-{number}", f"{place} {filler}", LABELS[kind][number % 2])
        case TaskType.PAIR:
            label = LABELS[kind][number % 3]
            return PairExample(f"p-{number}", f"{place} {filler}", f"{other} {number}", label)
        case TaskType.CHOICE:
            choices = (place, other, f"{filler} Kenya")
            return ChoiceExample(f"c-{number}", f"{filler} {place}:", choices, str(number % 3))
        case TaskType.TAGGING:
            words = (place, "12", *filler.split(), ";")
            tags = tuple("PUNCT" if w == ";" else "NUM" if w == "12" else "NOUN" for w in words)
            return TaggedExample(f"t-{number}", words, tags)
        case TaskType.SPAN:
            context = f"{other}: 7 hours {filler}; {place}: {number} litres"
            return SpanExample(
                f"s-{number}",
                f"{place}: litres?",
                context,
                (Answer(str(number), context.index(f" {number} litres") + 1),),
            )
        case TaskType.RETRIEVAL:
            raise AssertionError("retrieval has no examples")


@dataclass(frozen=True, kw_only=True, eq=False)
class Set:
    """A kind's examples as rows, and a model with a fresh head for them."""

    kind: Head
    examples: Sequence[Any]
    labels: tuple[str, ...]
    features: Features
    model: Any
    pad_id: int
    folder: Path


def small_set(kind: TaskType, folder: Path, count: int = 12) -> Set:
    """Return examples of a kind ready for the encoder in a folder."""
    encoder, of = load_text_encoder(folder), head_of(kind)
    rows = examples(kind, count)
    model = checkpoint.with_head(
        checkpoint.load(TaskType.RETRIEVAL, folder), kind, LABELS[kind], seed=1
    )
    return Set(
        kind=of,
        examples=rows,
        labels=LABELS[kind],
        features=of.features(rows, encoder, LABELS[kind], MAX_TOKENS),
        model=model,
        pad_id=encoder.pad_id,
        folder=folder,
    )


def predict(
    engine: Engine,
    head: Head,
    features: Features,
    examples: Sequence[Any],
    labels: Sequence[str],
) -> tuple[Answers, RowCosts]:
    """Return the answers to examples whose rows these are, and what each row took."""
    found, costs = outputs(engine, head, features)
    return head.decode(found, features, examples, labels), costs
