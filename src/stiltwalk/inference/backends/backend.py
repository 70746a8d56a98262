"""What answers the prompts of a decoder language model; there are two, with the same answers."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from numpy.typing import NDArray

from stiltwalk.features.rows import Features
from stiltwalk.heads.decoder import DecoderHead
from stiltwalk.inference.decode import Stopping
from stiltwalk.inference.engine import RowCosts

Found = tuple[list[NDArray[Any]], RowCosts]
"""One result per example, as `PromptKind.parsed` reads it, and what each took."""


class Backend(Protocol):
    """Transformers (`prompted.Transformers`), or vLLM (`vllm_backend.VLLM`)."""

    def written(self, features: Features, stopping: Stopping) -> Found:
        """Return the tokens that every row goes on with, without the one that ends them."""

    def chosen(self, features: Features) -> Found:
        """Return the options' log-likelihoods and numbers of tokens, (options, 2) per example.

        A row is a prompt and one of its options, which starts at `features.second`; the rows of an
        example are neighbours.
        """


def answered(backend: Backend, kind: DecoderHead, features: Features) -> Found:
    """Answer what `kind.asked` made."""
    if kind.is_scored:
        return backend.chosen(features)
    return backend.written(features, stopping_of(kind))


def stopping_of(kind: DecoderHead, fixed_tokens: int | None = None) -> Stopping:
    """Return when a task's answers end: where the model says so, or all at one length."""
    return Stopping(
        stop_ids=torch.from_numpy(kind.encoder.stop_ids),
        most_tokens=fixed_tokens or kind.max_new_tokens,
        least_tokens=fixed_tokens or 0,
    )
