"""Examples → answers, for tasks with a head or a prompt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stiltwalk.features.rows import Features
from stiltwalk.infer.backend import answered
from stiltwalk.infer.engine import Engine, RowCosts
from stiltwalk.infer.prompted import Transformers
from stiltwalk.kinds import Batch, KindOfTask
from stiltwalk.kinds.rendering import PromptKind
from stiltwalk.models.checkpoint import Model
from stiltwalk.records import Answers


def forward(
    kind: KindOfTask, features: Features
) -> Callable[[Model, Batch, NDArray[np.int64]], list[NDArray[Any]]]:
    """Return what `Engine.map_rows` applies to every batch."""
    return lambda model, batch, rows: kind.outputs(model, batch, features, rows)


def outputs(
    engine: Engine, kind: KindOfTask, features: Features, *, once: bool = True
) -> tuple[list[NDArray[Any]], RowCosts]:
    """Return what decoding needs of every row, or example, and what each took.

    Args:
        engine: holds the model.
        kind: the shape of the task.
        features: the rows.
        once: run equal rows once.
    """
    if isinstance(kind, PromptKind):
        return answered(Transformers(engine=engine, once=once), kind, features)
    first_equal = features.first_equal() if once else None
    return engine.map_rows(features, forward(kind, features), first_equal=first_equal)


def predict(
    engine: Engine,
    kind: KindOfTask,
    features: Features,
    examples: Sequence[Any],
    labels: Sequence[str],
) -> tuple[Answers, RowCosts]:
    """Answer examples.

    Args:
        engine: holds the model.
        kind: the shape of the task.
        features: the examples' rows, as `kind.features` made them.
        examples: in their own order.
        labels: names of the model's classes.

    Returns:
        Answers in the order of the examples, and what each row took.
    """
    found, costs = outputs(engine, kind, features)
    return kind.decode(found, features, examples, labels), costs
