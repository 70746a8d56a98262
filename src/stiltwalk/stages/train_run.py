"""How stages that train on English tasks do it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import torch

from stiltwalk.errors import TrainingDiverged
from stiltwalk.features.text import load_text_encoder
from stiltwalk.models import adapters, checkpoint
from stiltwalk.models.masked_lm import HEAD
from stiltwalk.recipe.schema import TrainSettings
from stiltwalk.records import ScoreRow, Split, TaskType
from stiltwalk.stages.context import MODEL, Context
from stiltwalk.stages.distributed import call_helpers
from stiltwalk.stages.rows import DrawnRows, StageRows
from stiltwalk.stages.stage import TrainingStage
from stiltwalk.stages.train import FineTune, Intermediate
from stiltwalk.stages.train_data import (
    TrainData,
    decoder_to_train,
    decoder_train_data,
    train_data_of,
)
from stiltwalk.store.machine import leads
from stiltwalk.store.workspace import RESUME, Folder
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import drawn, examples
from stiltwalk.training.data import TaskModels, TaskRows, task_rows
from stiltwalk.training.loop import Training, TrainingSession, fit
from stiltwalk.training.tracking import tracked


def intermediate(stage: Intermediate, context: Context, folder: Folder) -> None:
    """Train the parent's encoder on one or several tasks; keep it, and the heads beside it."""
    torch.set_num_threads(stage.numerics.num_threads)
    source = stage.parent.model_folder(context)
    if stage.asking:
        _train_decoder(stage, context, folder)
        return
    encoder = _encoder(stage, source)
    english = [_rows(each, stage, context, source) for each in stage.rows]
    train_data = train_data_of(stage, english, encoder, source)

    heads = {
        checkpoint.head_file(each.name): model
        for each, model in zip(english, train_data.models, strict=False)
    }
    if stage.text:
        heads[HEAD] = train_data.models[-1]

    def keep() -> None:
        where = folder.path / MODEL
        checkpoint.save(encoder, where, tokenizer_from=source, lora=stage.lora, heads=heads)

    train(stage, stage.settings, train_data, keep, context, folder)


def fine_tune(stage: FineTune, context: Context, folder: Folder) -> None:
    """Train a head and the parent's encoder on one task; keep the whole model."""
    torch.set_num_threads(stage.numerics.num_threads)
    source = stage.parent.model_folder(context)
    if stage.asking:
        _train_decoder(stage, context, folder)
        return
    encoder = _encoder(stage, source)
    rows = _rows(stage.rows, stage, context, source)
    seed = stage.draws.number("head")
    model = checkpoint.with_head(encoder, rows.task.task_type, rows.labels, seed=seed)
    if stage.head_of:
        checkpoint.load_head(model, source / checkpoint.head_file(stage.head_of))

    def keep() -> None:
        checkpoint.save(model, folder.path / MODEL, tokenizer_from=source, lora=stage.lora)

    pad_id = load_text_encoder(source).pad_id
    train_data = TrainData(rows=[rows], models=[model], pad_id=pad_id)
    train(stage, stage.settings, train_data, keep, context, folder)


def _train_decoder(stage: Intermediate | FineTune, context: Context, folder: Folder) -> None:
    """Train a decoder on one or several tasks as text; keep all of it, its one head too."""
    source = stage.parent.model_folder(context)
    model = decoder_to_train(stage, source)

    def keep() -> None:
        checkpoint.save(model, folder.path / MODEL, tokenizer_from=source, lora=stage.lora)

    train_data = decoder_train_data(stage, model, context, source)
    train(stage, stage.settings, train_data, keep, context, folder)


def _encoder(stage: Intermediate | FineTune, source: Path) -> checkpoint.Model:
    """Load what a stage trains on; with adapters in it where the stage trains those alone."""
    lacking = stage.draws.number("lacking weights")
    encoder = checkpoint.load(TaskType.RETRIEVAL, source, seed=lacking)
    if stage.lora:
        adapters.add(encoder, stage.lora, seed=stage.draws.number("adapters"))
    return encoder


def _rows(
    rows: StageRows, stage: Intermediate | FineTune, context: Context, source: Path
) -> TaskRows:
    """Read a task's English rows, or draw some of them, and turn them into features."""
    task, settings = TASKS[rows.task].chosen_on(rows.dev), stage.settings
    learned = examples(task, context.data, Split.TRAIN, "en", settings.max_rows)
    if isinstance(rows, DrawnRows):
        learned = drawn(learned, task.labels, rows.per_class, stage.draws)
    return task_rows(
        task,
        learned,
        examples(task, context.data, Split.DEV, "en"),
        load_text_encoder(source),
        replace(settings, max_length_tokens=settings.max_length_tokens or task.max_length_tokens),
    )


def train(
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
    models = TaskModels(train_data.models, [each.kind for each in train_data.rows])
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
