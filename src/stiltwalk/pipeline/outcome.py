"""What evaluating one language came to, and two things that every evaluation needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from stiltwalk.features.rows import Features
from stiltwalk.infer import RowCosts
from stiltwalk.metrics.shares import Share
from stiltwalk.pipeline.context import Context
from stiltwalk.records import Answers, Scores


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """What one language came to."""

    language: str
    answers: Answers
    scores: Scores
    shares: Sequence[Share]
    num_examples: int
    costs: RowCosts


def english_ids(features: Features) -> list[int]:
    """Return every id that occurs in some rows, special tokens included."""
    return [int(token) for token in np.unique(features.ids.values)]


def counter(context: Context, num_rows: int) -> Callable[[int], None]:
    """Return a tick that adds up rows and tells the context."""
    done = 0

    def tick(more: int) -> None:
        nonlocal done
        done += more
        context.progress(done, num_rows)

    return tick
