"""Run a model over rows: sorted by length, batched by tokens, results in the rows' own order."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stiltwalk.config.recipe import Precision
from stiltwalk.features.batches import inference_batches
from stiltwalk.features.rows import Features
from stiltwalk.kinds.kind import Batch, make_batch, uses_types
from stiltwalk.models.checkpoint import Model, require_room
from stiltwalk.models.device import number_format, pick_device

BATCH_TOKENS = 2048
"""Padded tokens per forward pass; large enough to fill a core, small enough to stay in cache."""

Tick = Callable[[int], None]
"""Told how many more rows are done."""


@dataclass(frozen=True, slots=True, eq=False)
class RowCosts:
    """What each row took, all shape (rows,).

    A batch's time is shared evenly among its rows, since each is padded to the same length.
    """

    real_tokens: NDArray[np.int64]
    padded_tokens: NDArray[np.int64]
    time_s: NDArray[np.float64]

    def of(self, rows: NDArray[np.int64] | slice) -> RowCosts:
        """Return the costs of some rows."""
        return RowCosts(self.real_tokens[rows], self.padded_tokens[rows], self.time_s[rows])


@dataclass(frozen=True, kw_only=True, eq=False)
class Engine:
    """A model ready to answer.

    Args:
        model: a transformers model, moved to its device by `ready`.
        pad_id: the tokenizer's padding id.
        precision: number format of matrix products.
        batch_tokens: padded tokens per forward pass; changes no answer.
        tick: told about progress.
    """

    model: Model
    pad_id: int
    precision: Precision = "fp32"
    batch_tokens: int = BATCH_TOKENS
    tick: Tick = lambda _: None

    def map_rows(
        self,
        features: Features,
        forward: Callable[[Model, Batch, NDArray[np.int64]], list[NDArray[Any]]],
    ) -> tuple[list[NDArray[Any]], RowCosts]:
        """Apply `forward(model, batch, rows)` to every row.

        Returns:
            One result per row in the features' order, and what each row took.
        """
        require_room(self.model, int(features.ids.lengths.max(initial=0)))
        device = pick_device()
        self.model.to(device).eval()
        num_rows = features.num_rows
        results: list[NDArray[Any] | None] = [None] * num_rows
        padded, time_s = np.zeros(num_rows, np.int64), np.zeros(num_rows)
        with_types = uses_types(self.model)
        with torch.inference_mode(), number_format(self.precision, device):
            for rows in inference_batches(features.ids.lengths, self.batch_tokens):
                began = time.perf_counter()
                batch = make_batch(features, rows, self.pad_id, with_types=with_types).to(device)
                for row, result in zip(rows, forward(self.model, batch, rows), strict=True):
                    results[row] = result
                padded[rows] = batch.input_ids_RT.shape[1]
                time_s[rows] = (time.perf_counter() - began) / len(rows)
                self.tick(len(rows))
        done = [result for result in results if result is not None]
        assert len(done) == num_rows
        return done, RowCosts(features.ids.lengths, padded, time_s)
