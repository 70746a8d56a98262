"""What every stage is handed, and what evaluating one language gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, assert_never

import numpy as np

from stiltwalk.data.source import DataSource
from stiltwalk.features.cache import KeptFeatures, kept_features
from stiltwalk.features.rows import Features
from stiltwalk.inference.engine import RowCosts
from stiltwalk.metrics.score import Share
from stiltwalk.records import Answers, Scores
from stiltwalk.stages.stage import (
    Base,
    Checkpoint,
    FineTune,
    Intermediate,
    Predict,
    Pretrain,
    Prompt,
)
from stiltwalk.store.versions import installed
from stiltwalk.store.workspace import Workspace

MODEL = "model"
"""The Hugging Face folder inside a checkpoint stage's folder."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """Locations and the outside world; nothing in here may change a result.

    Args:
        workspace: where stages are kept.
        data: where rows come from.
        base_folder: the base encoder's files, None where the recipe pretrains one.
        num_threads: CPU threads of prediction; like a batch's size, it changes last bits only.
        resume_every_s: how often a training stage keeps where it is.
        trackers: Accelerate's names of where training is shown.
        provenance: kept with every stage: versions, machine.
        progress: told (done, in all) inside a long stage.
    """

    workspace: Workspace
    data: DataSource
    base_folder: Path | None
    num_threads: int
    resume_every_s: float
    trackers: tuple[str, ...]
    provenance: Mapping[str, Any]
    progress: Callable[[int, int], None]

    def model_folder(self, stage: Checkpoint) -> Path:
        """Return a finished checkpoint's Hugging Face folder, its files verified."""
        match stage:
            case Base():
                assert self.base_folder is not None
                return self.base_folder
            case Pretrain() | Intermediate() | FineTune() | Prompt():
                return self.workspace.verified(stage) / MODEL
            case _:
                assert_never(stage)


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


def counter(context: Context, num_rows: int) -> Callable[[int], None]:
    """Return a tick that adds up rows and tells the context."""
    done = 0

    def tick(more: int) -> None:
        nonlocal done
        done += more
        context.progress(done, num_rows)

    return tick
