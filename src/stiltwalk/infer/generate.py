"""Prompts → the tokens that a decoder language model goes on with, greedily.

Prompts are padded on the left, so that all rows write at the same place; what is finished leaves
the batch, its part of the cache too.

Shape letters: R rows that are still written, T tokens so far, V vocabulary.
"""

from __future__ import annotations

import inspect
import time
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import DynamicCache

from stiltwalk.kinds import Batch
from stiltwalk.models.checkpoint import Model, first_position


@dataclass(frozen=True, kw_only=True)
class Stopping:
    """When an answer ends: at one of some tokens, within bounds.

    Args:
        stop_ids: any of them ends it; written by nobody before `least_tokens` are.
        most_tokens: it ends there at the latest.
        least_tokens: as many are written at least; equal to `most_tokens` it fixes the length.
    """

    stop_ids: Tensor
    most_tokens: int
    least_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Written:
    """What a batch went on with.

    Args:
        rows: per row its tokens, without the one that ended it.
        num_tokens: per row how many were computed, that one included.
        first_token_s: from the beginning to the first token of all rows.
    """

    rows: list[list[int]]
    num_tokens: list[int]
    first_token_s: float


class Continuation:
    """A model in the middle of some rows: what it has read, and what it expects next."""

    def __init__(self, model: Model, batch: Batch) -> None:
        """Read prompts that are padded on the right."""
        self._model = model
        # BLOOM is told no positions: it counts them in the mask
        self._told_positions = "position_ids" in inspect.signature(model.forward).parameters
        self._first_position = first_position(model.config)
        ids_RT, self._mask_RT = _moved_right(batch)
        self._cache = DynamicCache(config=model.config)
        self.logits_RV = self._read(ids_RT, keep=1)[:, -1]

    def feed(self, ids_RT: Tensor, mask_RT: Tensor | None = None) -> Tensor:
        """Read more tokens of every row; return what is expected behind each, shape (R, T, V)."""
        more_RT = torch.ones_like(ids_RT) if mask_RT is None else mask_RT
        self._mask_RT = torch.cat([self._mask_RT, more_RT], dim=1)
        return self._read(ids_RT, keep=0)

    def select(self, rows: Tensor) -> None:
        """Go on with some rows alone, in a given order; a row may be taken several times."""
        self._mask_RT = self._mask_RT[rows]
        self._cache.batch_select_indices(rows)

    def _read(self, ids_RT: Tensor, *, keep: int) -> Tensor:
        inputs = {"input_ids": ids_RT, "attention_mask": self._mask_RT, "logits_to_keep": keep}
        if self._told_positions:
            position_RT = (self._mask_RT.cumsum(dim=1) - 1).clamp(min=0) + self._first_position
            inputs["position_ids"] = position_RT[:, -ids_RT.shape[1] :]
        logits: Tensor = self._model(**inputs, past_key_values=self._cache, use_cache=True).logits
        return logits.float()


def write(model: Model, batch: Batch, stopping: Stopping) -> Written:
    """Return what a model writes behind prompts that are padded on the right."""
    began = time.perf_counter()
    reading = Continuation(model, batch)
    logits_RV, first_token_s = reading.logits_RV, 0.0
    stop_ids = stopping.stop_ids.to(logits_RV.device)
    going = list(range(len(logits_RV)))
    rows: list[list[int]] = [[] for _ in going]
    num_tokens = [0] * len(going)
    for step in range(stopping.most_tokens):
        if step < stopping.least_tokens:
            logits_RV[:, stop_ids] = -torch.inf
        next_R = logits_RV.argmax(dim=-1)
        is_over_R = torch.isin(next_R, stop_ids)
        tokens, over = next_R.tolist(), is_over_R.tolist()
        if step == 0:
            first_token_s = time.perf_counter() - began
        for row, token, is_over in zip(going, tokens, over, strict=True):
            num_tokens[row] += 1
            if not is_over:
                rows[row].append(token)
        if all(over) or step + 1 == stopping.most_tokens:
            break
        if any(over):
            left = (~is_over_R).nonzero()[:, 0]
            reading.select(left)
            next_R, going = next_R[left], [going[at] for at in left.tolist()]
        logits_RV = reading.feed(next_R[:, None])[:, -1]
    return Written(rows, num_tokens, first_token_s)


def _moved_right(batch: Batch) -> tuple[Tensor, Tensor]:
    """Return ids and mask with the padding on the left."""
    ids_RT, mask_RT = batch.input_ids_RT, batch.attention_mask_RT
    width = ids_RT.shape[1]
    shift_R1 = width - mask_RT.sum(dim=1, keepdim=True)
    place_RT = (torch.arange(width, device=ids_RT.device)[None, :] - shift_R1) % width
    return ids_RT.gather(1, place_RT), mask_RT.gather(1, place_RT)
