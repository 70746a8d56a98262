"""Run a model over rows: sorted by length, batched by tokens, results in the rows' own order.

Shape letters: R rows, T tokens, D width of the encoder.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from stiltwalk.errors import NotFinite
from stiltwalk.features.batches import inference_batches
from stiltwalk.features.rows import Features
from stiltwalk.heads.head import Batch, make_batch, uses_types
from stiltwalk.models.checkpoint import Model, require_room
from stiltwalk.models.device import batch_tokens, number_format, pick_device
from stiltwalk.recipe.schema import Precision
from stiltwalk.recipe.types import Pooling

FINAL_NORM_FAMILIES = (
    "modernbert",
    "xlm-roberta-xl",
    "eurobert",
    "gemma3_text",
    "roberta-prelayernorm",
    "esm",
)
"""Families that put a norm behind the last block: cut short, they would end in it too."""

Tick = Callable[[int], None]
"""Told how many more rows are done."""

Forward = Callable[[Model, Batch, NDArray[np.int64]], list[NDArray[Any]]]
"""Runs a model on a batch of some rows, and returns one result for each."""


@dataclass(frozen=True, slots=True, eq=False)
class RowCosts:
    """What each row took, all shape (rows,); the last two only where answers are written.

    A batch's time is shared evenly among its rows, since each is padded to the same length.
    """

    real_tokens: NDArray[np.int64]
    padded_tokens: NDArray[np.int64]
    time_s: NDArray[np.float64]
    written_tokens: NDArray[np.int64]
    first_token_s: NDArray[np.float64]

    @classmethod
    def nothing(cls, num_rows: int) -> RowCosts:
        """Return the costs of rows that took nothing yet."""
        counts = np.zeros((3, num_rows), dtype=np.int64)
        return cls(counts[0], counts[1], np.zeros(num_rows), counts[2], np.zeros(num_rows))

    def of(self, rows: NDArray[np.int64] | slice) -> RowCosts:
        """Return the costs of some rows."""
        return RowCosts(
            self.real_tokens[rows],
            self.padded_tokens[rows],
            self.time_s[rows],
            self.written_tokens[rows],
            self.first_token_s[rows],
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Engine:
    """A model ready to answer.

    Args:
        model: a transformers model, moved to its device before the first batch.
        pad_id: the tokenizer's padding id.
        precision: number format of matrix products.
        batch_tokens: padded tokens per forward pass, None for what the device has room for;
            changes no answer.
        tick: told about progress.
        devices: which share the batches, each with a copy of the model; none for the one where
            this process computes.
    """

    model: Model
    pad_id: int
    precision: Precision = "fp32"
    batch_tokens: int | None = None
    tick: Tick = lambda _: None
    devices: tuple[torch.device, ...] = ()

    def map_rows(
        self, features: Features, forward: Forward, *, first_equal: NDArray[np.int64] | None = None
    ) -> tuple[list[NDArray[Any]], RowCosts]:
        """Return `forward(model, batch, rows)` of every row, in order, and what each row took.

        `first_equal` tells for every row the one whose result it takes, which takes nothing.
        """
        devices = self.devices or (pick_device(),)
        models = self._ready(features, devices)
        budget = self.batch_tokens or batch_tokens(self.model.config, devices[0])
        taken = np.arange(features.num_rows) if first_equal is None else first_equal
        run, lengths = np.unique(taken), features.ids.lengths
        results: dict[int, NDArray[Any]] = {}
        costs = RowCosts.nothing(features.num_rows)
        batches = iter(_told_by_tokens(list(inference_batches(lengths[run], budget)), lengths[run]))

        def work(model: Model, device: torch.device) -> None:
            """Take batches until none is left."""
            with torch.inference_mode(), number_format(self.precision, device), finite(model):
                for picked, told in batches:
                    rows = run[picked]
                    began = time.perf_counter()
                    found = self._found(model, features, rows, forward, device)
                    results.update(zip(rows.tolist(), found, strict=True))
                    costs.real_tokens[rows] = lengths[rows]
                    costs.padded_tokens[rows] = lengths[rows].max()
                    costs.time_s[rows] = (time.perf_counter() - began) / len(rows)
                    self.tick(told)

        if len(models) == 1:
            work(models[0], devices[0])
        else:
            with ThreadPoolExecutor(len(models)) as pool:
                list(pool.map(work, models, devices))
        self.tick(features.num_rows - len(run))
        return [results[row] for row in taken.tolist()], costs

    def _found(
        self,
        model: Model,
        features: Features,
        rows: NDArray[np.int64],
        forward: Forward,
        device: torch.device,
    ) -> list[NDArray[Any]]:
        """Run a batch; where what comes out is not finite, its rows one by one, to name it."""
        try:
            return forward(model, self._batch(features, rows).to(device), rows)
        except NotFinite as error:
            for at in range(len(rows)) if len(rows) > 1 else ():
                self._found(model, features, rows[at : at + 1], forward, device)
            raise NotFinite(str(error), int(rows[0])) from error

    def _ready(self, features: Features, devices: tuple[torch.device, ...]) -> list[Model]:
        """Return the model in its answering mode on every device: itself first, then copies."""
        require_room(self.model, int(features.ids.lengths.max(initial=0)))
        self.model.to(devices[0]).eval()
        return [self.model, *(deepcopy(self.model).to(each) for each in devices[1:])]

    def _batch(self, features: Features, rows: NDArray[np.int64]) -> Batch:
        return make_batch(features, rows, self.pad_id, with_types=uses_types(self.model))


def _told_by_tokens(
    batches: Sequence[NDArray[np.int64]], lengths: NDArray[np.int64]
) -> list[tuple[NDArray[np.int64], int]]:
    """Return batches, each with its share of the rows by tokens: the longest rows come first.

    So progress goes as evenly as the clock does.
    """
    tokens = np.cumsum([len(each) * int(lengths[each].max()) for each in batches])
    rows = (tokens * len(lengths) // max([1, *tokens[-1:]])).tolist()
    return [
        (each, end - begin) for each, begin, end in zip(batches, [0, *rows], rows, strict=False)
    ]


@contextmanager
def finite(model: Model) -> Iterator[None]:
    """Refuse what a model computes inside the block if it is no number, or infinite.

    Of a decoder's logits the largest must be: some say minus infinity of words they never write.
    """
    generates = getattr(model, "can_generate", bool)()

    def look(_module: nn.Module, _inputs: Any, found: Any) -> None:  # noqa: ANN401 - transformers' own
        for tensor in (vars(found) if isinstance(found, SimpleNamespace) else found).values():
            if not isinstance(tensor, Tensor):
                continue
            if not bool(torch.isfinite(tensor.amax(dim=-1) if generates else tensor).all()):
                raise NotFinite(
                    "What the model computes is not finite: its weights are broken, or its number "
                    "format is too narrow. Look at the weights, or set precision to fp32."
                )

    with model.register_forward_hook(look):
        yield


def block_at(relative_depth: float, num_blocks: int) -> int:
    """Return the block whose output is read: the same relative depth, at least the first.

    Source: block 14 of 24 in Phang et al. (2020), arXiv 2005.13013.
    """
    return max(1, round(relative_depth * num_blocks))


def sentence_vectors(
    engine: Engine, features: Features, block: int, pooling: Pooling = "mean"
) -> tuple[NDArray[np.float32], RowCosts]:
    """Return one vector per row of one block's output.

    Args:
        engine: holds an encoder with `block` blocks, or with more.
        features: one row per line.
        block: 1 for the first block's output.
        pooling: see `RetrievalSettings`.

    Returns:
        Vectors in the order of the rows, shape (rows, D), and what each row took.
    """
    width = int(engine.model.config.hidden_size)
    vectors = np.empty((features.num_rows, width), dtype=np.float32)

    def embed(model: Model, batch: Batch, rows: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        vectors[rows] = _pooled_state(model, batch, block, pooling)
        return [vectors[row] for row in rows.tolist()]

    _, costs = engine.map_rows(features, embed)
    return vectors, costs


def _pooled_state(model: Model, batch: Batch, block: int, pooling: Pooling) -> NDArray[np.float32]:
    """Return one vector per row, shape (R, D)."""
    states = model(**batch.inputs(), output_hidden_states=True).hidden_states
    if pooling == "mean":
        mask_RT1 = batch.attention_mask_RT[..., None].to(torch.float32)
        vectors_RD = (states[block].float() * mask_RT1).sum(dim=1) / mask_RT1.sum(dim=1)
    else:
        last_R = batch.attention_mask_RT.sum(dim=1) - 1
        at_R = last_R if pooling == "last" else torch.zeros_like(last_R)
        vectors_RD = states[block][range(len(at_R)), at_R].float()
    vectors: NDArray[np.float32] = vectors_RD.cpu().numpy()
    return vectors
