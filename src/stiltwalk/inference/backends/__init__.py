"""What answers the prompts of a decoder: one file per backend, with the same answers."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from stiltwalk.errors import NotFinite
from stiltwalk.features.rows import Features
from stiltwalk.heads.decoder import DecoderHead
from stiltwalk.inference.decode import Stopping
from stiltwalk.inference.engine import Engine, RowCosts

BACKENDS = {
    "transformers": "stiltwalk.inference.backends.transformers:Transformers",
    "endpoint": "stiltwalk.inference.backends.endpoint:EndpointBackend",
    "vllm": "stiltwalk.inference.backends.vllm:VLLM",
}
"""By the recipe's name for it, where its class is; loaded when it is asked for."""

Found = tuple[list[NDArray[Any]], RowCosts]
"""One result per example, as `DecoderHead.parsed` reads it, and what each took."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Served:
    """A decoder that a backend answers with.

    Args:
        engine: holds it, adapters and all, in its number format.
        folder: the checkpoint that it was loaded from.
        is_changed: whether the weights are others than the checkpoint's.
        most_tokens: of a prompt and its answer together.
        aside: a folder with room for a copy of it.
    """

    engine: Engine
    folder: Path
    is_changed: bool
    most_tokens: int
    aside: Path


class Answerer(Protocol):
    """What answers rows, wherever it runs."""

    def written(self, features: Features, stopping: Stopping) -> Found:
        """Return the tokens that every row goes on with, without the one that ends them."""

    def chosen(self, features: Features) -> Found:
        """Return the options' log-likelihoods and numbers of tokens, (options, 2) per example.

        A row is a prompt and one of its options, which starts at `features.second`; the rows of an
        example are neighbours.
        """


class Backend(Answerer, Protocol):
    """Our own engine, or another program's."""

    @staticmethod
    def require() -> None:
        """Refuse a recipe that asks for it where it is not installed.

        Raises:
            RecipeError: with what to install.
        """

    @classmethod
    def opened(cls, served: Served) -> AbstractContextManager[Backend]:
        """Start it, for as long as it is asked."""


def backend_named(name: str) -> type[Backend]:
    """Load a backend's class."""
    found: type[Backend] = resolve_name(BACKENDS[name])
    return found


def answered(
    backend: Answerer, head: DecoderHead, features: Features, fixed_tokens: int | None = None
) -> Found:
    """Answer what `head.asked` made; written answers end where the model says, or all alike."""
    if head.is_scored:
        found, costs = backend.chosen(features)
        for example, scores_K2 in enumerate(found):
            if np.isnan(scores_K2).any() or np.isinf(scores_K2).all(axis=0).any():
                raise NotFinite("The likelihoods of its options are no numbers.", example)
        return found, costs
    stopping = Stopping(
        stop_ids=torch.from_numpy(head.encoder.stop_ids),
        most_tokens=fixed_tokens or head.max_new_tokens,
        least_tokens=fixed_tokens or 0,
        line_ids=torch.from_numpy(head.encoder.line_ids),
        blank_ids=torch.from_numpy(head.encoder.blank_ids),
    )
    return backend.written(features, stopping)
