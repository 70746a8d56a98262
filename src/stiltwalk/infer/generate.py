"""Prompts → the tokens that a decoder language model goes on with, greedily.

Shape letters: R rows that are still written, V vocabulary.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from stiltwalk.infer.continuation import Continuation
from stiltwalk.kinds import Batch
from stiltwalk.models.checkpoint import Model


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
            order_R = reading.leave(is_over_R)
            next_R, going = next_R[order_R], [going[at] for at in order_R.tolist()]
        logits_RV = reading.feed(next_R[:, None])[:, -1]
    return Written(rows, num_tokens, first_token_s)
