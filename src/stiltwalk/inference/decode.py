"""A decoder in the middle of some rows: writing on greedily, or scoring options.

Prompts are padded on the right and read without a mask, since a token sees nothing behind it.
What was read of them is then laid so that all rows end at the same place and are fed at the next.

Shape letters: R rows, of those written only the ones that go on; T tokens, V vocabulary, N options
of all prompts, K options of each, O tokens of the longest option.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import Cache, DynamicLayer, DynamicSlidingWindowLayer

from stiltwalk.errors import ModelError
from stiltwalk.features.batches import filled
from stiltwalk.features.rows import Ragged
from stiltwalk.heads.head import Batch
from stiltwalk.models.checkpoint import Model
from stiltwalk.models.locate import first_position


class Continuation:
    """A model that has read prompts, what it expects next, and room for what follows."""

    def __init__(
        self,
        model: Model,
        batch: Batch,
        *,
        room_tokens: int,
        copies: int = 1,
        at_once_tokens: int | None = None,
    ) -> None:
        """Read prompts.

        Args:
            model: of the causal family.
            batch: the prompts, padded on the right.
            room_tokens: that can be fed to a row later.
            copies: rows that go on from each prompt, behind one another.
            at_once_tokens: padded tokens per forward pass, None for all.

        Raises:
            ModelError: if the model keeps more than keys and values.
        """
        _require_attention(model)
        self._model = model
        # BLOOM is told no positions: it counts them in the mask
        self._told_positions = "position_ids" in inspect.signature(model.forward).parameters
        self._first_position = first_position(model.config.to_dict())
        ids_RT, length_R = batch.input_ids_RT, batch.attention_mask_RT.sum(dim=1)
        num_rows, self._end = ids_RT.shape
        place_T = torch.arange(self._end + room_tokens, device=ids_RT.device)
        padding_R = (self._end - length_R).repeat_interleave(copies)
        self._mask_RT = (place_T[None, :] >= padding_R[:, None]).long()
        self._blocks: list[_CacheLayer] = []
        budget = at_once_tokens or ids_RT.numel()
        pieces = filled(np.arange(num_rows), length_R.cpu().numpy(), budget)
        self.logits_RV = torch.cat(
            [self._begin(ids_RT[rows], length_R[rows], int(rows[0]), copies) for rows in pieces]
        )
        """What is expected behind each prompt."""
        self._cache = Cache(layers=[*self._blocks])

    def feed(self, ids_RT: Tensor, mask_RT: Tensor | None = None) -> Tensor:
        """Read more tokens of every row; return what is expected behind each, shape (R, T, V)."""
        start, self._end = self._end, self._end + ids_RT.shape[1]
        if mask_RT is not None:
            self._mask_RT[:, start : self._end] = mask_RT
        return self._read(ids_RT, self._mask_RT[:, : self._end], self._cache, keep=0)

    def leave(self, is_over_R: Tensor) -> Tensor:
        """Go on without some rows, the last ones in their places; return who stands where now."""
        staying_R = (~is_over_R).nonzero()[:, 0]
        order_R = torch.arange(len(staying_R), device=staying_R.device)
        gap_R, moved_R = is_over_R[order_R].nonzero()[:, 0], staying_R[staying_R >= len(order_R)]
        order_R[gap_R] = moved_R
        self._mask_RT = self._mask_RT[order_R]
        for block in self._blocks:
            block.move(moved_R, gap_R)
        return order_R

    def _begin(self, ids_RT: Tensor, length_R: Tensor, row: int, copies: int) -> Tensor:
        """Read the prompts from `row` on, keep what was read; return what is expected next."""
        ids_RT, read = ids_RT[:, : int(length_R.max())], DynamicCache()
        last_K, kept_R = (length_R - 1).unique(return_inverse=True)
        logits_RKV = self._read(ids_RT, torch.ones_like(ids_RT), read, keep=last_K)
        self._blocks = self._blocks or [
            _CacheLayer(each, self._mask_RT.shape, self._end) for each in read.layers
        ]
        for block, layer in zip(self._blocks, read.layers, strict=True):
            block.take(layer, length_R, row * copies, copies)
        return logits_RKV[torch.arange(len(ids_RT)), kept_R]

    def _read(self, ids_RT: Tensor, mask_RT: Tensor, cache: Cache, *, keep: int | Tensor) -> Tensor:
        inputs = {"input_ids": ids_RT, "attention_mask": mask_RT, "logits_to_keep": keep}
        if self._told_positions:
            position_RT = (mask_RT.cumsum(dim=1) - 1).clamp(min=0) + self._first_position
            inputs["position_ids"] = position_RT[:, -ids_RT.shape[1] :]
        logits: Tensor = self._model(**inputs, past_key_values=cache, use_cache=True).logits
        return logits.float()


class _CacheLayer(DynamicLayer):
    """Keys and values of one block, in memory that is taken once: what follows is written in."""

    keys: Tensor
    values: Tensor

    def __init__(self, like: Any, shape: torch.Size, end: int) -> None:  # noqa: ANN401 - transformers' layer
        """Take memory; zeros, since what is masked still has to be finite.

        Args:
            like: the layer of some rows.
            shape: number of rows and of places.
            end: where the prompts do.
        """
        super().__init__()  # type: ignore[no-untyped-call] # transformers
        num_rows, num_places = shape
        for name in ("keys", "values"):
            _, heads, _, width = getattr(like, name).shape
            room = getattr(like, name).new_zeros(num_rows, heads, num_places, width)
            setattr(self, name, room)
        self.is_initialized, self._end = True, end

    def take(self, layer: Any, length_R: Tensor, row: int, copies: int) -> None:  # noqa: ANN401
        """Lay the rows of a layer from `row` on, each `copies` times."""
        start = 0
        for length, count in zip(*_runs(length_R), strict=True):
            into = slice(row + start * copies, row + (start + count) * copies)
            for held, read in ((self.keys, layer.keys), (self.values, layer.values)):
                taken = read[start : start + count, :, :length]
                held[into, :, self._end - length : self._end] = taken.repeat_interleave(copies, 0)
            start += count

    def update(
        self, key_states: Tensor, value_states: Tensor, *_: object, **__: object
    ) -> tuple[Tensor, Tensor]:
        """Write what was fed behind what is there; return all of it."""
        rows, start = len(key_states), self._end
        self._end += key_states.shape[-2]
        self.keys[:rows, :, start : self._end] = key_states
        self.values[:rows, :, start : self._end] = value_states
        return self.keys[:rows, :, : self._end], self.values[:rows, :, : self._end]

    def get_seq_length(self) -> int:
        """Return how many places are taken."""
        return self._end

    def move(self, rows_R: Tensor, places_R: Tensor) -> None:
        """Put some rows into the places of others."""
        self.keys[places_R] = self.keys[rows_R]
        self.values[places_R] = self.values[rows_R]


def _runs(length_R: Tensor) -> tuple[list[int], list[int]]:
    """Return the lengths of neighbouring rows, and how many share each."""
    lengths, counts = length_R.unique_consecutive(return_counts=True)
    return lengths.tolist(), counts.tolist()


def _require_attention(model: Model) -> None:
    """Refuse a model with layers that are no plain attention."""
    layers = DynamicCache(config=model.config).layers
    others = {type(each) for each in layers} - {DynamicLayer, DynamicSlidingWindowLayer}
    if others:
        raise ModelError(
            f"The {model.config.model_type} model keeps more than keys and values of what it has "
            f"read ({', '.join(sorted(each.__name__ for each in others))}), which is not "
            "supported: choose a decoder of attention blocks alone."
        )


@dataclass(frozen=True, kw_only=True)
class Stopping:
    """When an answer ends: at one of some tokens, within bounds.

    Args:
        stop_ids: any of them ends it; written by nobody before `least_tokens` are.
        most_tokens: it ends there at the latest.
        least_tokens: as many are written at least; equal to `most_tokens` it fixes the length.
        line_ids: those of `stop_ids` that end no answer that says nothing yet.
        blank_ids: the tokens that say nothing.
    """

    stop_ids: Tensor
    most_tokens: int
    least_tokens: int = 0
    line_ids: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int32))
    blank_ids: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int32))

    def to(self, device: torch.device) -> Stopping:
        """Return it with its tokens on a device."""
        names = ("stop_ids", "line_ids", "blank_ids")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})

    def next(self, logits_RV: Tensor, says_R: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """Return the next tokens and which answers they end; `says_R`: who has said something."""
        if step < self.least_tokens:
            logits_RV[:, self.stop_ids] = -torch.inf
        next_R = logits_RV.argmax(dim=-1)
        is_early_R = torch.isin(next_R, self.line_ids) & ~says_R
        says_R |= ~torch.isin(next_R, self.blank_ids)
        return next_R, torch.isin(next_R, self.stop_ids) & ~is_early_R


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


def write(
    model: Model, batch: Batch, stopping: Stopping, *, at_once_tokens: int | None = None
) -> Written:
    """Return what a model writes behind prompts.

    Args:
        model: of the causal family.
        batch: the prompts, padded on the right.
        stopping: when an answer ends.
        at_once_tokens: of the prompts, padded, that go through the model at once; None for all.
    """
    began = time.perf_counter()
    reading = Continuation(
        model, batch, room_tokens=stopping.most_tokens, at_once_tokens=at_once_tokens
    )
    logits_RV, first_token_s = reading.logits_RV, 0.0
    stopping = stopping.to(logits_RV.device)
    says_R = torch.zeros(len(logits_RV), dtype=torch.bool, device=logits_RV.device)
    going = list(range(len(logits_RV)))
    rows: list[list[int]] = [[] for _ in going]
    num_tokens = [0] * len(going)
    for step in range(stopping.most_tokens):
        next_R, is_over_R = stopping.next(logits_RV, says_R, step)
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
            order_R = reading.leave(is_over_R)
            next_R, says_R = next_R[order_R], says_R[order_R]
            going = [going[at] for at in order_R.tolist()]
        logits_RV = reading.feed(next_R[:, None])[:, -1]
    return Written(rows, num_tokens, first_token_s)


def option_scores(
    model: Model, batch: Batch, options: Sequence[Sequence[NDArray[np.int32]]]
) -> list[NDArray[np.float32]]:
    """Return per prompt the options' log-likelihoods in nats and numbers of tokens, (K, 2).

    Args:
        model: of the causal family.
        batch: prompts, padded on the right.
        options: the tokens of each, K for every prompt.
    """
    per_prompt = len(options[0])
    flat = Ragged.of([option for each in options for option in each])
    device = batch.input_ids_RT.device
    ids_NO = torch.from_numpy(flat.padded(np.arange(len(flat)), 0)).to(device)
    length_N = torch.from_numpy(flat.lengths).to(device)
    is_real_NO = torch.arange(ids_NO.shape[1], device=device)[None, :] < length_N[:, None]
    reading = Continuation(model, batch, room_tokens=ids_NO.shape[1] - 1, copies=per_prompt)
    logits_NOV = reading.logits_RV.repeat_interleave(per_prompt, dim=0)[:, None]
    if ids_NO.shape[1] > 1:
        further = reading.feed(ids_NO[:, :-1], is_real_NO[:, :-1].long())
        logits_NOV = torch.cat([logits_NOV, further], dim=1)
    sums_N = (_log_likelihood(logits_NOV, ids_NO) * is_real_NO).sum(dim=1)
    found_N2 = torch.stack([sums_N, length_N.float()], dim=1)
    return list(found_N2.view(-1, per_prompt, 2).cpu().numpy())


def _log_likelihood(logits_NOV: Tensor, ids_NO: Tensor) -> Tensor:
    chosen_NO = logits_NOV.gather(-1, ids_NO[..., None])[..., 0]
    return chosen_NO - logits_NOV.logsumexp(dim=-1)
