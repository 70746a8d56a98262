"""What the loop trains on: rows of tasks and auxiliary data, and their parts of the steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from stiltwalk.data.by_language import ByLanguage, num_texts, texts
from stiltwalk.errors import DataError
from stiltwalk.features.rows import Features
from stiltwalk.features.sentences import line_features
from stiltwalk.features.spans import answers_of
from stiltwalk.features.text import TextEncoder
from stiltwalk.heads import head_of
from stiltwalk.heads.decoder import DecoderHead
from stiltwalk.heads.head import Batch, Head, Learnable
from stiltwalk.heads.masked_lm import MaskedLMHead
from stiltwalk.heads.span import SpanHead
from stiltwalk.inference.engine import Engine
from stiltwalk.inference.predictor import outputs
from stiltwalk.metrics.qa import best_no_answer
from stiltwalk.metrics.score import checkpoint_score, score
from stiltwalk.recipe.schema import Mixing, TrainSettings
from stiltwalk.recipe.types import MaskedText
from stiltwalk.records import Example, SpanExample, TaggedExample, TaskType, gold_answers
from stiltwalk.tasks.load import by_part
from stiltwalk.tasks.task import Task


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainRows:
    """Rows that optimiser steps are made of, and what the log calls them."""

    name: str
    head: Learnable
    train: Features

    @property
    def fed(self) -> tuple[Features, ...]:
        """All rows that a model is fed."""
        return (self.train,)


@dataclass(frozen=True, kw_only=True, eq=False)
class TaskRows(TrainRows):
    """One task's English rows, ready to train on and to be scored on."""

    head: Head
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
    decoder: DecoderHead | None = None,
) -> TaskRows:
    """Turn a task's English examples into rows.

    Of dev, the first `settings.eval_rows` are kept, for questions that many windows. Of a task
    that is put together from several parts so many of each, spread over the part: the rounds of
    ANLI follow one another. The head is the task type's, or the `decoder` that is asked in text.

    Raises:
        DataError: if there is nothing to train on, or nothing to choose a checkpoint on.
    """
    if empty := [split for split, rows in (("train", train), ("dev", dev)) if not rows]:
        raise DataError(f"{task.name} has no English {empty[0]} rows: at least one is needed.")
    longest = settings.max_length_tokens
    assert longest is not None
    head: Head = decoder or head_of(task.task_type)
    labels = labels_of(task, train)
    asked = evaluated_on(task, dev, settings.eval_rows)
    if decoder:
        dev_features = decoder.asked(asked, labels, longest)
    else:
        dev_features = head.features(asked, encoder, labels, longest)
        if task.task_type is TaskType.SPAN and settings.eval_rows is not None:
            dev_features = dev_features.between(0, settings.eval_rows)
            asked = asked[: int(dev_features.example[-1]) + 1]
    return TaskRows(
        name=task.name,
        task=task,
        head=head,
        labels=labels,
        train=head.features(train, encoder, labels, longest),
        dev_examples=tuple(asked),
        dev=dev_features,
    )


def evaluated_on(task: Task, dev: Sequence[Example], most: int | None) -> Sequence[Example]:
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

    def __init__(self, models: Sequence[Any], heads: Sequence[Learnable]) -> None:
        """Hold models whose encoders are the same object."""
        super().__init__()
        self.models = nn.ModuleList(models)
        self._heads = tuple(heads)

    def forward(self, task: int, batch: Batch) -> Tensor:
        """Return the logits of one task's head."""
        return self._heads[task].logits(self.models[task], batch)


def dev_score(rows: TaskRows, engine: Engine) -> float:
    """Return the number by which checkpoints are chosen, on a task's English dev rows.

    The mean over the parts of a task that is put together from several, each with its own dev
    rows; SQuAD 2.0 with the best threshold for "no answer".
    """
    found, _ = outputs(engine, rows.head, rows.dev, once=False)
    if isinstance(rows.head, SpanHead) and any(
        isinstance(e, SpanExample) and not e.answers for e in rows.dev_examples
    ):
        return _with_no_answer(rows, found)
    answers = rows.head.decode(found, rows.dev, rows.dev_examples, rows.labels)
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


def shares(num_units: Sequence[int], mixing: Mixing) -> NDArray[np.float64]:
    """Return each task's share of the steps; they add up to 1, shape (tasks,).

    Args:
        num_units: examples of every task, of questions the windows.
        mixing: proportional to min(n, cap)^(1 / temperature), or uniform.

    Source:
        Phang et al. (2020), as in jiant's samplers.
    """
    counts = np.array(num_units, dtype=np.float64)
    if mixing.sampling == "uniform":
        return np.full(len(counts), 1 / len(counts))
    weights = np.minimum(counts, mixing.cap or np.inf) ** (1 / mixing.temperature)
    per_task: NDArray[np.float64] = weights / weights.sum()
    return per_task


def steps_per_task(
    num_units: Sequence[int], effective_batch_size: int, mixing: Mixing
) -> list[int]:
    """Return how many steps each task gets in one epoch, shares kept to the nearest step.

    An epoch has as many steps as it takes to see every example once, at most `cap` of a task. In
    plain proportional mixing every example is seen exactly once.
    """
    seen = [min(count, mixing.cap or count) for count in num_units]
    once = [-(-count // effective_batch_size) for count in seen]
    if mixing == Mixing(cap=mixing.cap):
        return once
    return _rounded(shares(num_units, mixing), sum(once))


def english_and_translated(num_steps: int, weight: float, num_languages: int) -> list[int]:
    """Cut a task's steps into those of its English rows and of each language.

    Args:
        num_steps: the task's, in one epoch.
        weight: share of them that translations get.
        num_languages: which get the same, to the nearest step.
    """
    translated = _rounded(np.array([1 - weight, weight]), num_steps)[1]
    each = _rounded(np.full(num_languages, 1 / num_languages), translated)
    return [num_steps - translated, *each]


def steps_of_text(num_task_steps: int, weight: float) -> int:
    """Return how many steps text gets alongside those of the tasks, at least one."""
    return max(1, round(num_task_steps * weight / (1 - weight)))


def texts_per_language(sizes: Sequence[int], exponent: float, total: int) -> list[int]:
    """Return how many of `total` texts each language gives: in proportion to size^exponent.

    Source:
        Conneau & Lample (2019): sentences per language, exponent below 1 to lift small ones.
    """
    weights = np.array(sizes, dtype=np.float64) ** exponent
    return _rounded(weights / weights.sum(), total)


def _rounded(parts: NDArray[np.float64], total: int) -> list[int]:
    """Return whole numbers that add up to `total`, nearest to these shares of it."""
    wanted = parts * total
    counts = np.floor(wanted + 1e-9).astype(int)
    first = np.argsort(counts - wanted, kind="stable")
    counts[first[: total - counts.sum()]] += 1
    return [int(count) for count in counts]


def translated_rows(
    english: TaskRows,
    examples: Sequence[Example],
    language: str,
    encoder: TextEncoder,
    max_length_tokens: int,
) -> TrainRows:
    """Return a task's rows in another language, for the head of its English rows.

    Raises:
        DataError: if there are none.
    """
    name = f"{english.name} in {language}"
    if not examples:
        raise DataError(f"{name}: there are no translated rows; leave the language out.")
    train = english.head.features(examples, encoder, english.labels, max_length_tokens)
    return TrainRows(name=name, head=english.head, train=train)


def text_rows(
    where: ByLanguage,
    languages: Sequence[str],
    settings: MaskedText,
    encoder: TextEncoder,
    num_lines: int,
) -> TrainRows:
    """Return lines of text, as many of each language as its share says.

    The first lines of each language are taken; where it has too few they are repeated.

    Args:
        where: the text.
        languages: those to be read.
        settings: shares, lengths, masking; where the text is may be left out of it.
        encoder: the checkpoint's tokenizer.
        num_lines: of all languages together.

    Raises:
        DataError: if a language has no text.
    """
    sizes = [num_texts(where, language) for language in languages]
    counts = texts_per_language(sizes, settings.exponent, num_lines)
    lines = [
        line
        for language, count in zip(languages, counts, strict=True)
        for line in _lines(where, language, count)
    ]
    head = MaskedLMHead(encoder, settings.mask_share)
    features = line_features(lines, encoder, settings.max_length_tokens)
    return TrainRows(name="mlm", head=head, train=head.labelled(features))


def _lines(where: ByLanguage, language: str, count: int) -> Iterator[str]:
    found = list(islice(texts(where, language), count))
    if count and not found:
        raise DataError(f"{where.place} holds no text in '{language}': leave the language out.")
    return islice(cycle(found), count)
