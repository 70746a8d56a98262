"""Clozes in a frozen language model: how a prompt is trained, and how it answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stiltwalk.errors import ModelError
from stiltwalk.features.text import TextEncoder, load_text_encoder
from stiltwalk.heads.cloze import ClozeHead, PromptedFolder
from stiltwalk.heads.head import Head
from stiltwalk.inference.engine import Engine
from stiltwalk.inference.predictor import outputs
from stiltwalk.metrics.score import example_scores, score
from stiltwalk.models.device import all_devices
from stiltwalk.models.masked_lm import HEAD
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
from stiltwalk.records import Example, Scores, Split, gold_answers
from stiltwalk.stages.context import MODEL, Context
from stiltwalk.stages.language_result import LanguageResult
from stiltwalk.stages.precision import asked_format, keep_choice
from stiltwalk.stages.predict import Predict
from stiltwalk.stages.rows import DrawnRows
from stiltwalk.stages.soft_prompt import Prompt
from stiltwalk.stages.train_run import TrainData, dev_row, fit_and_record
from stiltwalk.store.machine import leads
from stiltwalk.store.workspace import Folder
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import drawn, examples
from stiltwalk.training.data import TaskRows, dev_score

_DEV_ROWS = 500


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
        cloze=stage.cloze,
        settings=stage.settings,
        verbaliser=verbaliser,
        checksum=frozen.checksum,
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
    folder.write_scores([dev_row(stage, rows, dev_score(rows, engine), folder)])


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


def cloze_results(stage: Predict, context: Context, folder: Folder) -> Iterator[LanguageResult]:
    """Answer language by language; classes that were not learned are scored alone, too."""
    assert isinstance(stage.parent, Prompt)
    task, where = TASKS[stage.rows.task], prompted_folder(stage.parent, context)
    model, encoder = where.load(), load_text_encoder(where.model.encoder)
    kind: Head = where.kind()
    if stage.precision == "auto":
        keep_choice(folder, {"precision": "fp32", "because": "a prompt is answered in fp32"})
    asked = {
        language: examples(task, context.data, Split.TEST, language, stage.max_rows)
        for language in stage.languages
    }
    engine = Engine(
        model=model,
        pad_id=encoder.pad_id,
        precision=asked_format(stage),
        tick=context.counter(sum(map(len, asked.values()))),
        devices=all_devices(),
    )
    for language, rows in asked.items():
        features = kind.features(rows, encoder, task.labels, stage.max_length_tokens)
        found, costs = outputs(engine, kind, features)
        answers, gold = kind.decode(found, features, rows, task.labels), gold_answers(rows)
        alone = _unseen_alone(found, rows, stage.parent.unseen, task.labels)
        yield LanguageResult(
            language=language,
            answers=answers,
            scores={**score(task.metric, answers, gold, language), **alone},
            shares=example_scores(task.metric, answers, gold, language),
            num_examples=len(rows),
            costs=costs,
        )


def _unseen_alone(
    found: Sequence[NDArray[Any]],
    rows: Sequence[Example],
    unseen: Sequence[str],
    labels: Sequence[str],
) -> Scores:
    """Return the accuracy on rows of classes that were not learned, among these classes."""
    gold = gold_answers(rows)
    assert isinstance(gold, list)
    asked = [at for at, label in enumerate(gold) if label in unseen]
    if not asked:
        return {}
    columns = [labels.index(label) for label in unseen]
    right = [unseen[int(np.argmax(found[at][columns]))] == gold[at] for at in asked]
    return {"accuracy_unseen": sum(right) / len(right)}


def _start(stage: Prompt, kind: ClozeHead, table_VD: Tensor, encoder: TextEncoder) -> SoftPrompt:
    """Return the prompt to start from; without any training it has no vectors."""
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
    """Read the English rows that are learned, none without vectors, and those of dev."""
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
    """Return how vectors are learned: no decay, no warm-up, and no choice on dev."""
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
