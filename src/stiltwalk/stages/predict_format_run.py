"""In which number format, and through which engine, a checkpoint is evaluated.

Either is chosen, or judged, by English dev rows: the test rows are not looked at. What that showed
stands beside the answers.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stiltwalk.errors import RecipeError
from stiltwalk.features.rows import Features
from stiltwalk.heads.head import Batch
from stiltwalk.inference.engine import Engine
from stiltwalk.inference.engines import EngineChoice
from stiltwalk.inference.engines.trial import trial
from stiltwalk.inference.predictor import Predictor
from stiltwalk.models.checkpoint import Model
from stiltwalk.models.device import has_bf16, pick_device
from stiltwalk.recipe.schema import Precision
from stiltwalk.recipe.types import Format
from stiltwalk.records import Split, TaskType
from stiltwalk.stages.context import Context
from stiltwalk.stages.predict import FORMAT, Predict
from stiltwalk.stages.soft_prompt import Prompt
from stiltwalk.stages.train import Train
from stiltwalk.store.workspace import Folder
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import examples
from stiltwalk.training.data import TaskRows, dev_score, task_rows

_LINES = 256
"""Of retrieval, whose vectors an engine is judged by."""
_Answered = tuple[float | None, NDArray[np.float32]]
_LOG = logging.getLogger(__name__)


def asked_format(stage: Predict) -> Precision:
    """Return the format that an evaluation computes in where "auto" does not decide otherwise.

    Sentence vectors and decoders know fp32 and bf16 alone.
    """
    gives_vectors = TASKS[stage.rows.task].task_type in (TaskType.RETRIEVAL, TaskType.RANKING)
    is_narrow = stage.asking is not None or gives_vectors
    if stage.precision == "auto" or (is_narrow and stage.precision == "fp16"):
        return "fp32"
    return stage.precision


def keep_format(stage: Predict, folder: Folder) -> None:
    """Keep the format that an evaluation computed in; what "auto" decided is kept already."""
    file = folder.path / FORMAT
    if file.is_file():
        return
    facts: dict[str, str] = {"precision": asked_format(stage)}
    if facts["precision"] == "bf16" and stage.backend is None and not has_bf16(pick_device()):
        facts = {"precision": "fp32", "because": "the device has no bf16 arithmetic"}
    file.write_text(json.dumps(facts, indent=1), encoding="utf-8")


def decide_format(stage: Predict, predictor: Predictor, context: Context, folder: Folder) -> None:
    """Answer in bf16 where that leaves the English dev score as it is; keep what that showed."""
    if isinstance(stage.parent, Prompt):
        keep_choice(folder, {"precision": "fp32", "because": "a prompt is answered in fp32"})
        return
    if not has_bf16(pick_device()):
        keep_choice(folder, {"precision": "fp32", "because": "the device has no bf16 arithmetic"})
        return
    rows = _dev_rows(stage, predictor, context)
    both = (predictor.engine, replace(predictor.engine, precision="bf16"))
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
    predictor.engine = replace(predictor.engine, precision=chosen)


def _dev_rows(
    stage: Predict, predictor: Predictor, context: Context, most: int | None = None
) -> TaskRows:
    assert isinstance(stage.parent, Train)
    (learned,), settings = stage.parent.rows, stage.parent.settings
    task = TASKS[learned.task].chosen_on(learned.dev)
    dev = examples(task, context.data, Split.DEV, "en", most)
    longest = settings.max_length_tokens or task.max_length_tokens
    settings = replace(settings, max_length_tokens=longest)
    rows = task_rows(task, dev[:1], dev, predictor.encoder, settings)
    return replace(rows, labels=predictor.labels)


def _logits(rows: TaskRows, engine: Engine) -> list[NDArray[np.float32]]:

    def forward(model: Model, batch: Batch, _: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        logits = rows.head.logits(model, batch).float().cpu().numpy()
        if logits.ndim == 2:  # noqa: PLR2004 - one per class
            return list(logits)
        lengths = batch.attention_mask_RT.sum(dim=1).tolist()
        return [row[:length].ravel() for row, length in zip(logits, lengths, strict=True)]

    return engine.map_rows(rows.dev, forward)[0]


def keep_choice(folder: Folder, facts: dict[str, Any], what: str = "precision = auto") -> None:
    """Keep and tell what was chosen."""
    (folder.path / FORMAT).write_text(json.dumps(facts, indent=1), encoding="utf-8")
    _LOG.warning("%s: %s", what, ", ".join(f"{key} {facts[key]}" for key in facts))


# --- engines ------------------------------------------------------------------------------------


def decide_engine(
    stage: Predict, predictor: Predictor, context: Context, folder: Folder, features: Features
) -> None:
    """Answer through the engine that is asked for, if it answers English dev rows as torch does.

    Of "auto" the fastest that does so; torch in fp32 always does. What was chosen and why is kept.
    Retrieval, which has no dev rows, is judged by some of the test rows' features.

    Raises:
        RecipeError: if the engine that was asked for differs by more than its tolerance.
    """
    assert stage.engine
    choices, facts = _choices(stage, predictor, context)
    refused: list[str] = []
    rows = None
    if isinstance(stage.parent, Train) and predictor.head is not None:
        rows = _dev_rows(stage, predictor, context, stage.parent.settings.eval_rows)
    sample = features.between(0, min(_LINES, features.num_rows))
    predictor.engine = replace(predictor.engine, precision="fp32")
    wanted = _answered(predictor, rows, sample)
    for choice in choices:
        torch.set_num_threads(choice.num_threads)
        engine = predictor.through(choice, context.workspace.root / "engines")
        apart = _apart(wanted, _answered(replace(predictor, engine=engine), rows, sample))
        tolerance = stage.engine.tolerated(choice.format)
        if not apart["largest_difference"] or apart["change"] <= tolerance:
            predictor.engine = engine
            found = {"precision": engine.precision, "engine": asdict(choice), **apart, **facts}
            keep_choice(folder, found, "engine")
            return
        why = f"{choice.says} changes the {apart['judged_by']} by {apart['change']:.2g}"
        refused.append(f"{why}, and {tolerance:g} is tolerated")
        facts["refused"] = "; ".join(refused)
    raise RecipeError(
        f"{stage.title}: {'; '.join(refused)}. Set engine.tolerance to allow it, or leave engine "
        "out of the recipe."
    )


def _choices(
    stage: Predict, predictor: Predictor, context: Context
) -> tuple[Sequence[EngineChoice], dict[str, Any]]:
    """Return the engines to try in turn, and why."""
    assert stage.engine
    name, given = stage.engine.name, stage.engine.format
    if name != "auto":
        narrow: Format = "bf16" if stage.precision == "bf16" else "fp32"
        return [
            EngineChoice(name=name, format=given or narrow, num_threads=context.num_threads)
        ], {}
    formats: tuple[Format, ...] = (given,) if given else ("fp32", "bf16")
    found = trial(predictor.engine.model.config, formats, context.num_threads)
    gains = [
        f"{each.says}{f', {each.batch_tokens} tokens' if each.batch_tokens else ''}: {gain:.2f}"
        for each, gain in zip(found.ranked, found.gains, strict=True)
    ]
    because = f"speed over torch's in fp32 here, in a trial of {found.took_s:g} s: "
    return found.ranked, {"because": because + "; ".join(gains)}


def _answered(predictor: Predictor, rows: TaskRows | None, sample: Features) -> _Answered:
    """Return a dev score and its logits, or vectors of unit length where there are no dev rows."""
    if rows is not None:
        return dev_score(rows, predictor.engine), np.concatenate(_logits(rows, predictor.engine))
    vectors_RD, _ = predictor.outputs(sample)
    return None, vectors_RD / np.linalg.norm(vectors_RD, axis=1, keepdims=True)


def _apart(
    wanted: tuple[float | None, NDArray[np.float32]],
    found: tuple[float | None, NDArray[np.float32]],
) -> dict[str, Any]:
    """Return how far an engine is from torch in fp32."""
    largest = float(np.abs(wanted[1] - found[1]).max())
    if wanted[0] is None or found[0] is None:
        change = max(0.0, 1 - float((wanted[1] * found[1]).sum(axis=1).min()))
        return {"judged_by": "cosine", "change": change, "largest_difference": largest}
    return {
        "judged_by": "dev score",
        "change": abs(wanted[0] - found[0]),
        "dev_score_torch": wanted[0],
        "dev_score": found[0],
        "largest_difference": largest,
    }
