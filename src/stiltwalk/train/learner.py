"""What the loop trains: one encoder, and a head per task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from stiltwalk.config.recipe import TrainSettings
from stiltwalk.errors import DataError
from stiltwalk.features.rows import Features
from stiltwalk.features.spans import answers_of
from stiltwalk.features.text import TextEncoder
from stiltwalk.infer.engine import Engine
from stiltwalk.infer.predict import outputs
from stiltwalk.kinds import Batch, KindOfTask, Learnable, of_kind
from stiltwalk.kinds.span import SpanKind
from stiltwalk.metrics import checkpoint_score, score
from stiltwalk.metrics.squad import best_no_answer
from stiltwalk.records import Example, Kind, SpanExample, TaggedExample, gold_answers
from stiltwalk.tasks import Task
from stiltwalk.tasks.load import by_part


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainRows:
    """Rows that optimiser steps are made of, and what the log calls them."""

    name: str
    kind: Learnable
    train: Features

    @property
    def fed(self) -> tuple[Features, ...]:
        """All rows that a model is fed."""
        return (self.train,)


@dataclass(frozen=True, kw_only=True, eq=False)
class TaskRows(TrainRows):
    """One task's English rows, ready to train on and to be scored on."""

    kind: KindOfTask
    task: Task
    labels: tuple[str, ...]
    dev_examples: tuple[Example, ...]
    dev: Features

    @property
    def fed(self) -> tuple[Features, ...]:
        """All rows that a model is fed."""
        return (self.train, self.dev)


def task_rows(
    task: Task,
    train: Sequence[Example],
    dev: Sequence[Example],
    encoder: TextEncoder,
    settings: TrainSettings,
) -> TaskRows:
    """Turn a task's English examples into rows.

    Of dev, the first `settings.eval_rows` are kept, for questions that many windows. Of a task
    that is put together from several parts so many of each, spread over the part: the rounds of
    ANLI follow one another.

    Raises:
        DataError: if there is nothing to train on, or nothing to choose a checkpoint on.
    """
    for split, examples in (("train", train), ("dev", dev)):
        if not examples:
            raise DataError(f"{task.name} has no English {split} rows: at least one is needed.")
    assert settings.max_length_tokens is not None
    kind = of_kind(task.kind)
    labels = labels_of(task, train)
    asked = looked_at(task, dev, settings.eval_rows)
    dev_features = kind.features(asked, encoder, labels, settings.max_length_tokens)
    if task.kind is Kind.SPAN and settings.eval_rows is not None:
        dev_features = dev_features.between(0, settings.eval_rows)
        asked = asked[: int(dev_features.example[-1]) + 1]
    return TaskRows(
        name=task.name,
        task=task,
        kind=kind,
        labels=labels,
        train=kind.features(train, encoder, labels, settings.max_length_tokens),
        dev_examples=tuple(asked),
        dev=dev_features,
    )


def looked_at(task: Task, dev: Sequence[Example], most: int | None) -> Sequence[Example]:
    """Return the dev rows that checkpoints are chosen on: the first ones, or some of each part."""
    if not task.parts:
        return dev[:most]
    parts = by_part(task, dev).values()
    return [dev[at] for part in parts for at in _spread(part, most)]


def _spread(positions: list[int], count: int | None) -> list[int]:
    """Return at most `count` positions, evenly spaced."""
    if count is None or count >= len(positions):
        return positions
    return [positions[at * len(positions) // count] for at in range(count)]


def labels_of(task: Task, train: Sequence[Example]) -> tuple[str, ...]:
    """Return a task's labels; CCG's supertags, which it does not declare, from its rows."""
    if task.labels:
        return task.labels
    tags = {tag for e in train if isinstance(e, TaggedExample) for tag in e.tags}
    return tuple(sorted(tags))


class TaskModels(nn.Module):
    """Several heads on one encoder; the encoder's parameters exist once."""

    def __init__(self, models: Sequence[Any], kinds: Sequence[Learnable]) -> None:
        """Hold models whose encoders are the same object."""
        super().__init__()
        self.models = nn.ModuleList(models)
        self._kinds = tuple(kinds)

    def forward(self, task: int, batch: Batch) -> Tensor:
        """Return the logits of one task's head."""
        return self._kinds[task].logits(self.models[task], batch)


def dev_score(rows: TaskRows, engine: Engine) -> float:
    """Return the number by which checkpoints are chosen, on a task's English dev rows.

    The mean over the parts of a task that is put together from several, each with its own dev
    rows; SQuAD 2.0 with the best threshold for "no answer".
    """
    found, _ = outputs(engine, rows.kind, rows.dev, once=False)
    if isinstance(rows.kind, SpanKind) and any(
        isinstance(e, SpanExample) and not e.answers for e in rows.dev_examples
    ):
        return _with_no_answer(rows, found)
    answers = rows.kind.decode(found, rows.dev, rows.dev_examples, rows.labels)
    gold = gold_answers(rows.dev_examples)
    parts = by_part(rows.task, rows.dev_examples)
    if not (isinstance(answers, list) and isinstance(gold, list) and len(parts) > 1):
        return checkpoint_score(score(rows.task.metric, answers, gold, "en"))
    scores = [
        score(rows.task.metric, [answers[at] for at in part], [gold[at] for at in part], "en")
        for part in parts.values()
    ]
    return sum(map(checkpoint_score, scores)) / len(scores)


def _with_no_answer(rows: TaskRows, found: Sequence[NDArray[np.float64]]) -> float:
    """Return (EM + F1) / 2 at the threshold that is best for it."""
    examples = [example for example in rows.dev_examples if isinstance(example, SpanExample)]
    texts, lead = answers_of(found, rows.dev, examples)
    gold = {e.id: [answer.text for answer in e.answers] for e in examples}
    best = best_no_answer(texts, gold, lead)
    return (best.exact_match + best.f1) / 2
