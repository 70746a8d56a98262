"""A task's English rows as text, for the loop that trains all models."""

from __future__ import annotations

from collections.abc import Sequence

from stiltwalk.config.recipe import TrainSettings
from stiltwalk.errors import DataError
from stiltwalk.kinds.rendering import PromptKind
from stiltwalk.records import Example
from stiltwalk.train.learner import TaskRows, labels_of, looked_at


def rendered_rows(
    kind: PromptKind, train: Sequence[Example], dev: Sequence[Example], settings: TrainSettings
) -> TaskRows:
    """Turn a task's English examples into prompts with their answers.

    Args:
        kind: the task, and how it is answered.
        train: to learn from.
        dev: of which the first `settings.eval_rows` are answered, each part's where a task is put
            together from several.
        settings: with a longest row.

    Raises:
        DataError: if there is nothing to train on, or nothing to choose a checkpoint on.
    """
    task, longest = kind.task, settings.max_length_tokens
    assert longest is not None
    for split, examples in (("train", train), ("dev", dev)):
        if not examples:
            raise DataError(f"{task.name} has no English {split} rows: at least one is needed.")
    labels = labels_of(task, train)
    asked = looked_at(task, dev, settings.eval_rows)
    return TaskRows(
        name=task.name,
        task=task,
        kind=kind,
        labels=labels,
        train=kind.features(train, kind.encoder, labels, longest),
        dev_examples=tuple(asked),
        dev=kind.asked(asked, labels, longest),
    )
