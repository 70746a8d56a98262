"""Decoder language models in the pipeline: what they train on, and how they are evaluated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from stiltwalk.config.recipe import TrainSettings
from stiltwalk.draws import Draws
from stiltwalk.features.rows import Features, concatenated
from stiltwalk.infer import Engine
from stiltwalk.infer.backend import Backend, answered
from stiltwalk.infer.prompted import Transformers
from stiltwalk.infer.vllm_backend import VLLM
from stiltwalk.kinds.rendering import UNPARSED, PromptKind, prompt_kind
from stiltwalk.metrics import score
from stiltwalk.metrics.shares import shares
from stiltwalk.models import adapters, checkpoint
from stiltwalk.models.causal_lm import load_decoder
from stiltwalk.models.device import all_devices
from stiltwalk.pipeline.context import MODEL, Context
from stiltwalk.pipeline.mixture import Mixture
from stiltwalk.pipeline.outcome import Outcome, counter, english_ids
from stiltwalk.pipeline.precision import asked_format
from stiltwalk.plan.stages import Asking, FineTune, Intermediate, Predict, Rows
from stiltwalk.records import Example, Scores, Split, gold_answers
from stiltwalk.store import Folder
from stiltwalk.tasks import TASKS, Task
from stiltwalk.tasks.load import examples
from stiltwalk.train.learner import TaskRows, labels_of
from stiltwalk.train.mixing import steps_per_task
from stiltwalk.train.rendered import rendered_rows


def trainee(stage: Intermediate | FineTune, source: Path) -> checkpoint.Model:
    """Load a decoder to train; where adapters are trained its head, like the rest, is not."""
    model = load_decoder(source)
    if stage.lora:
        adapters.add(model.base_model, stage.lora, seed=stage.draws.number("adapters"))
        model.get_output_embeddings().requires_grad_(requires_grad=False)
    return model


def mixture_of(
    stage: Intermediate | FineTune, model: checkpoint.Model, context: Context, source: Path
) -> Mixture:
    """Return what a stage trains a decoder on: its tasks as text, all through the one head."""
    if isinstance(stage, FineTune):
        assert stage.asking is not None
        return Mixture(
            rows=[_rows(stage.rows, stage, stage.asking, context, source)], models=[model]
        )
    rows = [
        _rows(each, stage, asking, context, source)
        for each, asking in zip(stage.rows, stage.asking, strict=True)
    ]
    batch_size = stage.settings.effective_batch_size
    return Mixture(
        rows=[*rows],
        models=[model] * len(rows),
        num_steps=steps_per_task([r.train.num_units for r in rows], batch_size, stage.mixing),
    )


def _rows(
    rows: Rows, stage: Intermediate | FineTune, asking: Asking, context: Context, source: Path
) -> TaskRows:
    task = TASKS[rows.task].chosen_on(rows.dev)
    kind = prompt_kind(task, asking.answering, source)
    return rendered_rows(
        kind,
        examples(task, context.data, Split.TRAIN, "en", stage.settings.max_rows),
        examples(task, context.data, Split.DEV, "en"),
        _with_length(stage.settings, task),
    )


def _with_length(settings: TrainSettings, task: Task) -> TrainSettings:
    longest = settings.max_length_tokens or task.max_length_tokens
    return replace(settings, max_length_tokens=longest)


def outcomes(stage: Predict, context: Context, folder: Folder) -> Iterator[Outcome]:
    """Answer all languages in shared batches, then take the answers apart."""
    task, source = TASKS[stage.rows.task], context.model_folder(stage.parent)
    assert stage.asking is not None
    train = english_rows(stage, context)
    kind = prompt_kind(
        task, stage.asking.answering, source, shots_of(stage.asking, task.name, train)
    )
    labels = labels_of(task, train)
    asked = {
        language: examples(task, context.data, Split.TEST, language, stage.max_rows)
        for language in stage.languages
    }
    parts = [kind.asked(rows, labels, stage.max_length_tokens) for rows in asked.values()]
    model = load_decoder(source)
    if stage.shuffle is not None:
        english = list(train) + list(asked.get("en", ()))
        seen = english_ids(kind.features(english, kind.encoder, labels, 1 << 20))
        kept = [*seen, *kind.encoder.special_ids.tolist()]
        checkpoint.shuffle_word_embeddings(model, kept, seed=stage.shuffle)
    together = concatenated(parts)
    with _backend(stage, model, kind, together, context, folder) as backend:
        found, costs = answered(backend, kind, together)
    start = 0
    for (language, rows), part in zip(asked.items(), parts, strict=True):
        here = slice(start, start := start + part.num_units)
        answers = kind.decode(found[here], part, rows, labels)
        gold = gold_answers(rows)
        yield Outcome(
            language=language,
            answers=answers,
            scores={
                **score(task.metric, answers, gold, language),
                **_unparsed(kind, found[here], rows, labels),
            },
            shares=shares(task.metric, answers, gold, language),
            num_examples=len(rows),
            costs=costs.of(here),
        )


@contextmanager
def _backend(
    stage: Predict,
    model: checkpoint.Model,
    kind: PromptKind,
    features: Features,
    context: Context,
    folder: Folder,
) -> Iterator[Backend]:
    """Give what answers the rows: vLLM is handed the model, adapters merged."""
    precision = asked_format(stage)
    tick = counter(context, features.num_units)
    if stage.backend is None:
        engine = Engine(
            model=model,
            pad_id=kind.encoder.pad_id,
            precision=precision,
            tick=tick,
            devices=all_devices(),
        )
        yield Transformers(engine=engine, once=True)
        return
    longest = int(features.ids.lengths.max(initial=0))
    new_tokens = 0 if kind.is_scored else kind.max_new_tokens
    checkpoint.require_room(model, longest + new_tokens)
    served = context.model_folder(stage.parent)
    with TemporaryDirectory(dir=folder.path) as aside:
        if stage.shuffle is not None or (served / adapters.CONFIG).is_file():
            tokenizer, served = served, Path(aside) / MODEL
            checkpoint.save(model, served, tokenizer_from=tokenizer)
        most_tokens = longest + max(new_tokens, 1)  # it writes one in any case
        vllm = VLLM(served, precision=precision, most_tokens=most_tokens, tick=tick)
        with closing(vllm):
            yield vllm


def _unparsed(
    kind: PromptKind,
    found: Sequence[NDArray[np.int64]],
    rows: Sequence[Example],
    labels: Sequence[str],
) -> Scores:
    """Return the share of written answers that could not be read as one."""
    if kind.is_scored:
        return {}
    read = [exact for _, exact in kind.parsed(found, rows, labels)]
    return {UNPARSED: 1 - sum(read) / len(read)}


def english_rows(stage: Predict, context: Context) -> Sequence[Example]:
    """Return the English rows that the model was, or could have been, trained on."""
    task = TASKS[TASKS[stage.rows.task].train_task]
    if not isinstance(stage.parent, FineTune):
        return examples(task, context.data, Split.TRAIN, "en")
    task = task.chosen_on(stage.parent.rows.dev)
    return examples(task, context.data, Split.TRAIN, "en", stage.parent.settings.max_rows)


def shots_of(asking: Asking, task: str, train: Sequence[Example]) -> list[Example]:
    """Draw the solved rows that stand before every question."""
    draws = Draws(asking.seed, "evaluation", task)
    rng = np.random.default_rng(draws.number("solved rows"))
    count = min(asking.answering.in_context, len(train))
    return [train[at] for at in rng.choice(len(train), count, replace=False).tolist()]
