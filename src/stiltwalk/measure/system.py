"""The system under test: one model that is asked for one task's answers, text in, answers out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import torch

from stiltwalk.config.model_folder import read_config
from stiltwalk.config.recipe import Precision
from stiltwalk.features.rows import Features
from stiltwalk.features.sentences import line_features
from stiltwalk.features.text import TextEncoder, load_text_encoder
from stiltwalk.infer import Engine, RowCosts, block_at, forward, sentence_vectors
from stiltwalk.infer.embed import FINAL_NORM_FAMILIES
from stiltwalk.kinds import KindOfTask, of_kind
from stiltwalk.models import checkpoint
from stiltwalk.models.device import pick_device
from stiltwalk.records import Kind
from stiltwalk.tasks import Task


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """What answering one query took, from its text to its answers."""

    time_s: float
    tokenise_s: float
    forward_s: float
    decode_s: float
    real_tokens: int
    padded_tokens: int


class System(Protocol):
    """Answers queries; a query is one request, or several that are asked at once."""

    def answer(self, requests: Sequence[Any]) -> Spent:
        """Answer examples, or lines, and tell what it took."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a task's requests reach a model, the same for both.

    Args:
        task: whose requests.
        max_length_tokens: sub-words per row.
        precision: number format of matrix products.
        relative_depth: where retrieval reads sentence vectors.
    """

    task: Task
    max_length_tokens: int
    precision: Precision = "fp32"
    relative_depth: float = 14 / 24


@dataclass(frozen=True, kw_only=True, eq=False)
class Answerer:
    """A model with its tokenizer, ready for one task's requests.

    `block` is where sentence vectors are read, None for a model with a head.
    """

    engine: Engine
    encoder: TextEncoder
    settings: Settings
    block: int | None

    def answer(self, requests: Sequence[Any]) -> Spent:
        """Tokenise, run the model, decode; the answers themselves are not kept."""
        _synchronise()
        began = time.perf_counter()
        features = self._features(requests)
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
        )

    def weight_bytes(self) -> int:
        """Return what the model's weights take."""
        return sum(each.numel() * each.element_size() for each in self.engine.model.parameters())

    @cached_property
    def _labels(self) -> tuple[str, ...]:
        config = self.engine.model.config
        return tuple(config.id2label[number] for number in range(config.num_labels))

    @cached_property
    def _kind(self) -> KindOfTask:
        return of_kind(self.settings.task.kind)

    def _features(self, requests: Sequence[Any]) -> Features:
        longest = self.settings.max_length_tokens
        if self.block is not None:
            return line_features(requests, self.encoder, longest)
        return self._kind.features(requests, self.encoder, self._labels, longest)

    def _outputs(self, features: Features) -> tuple[Any, RowCosts]:
        if self.block is not None:
            return sentence_vectors(self.engine, features, self.block)
        return self.engine.map_rows(features, forward(self._kind, features))


def load_answerer(folder: Path, settings: Settings) -> Answerer:
    """Load a checkpoint for one task's requests, onto the device.

    Raises:
        ModelError: if the folder cannot be read as a model for the task.
    """
    block = cut = None
    if settings.task.kind is Kind.RETRIEVAL:
        config = read_config(folder)
        block = block_at(settings.relative_depth, config["num_hidden_layers"])
        cut = None if config["model_type"] in FINAL_NORM_FAMILIES else block
    model = checkpoint.load(settings.task.kind, folder, num_blocks=cut).to(pick_device())
    encoder = load_text_encoder(folder)
    engine = Engine(model=model, pad_id=encoder.pad_id, precision=settings.precision)
    return Answerer(engine=engine, encoder=encoder, settings=settings, block=block)


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


def _synchronise() -> None:
    """Wait until the device has done what it was asked, so that a clock tells the truth."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
