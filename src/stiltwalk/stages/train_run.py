"""How stages that train do it: rows, the heads and models they train, the loop, what is kept.

Of several processes that were started together the first runs the plan and writes; the others wait
until it trains, and then do as it does with their share of every effective batch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from accelerate.state import PartialState

from stiltwalk.errors import TrainingDiverged
from stiltwalk.features.prompts import load_prompt_encoder
from stiltwalk.features.text import load_text_encoder
from stiltwalk.heads.decoder import decoder_head
from stiltwalk.models import adapters, checkpoint
from stiltwalk.models.device import from_lead
from stiltwalk.models.masked_lm import HEAD, with_lm_head
from stiltwalk.recipe.schema import TrainSettings
from stiltwalk.records import ScoreRow, Split, TaskType
from stiltwalk.stages.context import MODEL, Context
from stiltwalk.stages.rows import DrawnRows
from stiltwalk.stages.stage import TrainingStage
from stiltwalk.stages.train import Train
from stiltwalk.store.machine import leads, num_processes
from stiltwalk.store.workspace import RESUME, Folder
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import drawn, examples, translated
from stiltwalk.training.data import (
    TaskModels,
    TaskRows,
    TrainRows,
    english_and_translated,
    steps_of_text,
    steps_per_task,
    task_rows,
    text_rows,
    translated_rows,
)
from stiltwalk.training.distributed import join_processes
from stiltwalk.training.loop import Training, TrainingSession, fit
from stiltwalk.training.tracking import tracked


@dataclass(kw_only=True, eq=False)
class TrainData:
    """Rows with the model that each trains; `num_steps` of an epoch, None to see each row once."""

    rows: list[TrainRows]
    models: list[Any]
    pad_id: int
    num_steps: list[int] | None = None


def train(stage: Train, context: Context, folder: Folder) -> None:
    """Train the parent's model on one or several tasks; keep what the stage's phase keeps."""
    torch.set_num_threads(stage.numerics.num_threads)
    source = stage.parent.model_folder(context)
    model = _decoder(stage, source) if stage.asking else _encoder(stage, source)
    train_data = _train_data(stage, model, context, source)
    kept, heads = model, dict[str, checkpoint.Model]()
    if stage.is_target:
        (kept,) = train_data.models
    elif not stage.asking:
        heads = {
            checkpoint.head_file(task): head
            for task, head in zip(stage.tasks, train_data.models, strict=False)
        }
        if stage.text:
            heads[HEAD] = train_data.models[-1]

    def keep() -> None:
        where = folder.path / MODEL
        checkpoint.save(kept, where, tokenizer_from=source, lora=stage.lora, heads=heads)

    fit_and_record(stage, stage.settings, train_data, keep, context, folder)


def _encoder(stage: Train, source: Path) -> checkpoint.Model:
    """Load what a stage trains on; with adapters in it where the stage trains those alone."""
    lacking = stage.draws.number("lacking weights")
    encoder = checkpoint.load(TaskType.RETRIEVAL, source, seed=lacking)
    if stage.lora:
        adapters.add(encoder, stage.lora, seed=stage.draws.number("adapters"))
    return encoder


def _decoder(stage: Train, source: Path) -> checkpoint.Model:
    """Load a decoder to train; where adapters are trained its head, like the rest, is not."""
    model = checkpoint.load_decoder(source)
    if stage.lora:
        adapters.add(model.base_model, stage.lora, seed=stage.draws.number("adapters"))
        model.get_output_embeddings().requires_grad_(requires_grad=False)
    return model


def _train_data(stage: Train, model: checkpoint.Model, context: Context, source: Path) -> TrainData:
    """Put heads on an encoder, and behind the English rows what is trained on alongside them.

    A decoder has one head for all of its tasks, and nothing alongside them.
    """
    english = [_english(number, stage, context, source) for number in range(len(stage.rows))]
    batch_size = stage.settings.effective_batch_size
    steps = steps_per_task([each.train.num_units for each in english], batch_size, stage.mixing)
    if stage.asking:
        pad_id = load_prompt_encoder(source, chat=False).pad_id
        models = [model] * len(english)
        return TrainData(rows=[*english], models=models, pad_id=pad_id, num_steps=steps)
    data = TrainData(
        rows=[*english],
        models=_with_heads(stage, model, english, source),
        pad_id=load_text_encoder(source).pad_id,
        num_steps=steps,
    )
    _add_translations(data, stage, english, source)
    if stage.text:
        encoder, there = load_text_encoder(source), stage.text
        num_text_steps = steps_of_text(sum(steps), there.settings.weight)
        num_lines = num_text_steps * batch_size * stage.settings.num_epochs
        data.rows.append(
            text_rows(there.where, there.languages, there.settings, encoder, num_lines)
        )
        data.models.append(with_lm_head(model, source, seed=stage.draws.of("mlm").number("head")))
        steps.append(num_text_steps)
    return data


def _english(number: int, stage: Train, context: Context, source: Path) -> TaskRows:
    """Read a task's English rows, or draw some of them, and turn them into features."""
    rows = stage.rows[number]
    task, settings = TASKS[rows.task].chosen_on(rows.dev), stage.settings
    longest = settings.max_length_tokens or task.max_length_tokens
    settings = replace(settings, max_length_tokens=longest)
    learned = examples(task, context.data, Split.TRAIN, "en", settings.max_rows)
    if isinstance(rows, DrawnRows):
        learned = drawn(learned, task.labels, rows.per_class, stage.draws)
    dev = examples(task, context.data, Split.DEV, "en")
    if stage.asking:
        kind = decoder_head(task, stage.asking[number].answering, source)
        return task_rows(task, learned, dev, kind.encoder, settings, kind)
    return task_rows(task, learned, dev, load_text_encoder(source), settings)


def _with_heads(
    stage: Train, encoder: checkpoint.Model, english: Sequence[TaskRows], source: Path
) -> list[checkpoint.Model]:
    """Return a model per task, each with its head on the one encoder."""
    models = [
        checkpoint.with_head(
            encoder, each.task.task_type, each.labels, seed=stage.draws.of(each.name).number("head")
        )
        for each in english
    ]
    if stage.head_of:
        checkpoint.load_head(models[0], source / checkpoint.head_file(stage.head_of))
    return models


def _add_translations(
    data: TrainData, stage: Train, english: Sequence[TaskRows], source: Path
) -> None:
    """Let translated rows take their share of their tasks' steps, through their heads."""
    assert data.num_steps is not None
    encoder, settings = load_text_encoder(source), stage.settings
    for there in stage.translated:
        number = stage.tasks.index(there.task)
        task, model = english[number].task, data.models[number]
        data.num_steps[number], *others = english_and_translated(
            data.num_steps[number], there.weight, len(there.languages)
        )
        for language, num_steps in zip(there.languages, others, strict=True):
            rows = translated(task, there.where, language, settings.max_rows)
            longest = settings.max_length_tokens or task.max_length_tokens
            data.rows.append(translated_rows(english[number], rows, language, encoder, longest))
            data.models.append(model)
            data.num_steps.append(num_steps)


def fit_and_record(
    stage: TrainingStage,
    settings: TrainSettings,
    train_data: TrainData,
    keep: Callable[[], None],
    context: Context,
    folder: Folder,
) -> None:
    """Run the loop, which calls `keep` for the best model; write the log and the dev scores."""
    call_helpers(stage, context)
    if settings.freeze_word_embeddings:
        checkpoint.freeze_word_embeddings(train_data.models[0])
    models = TaskModels(train_data.models, [each.head for each in train_data.rows])
    num_trained = sum(p.numel() for p in models.parameters() if p.requires_grad)
    tracking = tracked(context.trackers, context.workspace.root / "tracking", folder.stage)
    with _last_good_named(folder.path), tracking as track:
        training = fit(
            TrainingSession(
                models=models,
                rows=train_data.rows,
                settings=settings,
                draws=stage.draws,
                pad_id=train_data.pad_id,
                precision=stage.numerics.precision,
                num_steps=train_data.num_steps,
                resume_file=folder.path / RESUME,
                resume_every_s=context.resume_every_s,
                keep=keep,
                progress=context.progress,
                track=track,
            )
        )
    if leads():
        _write_log(training, num_trained, folder.path)
        best = training.best.by_task
        scored = [each for each in train_data.rows if isinstance(each, TaskRows)]
        folder.write_scores([dev_row(stage, each, best[each.task.name], folder) for each in scored])


@contextmanager
def _last_good_named(folder: Path) -> Iterator[None]:
    """Say where the last good checkpoint is, if training inside the block diverges."""
    try:
        yield
    except TrainingDiverged as error:
        if (folder / MODEL).is_dir():
            error.add_note(
                f"The last good checkpoint, the best on English dev until then, is {folder / MODEL}"
                "; it stays there until this very stage is trained to its end. With another value "
                "in the recipe it is another stage, in another folder."
            )
        else:
            error.add_note("There is no checkpoint yet: no look at English dev had been taken.")
        raise


def _write_log(training: Training, num_trained: int, folder: Path) -> None:
    """Write one line per step, and the evaluations on dev."""
    lines = "".join(json.dumps(entry) + "\n" for entry in training.log)
    (folder / "training.jsonl").write_text(lines, encoding="utf-8")
    evaluations = {
        "looks": [asdict(evaluation) for evaluation in training.evaluations],
        "best_step": training.best.step,
        "num_tokens": training.num_tokens,
        "num_trained_parameters": num_trained,
    }
    (folder / "dev.json").write_text(json.dumps(evaluations, indent=1), encoding="utf-8")


def dev_row(stage: TrainingStage, rows: TaskRows, value: float, folder: Folder) -> ScoreRow:
    """Return the dev score of one task, a fraction, as a row of results."""
    return ScoreRow(
        stage=folder.stage,
        intermediate=stage.intermediate_tasks,
        task=rows.task.name,
        language="en",
        split=Split.DEV,
        metric="dev_score",
        value=value,
        seed=stage.trained_seed,
        num_examples=len(rows.dev_examples),
    )


Job = tuple[TrainingStage, Context]


def call_helpers(stage: TrainingStage, context: Context) -> None:
    """Let the others train a stage together with the first process, which calls this."""
    if num_processes() > 1 and leads():
        join_processes()
        from_lead((stage, replace(context, progress=_untold)))


def next_job() -> Job | None:
    """Wait for what to train next, in a process that helps; None once all is done."""
    join_processes()
    job: Job | None = None
    try:
        job = from_lead(job)
    except RuntimeError:  # the first process is gone, and has said why
        return None
    return job


def dismiss_helpers() -> None:
    """Let the others end."""
    join_processes()
    from_lead(None)
    PartialState().destroy_process_group()


def _untold(_done: int, _total: int) -> None:
    """Stand for the progress that the first process alone shows."""
