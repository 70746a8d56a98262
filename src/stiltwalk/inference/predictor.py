"""Examples → answers: the one way in which a model is asked, for scores, dev rows and clocks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
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
from stiltwalk.inference.backends import Found, Served, answered, backend_named
from stiltwalk.inference.backends.transformers import Transformers
from stiltwalk.inference.engine import (
    FINAL_NORM_FAMILIES,
    Engine,
    RowCosts,
    block_at,
    sentence_vectors,
)
from stiltwalk.inference.engines import EngineChoice, hosted, kept_below
from stiltwalk.models import checkpoint
from stiltwalk.models.checkpoint import Model, load_decoder, require_room
from stiltwalk.models.device import pick_device, say_once
from stiltwalk.models.locate import read_config
from stiltwalk.recipe.schema import Precision
from stiltwalk.recipe.types import Answering, RetrievalSettings
from stiltwalk.records import Answers, Example, TaskType
from stiltwalk.tasks.task import Task

_UNCUT_TOKENS = 1 << 20
"""Longer than any row, so that no word of one is missed."""


def outputs(
    engine: Engine,
    head: Head,
    features: Features,
    *,
    once: bool = True,
    fixed_tokens: int | None = None,
) -> Found:
    """Return what decoding needs of every row, or example, and what each took.

    Args:
        engine: holds the model.
        head: the shape of the task.
        features: the rows.
        once: run equal rows once.
        fixed_tokens: length of every written answer; None to let the model stop.
    """
    if isinstance(head, DecoderHead):
        backend = Transformers(engine=engine, once=once)
        return answered(backend, head, features, fixed_tokens)

    def forward(model: Model, batch: Batch, rows: NDArray[np.int64]) -> list[NDArray[Any]]:
        return head.outputs(model, batch, features, rows)

    first_equal = features.first_equal() if once else None
    return engine.map_rows(features, forward, first_equal=first_equal)


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """What answering one query took, from its text to its answers.

    `first_token_s` is until the first token of a written answer was there, `token_s` the time of
    each further one, where a server's answers are timed.
    """

    time_s: float
    tokenise_s: float
    forward_s: float
    decode_s: float
    real_tokens: int
    padded_tokens: int
    written_tokens: int = 0
    first_token_s: float = 0.0
    token_s: float = 0.0


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
        retrieval: how lines become vectors.
        answering: how decoders are asked, None for encoders.
        shots: solved examples that decoders see before every request.
        fixed_tokens: length of every written answer; None to let a model stop.
        labels: classes of a decoder's task that declares none.
        engine: what computes the encoder, None for torch in `precision`.
        conversions: where other engines keep theirs.
    """

    task: Task
    max_length_tokens: int
    precision: Precision = "fp32"
    retrieval: RetrievalSettings = field(default_factory=RetrievalSettings)
    answering: Answering | None = None
    shots: tuple[Example, ...] = ()
    fixed_tokens: int | None = None
    labels: tuple[str, ...] = ()
    engine: EngineChoice | None = None
    conversions: Path = Path()

    @property
    def computes(self) -> str:
        """The number format, and the engine if it is not torch."""
        return self.engine.says if self.engine else self.precision

    @property
    def name(self) -> str:
        """What is measured: the task, and the length if it is fixed."""
        if self.fixed_tokens is None:
            return self.task.name
        return f"{self.task.name}, {self.fixed_tokens} tokens each"

    @property
    def writes(self) -> bool:
        """Whether answers are written token by token."""
        return self.answering is not None and self.answering.way == "generation"


@dataclass(kw_only=True, eq=False)
class Predictor:
    """A model with its tokenizer, ready for one task's requests: examples, or lines.

    Args:
        settings: how it is asked.
        engine: holds the model.
        encoder: its tokenizer.
        folder: of the checkpoint, or of the model that a prompt belongs to.
        labels: names of the classes.
        head: makes rows and reads answers; None for retrieval, whose answers are vectors.
        block: where sentence vectors are read, None for a model that answers.
        is_changed: whether the weights are others than the checkpoint's.
    """

    settings: Settings
    engine: Engine
    encoder: TextEncoder
    folder: Path
    labels: tuple[str, ...] = ()
    head: Head | None = None
    block: int | None = None
    is_changed: bool = False

    def features(self, requests: Sequence[Any]) -> Features:
        """Return what the model is fed."""
        longest = self.settings.max_length_tokens
        if self.head is None:
            lines = [self.settings.retrieval.prefix + line for line in requests]
            return line_features(lines, self.encoder, longest)
        if isinstance(self.head, DecoderHead):
            return self.head.asked(requests, self.labels, longest)
        return self.head.features(requests, self.encoder, self.labels, longest)

    def outputs(self, features: Features, *, once: bool = False) -> tuple[Any, RowCosts]:
        """Return what decoding needs of every row, or a vector for each, and what each took."""
        if self.head is None:
            assert self.block is not None
            pooling = self.settings.retrieval.pooling
            return sentence_vectors(self.engine, features, self.block, pooling)
        fixed_tokens = self.settings.fixed_tokens
        return outputs(self.engine, self.head, features, once=once, fixed_tokens=fixed_tokens)

    def outputs_through(self, backend: str, features: Features, aside: Path) -> Found:
        """Return the same of a decoder that another backend runs, which may copy it aside."""
        assert isinstance(self.head, DecoderHead)
        longest = int(features.ids.lengths.max(initial=0))
        new_tokens = 0 if self.head.is_scored else self.head.max_new_tokens
        require_room(self.engine.model, longest + new_tokens)
        served = Served(
            engine=self.engine,
            folder=self.folder,
            is_changed=self.is_changed,
            most_tokens=longest + max(new_tokens, 1),  # some write one in any case
            aside=aside,
        )
        with backend_named(backend).opened(served) as opened:
            return answered(opened, self.head, features)

    def through(self, choice: EngineChoice, conversions: Path) -> Engine:
        """Return the engine with an encoder that something else computes; see `hosted`."""
        model, reads_first_token = self.engine.model, getattr(self.head, "reads_first_token", False)
        blocks = getattr(model.config, "num_hidden_layers", None)
        keep = kept_below(conversions, self.folder, blocks, self.block, reads_first_token)
        host = hosted(
            model, choice, keep, block=self.block, reads_first_token=bool(reads_first_token)
        )
        is_torch = host is model and choice.format == "bf16"
        return replace(
            self.engine,
            model=host,
            precision="bf16" if is_torch else "fp32",
            batch_tokens=choice.batch_tokens,
        )

    def decode(self, outputs: Any, features: Features, requests: Sequence[Any]) -> Answers:  # noqa: ANN401 - as the head makes them
        """Return the answers in the order of the requests; vectors of retrieval as they are."""
        if self.head is None:
            found: Answers = outputs
            return found
        return self.head.decode(outputs, features, requests, self.labels)

    def answers(self, requests: Sequence[Any]) -> Answers:
        """Answer requests."""
        features = self.features(requests)
        found, _ = self.outputs(features)
        return self.decode(found, features, requests)

    def answer(self, requests: Sequence[Any]) -> Spent:
        """Do the same and tell what it took; the answers themselves are not kept."""
        _synchronise()
        began = time.perf_counter()
        features = self.features(requests)
        tokenised = time.perf_counter()
        found, costs = self.outputs(features)
        _synchronise()
        ran = time.perf_counter()
        self.decode(found, features, requests)
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

    def weight_bytes(self) -> int:
        """Return what the model's weights take."""
        return sum(each.numel() * each.element_size() for each in self.engine.model.parameters())

    def shuffle_embeddings(self, english: Sequence[Any], seed: int) -> None:
        """Permute the word embeddings of every id that none of these requests uses."""
        if self.head is None:
            seen = self.features(english)
        else:
            seen = self.head.features(english, self.encoder, self.labels, _UNCUT_TOKENS)
        kept = np.unique(seen.ids.values).tolist()
        if isinstance(self.head, DecoderHead):
            kept += self.encoder.special_ids.tolist()
        checkpoint.shuffle_word_embeddings(self.engine.model, kept, seed=seed)
        self.is_changed = True


def load_predictor(where: Path | PromptedFolder, settings: Settings) -> Predictor:
    """Load a checkpoint, or a prompt with its model, for one task's requests.

    Raises:
        ModelError: if the folder cannot be read as a model for the task.
    """
    task, labels = settings.task, settings.labels or settings.task.labels
    head: Head | None = None
    block = None
    if isinstance(where, PromptedFolder):
        folder = where.model.encoder
        model, encoder, head = where.load(), load_text_encoder(folder), where.kind()
    elif task.task_type is TaskType.RETRIEVAL:
        folder, decodes = where, settings.answering is not None
        encoder = load_prompt_encoder(folder, chat=False) if decodes else load_text_encoder(folder)
        model, block = cut_encoder(folder, settings.retrieval.relative_depth, is_decoder=decodes)
    elif settings.answering is not None:
        folder = where
        head = decoder_head(task, settings.answering, folder, settings.shots)
        model, encoder = load_decoder(folder), head.encoder
    else:
        folder, head = where, head_of(task.task_type)
        model, encoder = checkpoint.load(task.task_type, folder), load_text_encoder(folder)
        labels = tuple(model.config.id2label[number] for number in range(model.config.num_labels))
    predictor = Predictor(
        settings=settings,
        engine=Engine(model=model, pad_id=encoder.pad_id, precision=settings.precision),
        encoder=encoder,
        folder=folder,
        labels=labels,
        head=head,
        block=block,
    )
    if settings.engine:
        predictor.engine = predictor.through(settings.engine, settings.conversions)
    return predictor


def cut_encoder(
    folder: Path, relative_depth: float, *, is_decoder: bool = False
) -> tuple[Model, int]:
    """Return an encoder, cut where that changes nothing, and the block that is read.

    Decoders have a norm behind the last block, so they are not cut.
    """
    config = read_config(folder)
    num_blocks = config.get("num_hidden_layers")
    if is_decoder or num_blocks is None or config["model_type"] in FINAL_NORM_FAMILIES:
        say_once(
            f"An encoder of the family {config['model_type']} cannot be cut short: retrieval runs "
            "all of its blocks, not only those that are read."
        )
        model = checkpoint.load(TaskType.RETRIEVAL, folder)
        return model, block_at(relative_depth, model.config.num_hidden_layers)
    block = block_at(relative_depth, num_blocks)
    return checkpoint.load(TaskType.RETRIEVAL, folder, num_blocks=block), block


@dataclass(frozen=True, eq=False)
class Delayed:
    """A system that takes a share more time than it needs: a difference that must be seen.

    Args:
        system: what is delayed.
        shares: of its time, rising; 0 for what it takes itself.
    """

    system: System
    shares: tuple[float, ...]

    def answers(self, requests: Sequence[Any]) -> list[Spent]:
        """Answer once, then keep the processor busy; return what it took up to every share."""
        spent = self.system.answer(requests)
        began, found = time.perf_counter(), []
        for share in self.shares:
            waited_s = 0.0
            while waited_s < share * spent.time_s:
                waited_s = time.perf_counter() - began
            found.append(replace(spent, time_s=spent.time_s + waited_s))
        return found

    def answer(self, requests: Sequence[Any]) -> Spent:
        """Answer, and take the largest share more."""
        return self.answers(requests)[-1]

    def move(self) -> None:
        """Move what is delayed."""
        self.system.move()


def _synchronise() -> None:
    """Wait until the device has done what it was asked, so that a clock tells the truth."""
    if pick_device().type == "cuda":
        torch.cuda.synchronize()
