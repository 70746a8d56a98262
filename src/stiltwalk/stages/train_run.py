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
from torch import Tensor

from stiltwalk.errors import ModelError, TrainingDiverged
from stiltwalk.features.prompts import load_prompt_encoder
from stiltwalk.features.text import TextEncoder, load_text_encoder
from stiltwalk.heads.cloze import ClozeHead, PromptedFolder
from stiltwalk.heads.decoder import decoder_head
from stiltwalk.inference.engine import Engine
from stiltwalk.models import adapters, checkpoint
from stiltwalk.models.device import from_lead
from stiltwalk.models.masked_lm import HEAD, with_lm_head
from stiltwalk.models.soft_prompt import (
    FrozenModel,
    PromptedModel,
    PromptFacts,
    SoftPrompt,
    nearest_words,
    save_prompt,
    uniform_start,
)
from stiltwalk.recipe.schema import TrainSettings
from stiltwalk.records import Example, ScoreRow, Split, TaskType
from stiltwalk.stages.context import MODEL, Context
from stiltwalk.stages.rows import DrawnRows
from stiltwalk.stages.soft_prompt import Prompt
from stiltwalk.stages.stage import TrainingStage
from stiltwalk.stages.train import DEV, LOG, Train
from stiltwalk.store.machine import leads, num_processes
from stiltwalk.store.workspace import RESUME, Folder
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import drawn, examples, translated
from stiltwalk.training.data import (
    TaskModels,
    TaskRows,
    TrainRows,
    dev_score,
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

_DEV_ROWS = 500
"""Of English, on which a prompt is scored."""


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
    lacking = stage.draws.number("lacking weights")
    encoder = checkpoint.load(TaskType.RETRIEVAL, source, seed=lacking)
    if stage.lora:
        adapters.add(encoder, stage.lora, seed=stage.draws.number("adapters"))
    return encoder


def _decoder(stage: Train, source: Path) -> checkpoint.Model:
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
    models = [
        checkpoint.with_head(
            encoder, each.task.task_type, each.labels, seed=stage.draws.of(each.name).number("head")
        )
        for each in english
    ]
    if stage.goes_on:
        checkpoint.take_head(models[0], english[0].task.task_type, source)
    elif stage.head_of:
        checkpoint.load_head(models[0], source / checkpoint.head_file(stage.head_of))
    return models


def _add_translations(
    data: TrainData, stage: Train, english: Sequence[TaskRows], source: Path
) -> None:
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
        found = [dev_rows(stage, each, best[each.task.name]) for each in scored]
        folder.write_scores([row for each in found for row in each])


@contextmanager
def _last_good_named(folder: Path) -> Iterator[None]:
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
            error.add_note(
                "There is no checkpoint yet: there had been no evaluation on English dev."
            )
        raise


def _write_log(training: Training, num_trained: int, folder: Path) -> None:
    lines = "".join(json.dumps(entry) + "\n" for entry in training.log)
    (folder / LOG).write_text(lines, encoding="utf-8")
    evaluations = {
        "evaluations": [asdict(evaluation) for evaluation in training.evaluations],
        "best_step": training.best.step,
        "num_tokens": training.num_tokens,
        "num_trained_parameters": num_trained,
    }
    (folder / DEV).write_text(json.dumps(evaluations, indent=1), encoding="utf-8")


def dev_rows(stage: TrainingStage, rows: TaskRows, value: float) -> list[ScoreRow]:
    """Return the dev score of one task, a fraction, as rows of results."""
    found = stage.score_rows({"dev_score": value}, rows.task.name, "en", len(rows.dev_examples))
    return [replace(row, split=Split.DEV) for row in found]


# --- prompts in a frozen language model ----------------------------------------------------------


def prompt(stage: Prompt, context: Context, folder: Folder) -> None:
    """Find the words of every class, train vectors if the stage has some, and keep both."""
    torch.set_num_threads(stage.numerics.num_threads)
    frozen = frozen_model(stage, context)
    encoder, masked_lm = load_text_encoder(frozen.encoder), frozen.load()
    table_VD = masked_lm.get_input_embeddings().weight.detach()
    verbaliser = nearest_words(table_VD, encoder, stage.cloze, stage.settings.num_words)
    kind = ClozeHead(stage.cloze, stage.settings, len(table_VD), unseen=stage.unseen)
    vectors = _start(stage, kind, table_VD, encoder)
    model = PromptedModel(masked_lm, verbaliser, vectors, encoder.mask_id)
    facts = PromptFacts(
        cloze=stage.cloze, settings=stage.settings, verbaliser=verbaliser, checksum=frozen.checksum
    )
    rows = _rows(stage, kind, encoder, context)

    def keep() -> None:
        if leads():
            save_prompt(folder.path / MODEL, vectors, facts)

    if stage.settings.is_trained:
        train_data = TrainData(rows=[rows], models=[model], pad_id=encoder.pad_id)
        fit_and_record(stage, _train_settings(stage), train_data, keep, context, folder)
        return
    keep()
    engine = Engine(model=model, pad_id=encoder.pad_id, precision=stage.numerics.precision)
    folder.write_scores(dev_rows(stage, rows, dev_score(rows, engine)))


def frozen_model(stage: Prompt, context: Context) -> FrozenModel:
    """Return where the language model is that a prompt belongs to.

    An intermediate stage keeps the head only if it trained it; otherwise its parent's is as it was.

    Raises:
        ModelError: if a head was trained and not kept, as earlier versions did.
    """
    encoder = stage.parent.model_folder(context)
    grandparent = getattr(stage.parent, "parent", None)
    trained_head = getattr(stage.parent, "text", None)
    if trained_head and not (encoder / HEAD).is_file():
        raise ModelError(
            f"{encoder} lacks {HEAD}: it was trained before heads were kept. Remove the folder "
            f"{encoder.parent} and run the recipe again."
        )
    if grandparent is None or trained_head:
        return FrozenModel(encoder=encoder, head=encoder)
    return FrozenModel(encoder=encoder, head=grandparent.model_folder(context))


def prompted_folder(stage: Prompt, context: Context) -> PromptedFolder:
    """Return where a finished prompt and its model are."""
    model = frozen_model(stage, context)
    return PromptedFolder(prompt=stage.model_folder(context), model=model)


def _start(stage: Prompt, kind: ClozeHead, table_VD: Tensor, encoder: TextEncoder) -> SoftPrompt:
    settings = stage.settings
    torch.manual_seed(stage.draws.number("soft prompt", "layers"))
    if not settings.is_trained:
        return SoftPrompt(table_VD[:0])
    if settings.start == "template":
        return SoftPrompt(table_VD[torch.from_numpy(kind.template_ids(encoder)).long()])
    seed = stage.draws.number("soft prompt", "vectors")
    start_MD = uniform_start(settings.num_tokens, table_VD.shape[1], seed=seed)
    return SoftPrompt(start_MD, reparameterised=settings.reparameterised)


def _rows(stage: Prompt, kind: ClozeHead, encoder: TextEncoder, context: Context) -> TaskRows:
    task = TASKS[stage.rows.task].chosen_on(stage.rows.dev)
    longest = stage.settings.max_length_tokens
    learned: Sequence[Example] = ()
    if isinstance(stage.rows, DrawnRows) and stage.settings.is_trained:
        whole = examples(task, context.data, Split.TRAIN, "en")
        seen = [label for label in task.labels if label not in stage.unseen]
        learned = drawn(whole, seen, stage.rows.per_class, stage.draws)
    dev = examples(task, context.data, Split.DEV, "en")[:_DEV_ROWS]
    return TaskRows(
        name=task.name,
        task=task,
        head=kind,
        labels=task.labels,
        train=kind.features(learned, encoder, task.labels, longest),
        dev_examples=tuple(dev),
        dev=kind.features(dev, encoder, task.labels, longest),
    )


def _train_settings(stage: Prompt) -> TrainSettings:
    settings = stage.settings
    return TrainSettings(
        learning_rate=settings.learning_rate,
        num_epochs=settings.num_epochs,
        effective_batch_size=settings.effective_batch_size,
        max_length_tokens=settings.max_length_tokens,
        weight_decay=0.0,
        warmup_share=0.0,
        keep="last",
        eval_every_steps=1_000_000,
    )


# --- several processes that were started together -------------------------------------------------

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
