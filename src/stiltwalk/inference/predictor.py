"""Examples → answers: one model that is asked for one task's answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from stiltwalk.features.prompts import load_prompt_encoder
from stiltwalk.features.rows import Features
from stiltwalk.features.sentences import line_features
from stiltwalk.features.text import TextEncoder, load_text_encoder
from stiltwalk.heads import head_of
from stiltwalk.heads.cloze import PromptedFolder
from stiltwalk.heads.decoder import DecoderHead, decoder_head
from stiltwalk.heads.head import Batch, Head
from stiltwalk.inference.backends.backend import answered, stopping_of
from stiltwalk.inference.backends.transformers import Transformers, written
from stiltwalk.inference.embed import FINAL_NORM_FAMILIES, block_at, sentence_vectors
from stiltwalk.inference.engine import Engine, RowCosts
from stiltwalk.models import checkpoint
from stiltwalk.models.checkpoint import Model, load_decoder
from stiltwalk.models.device import pick_device
from stiltwalk.models.locate import read_config
from stiltwalk.recipe.schema import Precision
from stiltwalk.recipe.types import Answering, Pooling
from stiltwalk.records import Answers, Example, TaskType
from stiltwalk.tasks.task import Task


def forward(
    kind: Head, features: Features
) -> Callable[[Model, Batch, NDArray[np.int64]], list[NDArray[Any]]]:
    """Return what `Engine.map_rows` applies to every batch."""
    return lambda model, batch, rows: kind.outputs(model, batch, features, rows)


def outputs(
    engine: Engine, kind: Head, features: Features, *, once: bool = True
) -> tuple[list[NDArray[Any]], RowCosts]:
    """Return what decoding needs of every row, or example, and what each took.

    Args:
        engine: holds the model.
        kind: the shape of the task.
        features: the rows.
        once: run equal rows once.
    """
    if isinstance(kind, DecoderHead):
        return answered(Transformers(engine=engine, once=once), kind, features)
    first_equal = features.first_equal() if once else None
    return engine.map_rows(features, forward(kind, features), first_equal=first_equal)


def predict(
    engine: Engine,
    kind: Head,
    features: Features,
    examples: Sequence[Any],
    labels: Sequence[str],
) -> tuple[Answers, RowCosts]:
    """Answer examples.

    Args:
        engine: holds the model.
        kind: the shape of the task.
        features: the examples' rows, as `kind.features` made them.
        examples: in their own order.
        labels: names of the model's classes.

    Returns:
        Answers in the order of the examples, and what each row took.
    """
    found, costs = outputs(engine, kind, features)
    return kind.decode(found, features, examples, labels), costs


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """What answering one query took, from its text to its answers.

    `first_token_s` is until the first token of a written answer was there.
    """

    time_s: float
    tokenise_s: float
    forward_s: float
    decode_s: float
    real_tokens: int
    padded_tokens: int
    written_tokens: int = 0
    first_token_s: float = 0.0


class System(Protocol):
    """Answers queries; a query is one request, or several that are asked at once."""

    def answer(self, requests: Sequence[Any]) -> Spent:
        """Answer examples, or lines, and tell what it took."""

    def move(self) -> None:
        """Go to other places in memory: where a model lies changes its time by up to a percent."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How one model is asked for a task's answers: as its scores were made, where it has some.

    Args:
        task: whose requests.
        max_length_tokens: sub-words per row.
        precision: number format of matrix products.
        relative_depth: where retrieval reads sentence vectors.
        answering: how decoders are asked, None for encoders.
        shots: solved examples that decoders see before every request.
        fixed_tokens: length of every written answer; None to let a model stop.
    """

    task: Task
    max_length_tokens: int
    precision: Precision = "fp32"
    relative_depth: float = 14 / 24
    answering: Answering | None = None
    shots: tuple[Example, ...] = ()
    fixed_tokens: int | None = None

    @property
    def name(self) -> str:
        """What is measured: the task, and the length if it is fixed."""
        if self.fixed_tokens is None:
            return self.task.name
        return f"{self.task.name}, {self.fixed_tokens} tokens each"

    @property
    def pooling(self) -> Pooling:
        """How retrieval makes one vector of a sentence's."""
        return self.answering.pooling if self.answering else "mean"

    @property
    def writes(self) -> bool:
        """Whether answers are written token by token."""
        return self.answering is not None and self.answering.way == "generation"


@dataclass(kw_only=True, eq=False)
class Answerer:
    """A model with its tokenizer, ready for one task's requests.

    `block` is where sentence vectors are read, None for a model that answers; `prompts` how a
    decoder is asked; `cloze` makes the rows of a model that is asked at a mask.
    """

    engine: Engine
    encoder: TextEncoder
    settings: Settings
    block: int | None
    prompts: DecoderHead | None = None
    cloze: Head | None = None

    def answer(self, requests: Sequence[Any]) -> Spent:
        """Tokenise, run the model, decode; the answers themselves are not kept."""
        _synchronise()
        began = time.perf_counter()
        features = self.features(requests)
        tokenised = time.perf_counter()
        outputs, costs = self._outputs(features)
        _synchronise()
        ran = time.perf_counter()
        if self.block is None:
            self._kind.decode(outputs, features, requests, self._labels)
        ended = time.perf_counter()
        return Spent(
            time_s=ended - began,
            tokenise_s=tokenised - began,
            forward_s=ran - tokenised,
            decode_s=ended - ran,
            real_tokens=int(costs.real_tokens.sum()),
            padded_tokens=int(costs.padded_tokens.sum()),
            written_tokens=int(costs.written_tokens.sum()),
            first_token_s=tokenised - began + float(costs.first_token_s.max(initial=0)),
        )

    def move(self) -> None:
        """Let a copy take the model's place."""
        self.engine = replace(self.engine, model=deepcopy(self.engine.model))

    def features(self, requests: Sequence[Any]) -> Features:
        """Return what the model is fed for examples, or for lines."""
        longest = self.settings.max_length_tokens
        if self.block is not None:
            return line_features(requests, self.encoder, longest)
        if self.prompts is not None:
            return self.prompts.asked(requests, self._labels, longest)
        return self._kind.features(requests, self.encoder, self._labels, longest)

    def weight_bytes(self) -> int:
        """Return what the model's weights take."""
        return sum(each.numel() * each.element_size() for each in self.engine.model.parameters())

    @cached_property
    def _labels(self) -> tuple[str, ...]:
        if self.prompts is not None:
            return self.settings.task.labels
        config = self.engine.model.config
        return tuple(config.id2label[number] for number in range(config.num_labels))

    @cached_property
    def _kind(self) -> Head:
        return self.prompts or self.cloze or head_of(self.settings.task.task_type)

    def _outputs(self, features: Features) -> tuple[Any, RowCosts]:
        if self.block is not None:
            return sentence_vectors(self.engine, features, self.block, self.settings.pooling)
        if self.prompts is not None and self.settings.fixed_tokens is not None:
            stopping = stopping_of(self.prompts, self.settings.fixed_tokens)
            return written(self.engine, features, stopping)
        return outputs(self.engine, self._kind, features, once=False)


def load_answerer(where: Path | PromptedFolder, settings: Settings) -> Answerer:
    """Load a checkpoint, or a prompt with its model, for one task's requests, onto the device.

    Raises:
        ModelError: if the folder cannot be read as a model for the task.
    """
    if isinstance(where, PromptedFolder):
        return _prompted(where, settings)
    folder = where
    if settings.answering is not None and settings.task.task_type is not TaskType.RETRIEVAL:
        prompts = decoder_head(settings.task, settings.answering, folder, settings.shots)
        model = load_decoder(folder).to(pick_device())
        asked_in = prompts.encoder
        engine = Engine(model=model, pad_id=asked_in.pad_id, precision=settings.precision)
        return Answerer(
            engine=engine, encoder=asked_in, settings=settings, block=None, prompts=prompts
        )
    block = cut = None
    if settings.task.task_type is TaskType.RETRIEVAL:
        config = read_config(folder)
        block = block_at(settings.relative_depth, config["num_hidden_layers"])
        is_whole = settings.answering is not None or config["model_type"] in FINAL_NORM_FAMILIES
        cut = None if is_whole else block
    model = checkpoint.load(settings.task.task_type, folder, num_blocks=cut).to(pick_device())
    decodes = settings.answering is not None
    encoder = load_prompt_encoder(folder, chat=False) if decodes else load_text_encoder(folder)
    engine = Engine(model=model, pad_id=encoder.pad_id, precision=settings.precision)
    return Answerer(engine=engine, encoder=encoder, settings=settings, block=block)


def _prompted(where: PromptedFolder, settings: Settings) -> Answerer:
    """Load a prompt with its model."""
    model, encoder = where.load().to(pick_device()), load_text_encoder(where.model.encoder)
    return Answerer(
        engine=Engine(model=model, pad_id=encoder.pad_id, precision=settings.precision),
        encoder=encoder,
        settings=settings,
        block=None,
        cloze=where.kind(),
    )


@dataclass(frozen=True, eq=False)
class Delayed:
    """A system that takes a share more time than it needs: a difference that must be seen."""

    system: System
    share: float

    def answer(self, requests: Sequence[Any]) -> Spent:
        """Answer, then keep the processor busy for a share of the time it took."""
        spent = self.system.answer(requests)
        began = time.perf_counter()
        while (waited_s := time.perf_counter() - began) < self.share * spent.time_s:
            pass
        return replace(spent, time_s=spent.time_s + waited_s)

    def move(self) -> None:
        """Move what is delayed."""
        self.system.move()


def _synchronise() -> None:
    """Wait until the device has done what it was asked, so that a clock tells the truth."""
    if pick_device().type == "cuda":
        torch.cuda.synchronize()
