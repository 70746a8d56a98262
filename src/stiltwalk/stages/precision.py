"""The number format of predictions: as asked, or as "auto" decides, and kept beside the answers.

`precision = "auto"` is bf16 for a model whose English dev score it leaves as it is, else fp32.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stiltwalk.features.text import TextEncoder
from stiltwalk.heads.head import Batch
from stiltwalk.inference.engine import Engine
from stiltwalk.models.checkpoint import Model
from stiltwalk.models.device import has_bf16, pick_device
from stiltwalk.recipe.schema import Precision
from stiltwalk.records import Split, TaskType
from stiltwalk.stages.context import Context
from stiltwalk.stages.predict import Predict
from stiltwalk.stages.train import Train
from stiltwalk.store.workspace import Folder
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import examples
from stiltwalk.training.data import TaskRows, dev_score, task_rows

CHOICE = "precision.json"
_LOG = logging.getLogger(__name__)


def asked_format(stage: Predict) -> Precision:
    """Return the format that an evaluation computes in where "auto" does not decide otherwise.

    Sentence vectors and decoders know fp32 and bf16 alone.
    """
    is_narrow = stage.asking is not None or TASKS[stage.rows.task].task_type is TaskType.RETRIEVAL
    if stage.precision == "auto" or (is_narrow and stage.precision == "fp16"):
        return "fp32"
    return stage.precision


def keep_format(stage: Predict, folder: Folder) -> None:
    """Keep the format that an evaluation computed in; what "auto" decided is kept already."""
    file = folder.path / CHOICE
    if file.is_file():
        return
    facts: dict[str, str] = {"precision": asked_format(stage)}
    if facts["precision"] == "bf16" and stage.backend is None and not has_bf16(pick_device()):
        facts = {"precision": "fp32", "because": "the device has no bf16 arithmetic"}
    file.write_text(json.dumps(facts, indent=1), encoding="utf-8")


def checked(
    stage: Predict, context: Context, folder: Folder, engine: Engine, encoder: TextEncoder
) -> Engine:
    """Return the engine in the format that the dev rows decide; keep what they showed.

    Args:
        stage: asks for "auto".
        context: where the dev rows are.
        folder: gets `precision.json`: both scores and the largest difference of a logit.
        engine: holds the model, in fp32.
        encoder: its tokenizer.
    """
    if not has_bf16(pick_device()):
        keep_choice(folder, {"precision": "fp32", "because": "the device has no bf16 arithmetic"})
        return engine
    rows = _dev_rows(stage, context, encoder, tuple(engine.model.config.id2label.values()))
    both = (engine, replace(engine, precision="bf16"))
    scores = [dev_score(rows, each) for each in both]
    logits = [np.concatenate(_logits(rows, each)) for each in both]
    chosen: Precision = "bf16" if scores[0] == scores[1] else "fp32"
    facts = {
        "precision": chosen,
        "dev_score_fp32": scores[0],
        "dev_score_bf16": scores[1],
        "num_examples": len(rows.dev_examples),
        "largest_difference": float(np.abs(logits[0] - logits[1]).max()),
    }
    keep_choice(folder, facts)
    return replace(engine, precision=chosen)


def _dev_rows(
    stage: Predict, context: Context, encoder: TextEncoder, labels: Sequence[str]
) -> TaskRows:
    """Return the English rows on which the model's checkpoint was chosen."""
    assert isinstance(stage.parent, Train)
    (learned,), settings = stage.parent.rows, stage.parent.settings
    task = TASKS[learned.task].chosen_on(learned.dev)
    dev = examples(task, context.data, Split.DEV, "en")
    longest = settings.max_length_tokens or task.max_length_tokens
    rows = task_rows(task, dev[:1], dev, encoder, replace(settings, max_length_tokens=longest))
    return replace(rows, labels=tuple(labels))


def _logits(rows: TaskRows, engine: Engine) -> list[NDArray[np.float32]]:
    """Return the logits of every row on its real tokens, flat."""

    def forward(model: Model, batch: Batch, _: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        logits = rows.head.logits(model, batch).float().cpu().numpy()
        if logits.ndim == 2:  # noqa: PLR2004 - one per class
            return list(logits)
        lengths = batch.attention_mask_RT.sum(dim=1).tolist()
        return [row[:length].ravel() for row, length in zip(logits, lengths, strict=True)]

    return engine.map_rows(rows.dev, forward)[0]


def keep_choice(folder: Folder, facts: dict[str, Any]) -> None:
    """Write what was found beside the answers, and say it."""
    (folder.path / CHOICE).write_text(json.dumps(facts, indent=1), encoding="utf-8")
    _LOG.warning("precision = auto: %s", ", ".join(f"{key} {facts[key]}" for key in facts))
