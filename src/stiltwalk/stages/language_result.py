"""What evaluating one language gives, and the features of all that an evaluation asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from stiltwalk.features.cache import KeptFeatures, kept_features
from stiltwalk.features.rows import Features
from stiltwalk.inference.engine import RowCosts
from stiltwalk.metrics.score import Share
from stiltwalk.records import Answers, Scores
from stiltwalk.stages.context import Context
from stiltwalk.stages.predict import Predict
from stiltwalk.store.machine import installed


@dataclass(frozen=True, kw_only=True, eq=False)
class LanguageResult:
    """What one language came to."""

    language: str
    answers: Answers
    scores: Scores
    shares: Sequence[Share]
    num_examples: int
    costs: RowCosts


def asked_features(
    stage: Predict, context: Context, source: Path, make: Callable[[], Sequence[Features]]
) -> KeptFeatures:
    """Return the features of a task's test rows, made once for all models with one tokenizer.

    Another version of what makes them makes them again: the evaluation records that version.

    Args:
        stage: decides which rows they are.
        context: where the workspace is.
        source: the model's folder.
        make: returns them in parts.
    """
    tokenizer = sha256((source / "tokenizer.json").read_bytes()).hexdigest()
    key = {
        "tokenizer": tokenizer,
        "made_with": installed("stiltwalk", "tokenizers", "transformers"),
        "task": stage.rows.task,
        "revision": stage.rows.revision,
        "languages": stage.languages,
        "max_rows": stage.max_rows,
        "max_length_tokens": stage.max_length_tokens,
    }
    return kept_features(context.workspace.root / "features", key, make)


def english_ids(features: Features) -> list[int]:
    """Return every id that occurs in some rows, special tokens included."""
    return [int(token) for token in np.unique(features.ids.values)]
