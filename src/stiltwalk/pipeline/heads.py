"""Evaluate a fine-tuned model: all languages in shared batches, answers language by language."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from stiltwalk.features.rows import Features
from stiltwalk.features.text import load_text_encoder
from stiltwalk.infer import Engine, outputs
from stiltwalk.kinds import of_kind
from stiltwalk.metrics import score
from stiltwalk.metrics.shares import shares
from stiltwalk.models import checkpoint
from stiltwalk.models.device import all_devices
from stiltwalk.pipeline.context import Context
from stiltwalk.pipeline.outcome import Outcome, asked_features, counter, english_ids
from stiltwalk.pipeline.precision import asked_format, checked
from stiltwalk.plan.stages import FineTune, Predict
from stiltwalk.records import Example, Split, gold_answers
from stiltwalk.store import Folder
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.available import available_languages
from stiltwalk.tasks.load import examples


def outcomes(stage: Predict, context: Context, folder: Folder) -> Iterator[Outcome]:
    """Answer all languages in shared batches, then take the answers apart."""
    task = TASKS[stage.rows.task]
    source = context.model_folder(stage.parent)
    encoder, model = load_text_encoder(source), checkpoint.load(task.kind, source)
    labels = tuple(model.config.id2label[number] for number in range(model.config.num_labels))
    kind = of_kind(task.kind)
    asked = {
        language: examples(task, context.data, Split.TEST, language, stage.max_rows)
        for language in stage.languages
    }

    def make() -> list[Features]:
        each = asked.values()
        return [kind.features(rows, encoder, labels, stage.max_length_tokens) for rows in each]

    features = asked_features(stage, context, source, make)
    if stage.shuffle is not None:
        english = english_ids(kind.features(_english(stage, context), encoder, labels, 1 << 20))
        checkpoint.shuffle_word_embeddings(model, english, seed=stage.shuffle)
    engine = Engine(
        model=model,
        pad_id=encoder.pad_id,
        precision=asked_format(stage),
        devices=all_devices(),
    )
    if stage.precision == "auto":
        engine = checked(stage, context, folder, engine, encoder)
    engine = replace(engine, tick=counter(context, features.whole.num_rows))
    found, costs = outputs(engine, kind, features.whole)
    for number, (language, rows) in enumerate(asked.items()):
        start, end = features.first_rows[number : number + 2]
        answers = kind.decode(found[start:end], features.part(number), rows, labels)
        gold = gold_answers(rows)
        yield Outcome(
            language=language,
            answers=answers,
            scores=score(task.metric, answers, gold, language),
            shares=shares(task.metric, answers, gold, language),
            num_examples=len(rows),
            costs=costs.of(slice(start, end)),
        )


def _english(stage: Predict, context: Context) -> Sequence[Example]:
    """Return all English rows that the stage's model was trained on or is asked about."""
    assert isinstance(stage.parent, FineTune)
    learned, asked = stage.parent.rows, TASKS[stage.rows.task]
    trained_on = TASKS[learned.task].chosen_on(learned.dev)
    limit = stage.parent.settings.max_rows
    rows = list(examples(trained_on, context.data, Split.TRAIN, "en", limit))
    if "en" in available_languages(asked, context.data):
        rows += examples(asked, context.data, Split.TEST, "en", stage.max_rows)
    return rows
