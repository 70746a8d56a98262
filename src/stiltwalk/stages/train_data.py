"""What an intermediate stage trains on: rows, the head of each, and their shares of the steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stiltwalk.features.prompts import load_prompt_encoder
from stiltwalk.features.text import load_text_encoder
from stiltwalk.heads.decoder import decoder_head
from stiltwalk.models import adapters, checkpoint
from stiltwalk.models.checkpoint import load_decoder
from stiltwalk.models.masked_lm import with_lm_head
from stiltwalk.recipe.schema import TrainSettings
from stiltwalk.records import Split
from stiltwalk.stages.context import Context
from stiltwalk.stages.rows import Asking, StageRows, Text, TranslatedRows
from stiltwalk.stages.train import FineTune, Intermediate
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import examples, translated
from stiltwalk.tasks.task import Task
from stiltwalk.training.data import (
    TaskRows,
    TrainRows,
    english_and_translated,
    steps_of_text,
    steps_per_task,
    task_rows,
    text_rows,
    translated_rows,
)


@dataclass(kw_only=True, eq=False)
class TrainData:
    """Rows with the model that each trains; `num_steps` of an epoch, None to see each row once."""

    rows: list[TrainRows]
    models: list[Any]
    pad_id: int
    num_steps: list[int] | None = None


def train_data_of(
    stage: Intermediate, english: Sequence[TaskRows], encoder: checkpoint.Model, source: Path
) -> TrainData:
    """Put heads on an encoder, and behind the English rows what is trained on beside them.

    Args:
        stage: says what that is.
        english: the rows of its tasks, in its order.
        encoder: shared by all heads.
        source: the checkpoint it came from.
    """
    batch_size = stage.settings.effective_batch_size
    steps = steps_per_task([each.train.num_units for each in english], batch_size, stage.mixing)
    num_text_steps = steps_of_text(sum(steps), stage.text.settings.weight) if stage.text else 0
    rows: list[TrainRows] = [*english]
    models = [
        checkpoint.with_head(
            encoder, each.task.task_type, each.labels, seed=stage.draws.of(each.name).number("head")
        )
        for each in english
    ]
    for there in stage.translated:
        number = [each.name for each in english].index(there.task)
        steps[number], *others = english_and_translated(
            steps[number], there.weight, len(there.languages)
        )
        rows += _translations(there, english[number], stage.settings, source)
        models += [models[number]] * len(others)
        steps += others
    if stage.text:
        num_lines = num_text_steps * batch_size * stage.settings.num_epochs
        rows.append(_text(stage.text, num_lines, source))
        models.append(with_lm_head(encoder, source, seed=stage.draws.of("mlm").number("head")))
        steps.append(num_text_steps)
    pad_id = load_text_encoder(source).pad_id
    return TrainData(rows=rows, models=models, pad_id=pad_id, num_steps=steps)


def _translations(
    there: TranslatedRows, english: TaskRows, settings: TrainSettings, source: Path
) -> Iterator[TrainRows]:
    """Yield the rows of every language."""
    task, limit = english.task, settings.max_rows
    for language in there.languages:
        yield translated_rows(
            english,
            translated(task, there.where, language, limit),
            language,
            load_text_encoder(source),
            settings.max_length_tokens or task.max_length_tokens,
        )


def _text(there: Text, num_lines: int, source: Path) -> TrainRows:
    encoder = load_text_encoder(source)
    return text_rows(there.where, there.languages, there.settings, encoder, num_lines)


def decoder_to_train(stage: Intermediate | FineTune, source: Path) -> checkpoint.Model:
    """Load a decoder to train; where adapters are trained its head, like the rest, is not."""
    model = load_decoder(source)
    if stage.lora:
        adapters.add(model.base_model, stage.lora, seed=stage.draws.number("adapters"))
        model.get_output_embeddings().requires_grad_(requires_grad=False)
    return model


def decoder_train_data(
    stage: Intermediate | FineTune, model: checkpoint.Model, context: Context, source: Path
) -> TrainData:
    """Return what a stage trains a decoder on: its tasks as text, all through the one head."""
    pad_id = load_prompt_encoder(source, chat=False).pad_id
    if isinstance(stage, FineTune):
        assert stage.asking is not None
        alone = _text_rows(stage.rows, stage, stage.asking, context, source)
        return TrainData(rows=[alone], models=[model], pad_id=pad_id)
    rows = [
        _text_rows(each, stage, asking, context, source)
        for each, asking in zip(stage.rows, stage.asking, strict=True)
    ]
    batch_size = stage.settings.effective_batch_size
    return TrainData(
        rows=[*rows],
        models=[model] * len(rows),
        pad_id=pad_id,
        num_steps=steps_per_task([r.train.num_units for r in rows], batch_size, stage.mixing),
    )


def _text_rows(
    rows: StageRows, stage: Intermediate | FineTune, asking: Asking, context: Context, source: Path
) -> TaskRows:
    task = TASKS[rows.task].chosen_on(rows.dev)
    kind = decoder_head(task, asking.answering, source)
    return task_rows(
        task,
        examples(task, context.data, Split.TRAIN, "en", stage.settings.max_rows),
        examples(task, context.data, Split.DEV, "en"),
        kind.encoder,
        _with_length(stage.settings, task),
        kind,
    )


def _with_length(settings: TrainSettings, task: Task) -> TrainSettings:
    longest = settings.max_length_tokens or task.max_length_tokens
    return replace(settings, max_length_tokens=longest)
