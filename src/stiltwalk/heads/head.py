"""What every kind of task can do.

Shape letters: R rows of a batch, T tokens, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stiltwalk.features.rows import Features
from stiltwalk.features.text import TextEncoder
from stiltwalk.models.checkpoint import Model
from stiltwalk.records import Answers, Labels

Examples = Sequence[Any]
"""Of one type of task."""
Outputs = Sequence[NDArray[Any]]
"""What a head's `outputs` gave, row by row."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Padded rows, ready for a model."""

    input_ids_RT: Tensor
    attention_mask_RT: Tensor
    token_type_ids_RT: Tensor | None

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device."""
        types = self.token_type_ids_RT
        return Batch(
            self.input_ids_RT.to(device),
            self.attention_mask_RT.to(device),
            None if types is None else types.to(device),
        )

    def inputs(self) -> dict[str, Tensor]:
        """Return the keyword arguments of a transformers model."""
        named = {"input_ids": self.input_ids_RT, "attention_mask": self.attention_mask_RT}
        if self.token_type_ids_RT is not None:
            named["token_type_ids"] = self.token_type_ids_RT
        return named


class Learnable(Protocol):
    """Forward pass and loss of rows that are trained on."""

    def weights(self, features: Features) -> NDArray[np.int64]:
        """Return how many loss terms each unit has, shape (units,)."""

    def logits(self, model: Model, batch: Batch) -> Tensor:
        """Return the head's outputs: (R, C) per row, or (R, T, C) per token."""

    def loss(self, logits: Tensor, features: Features, units: NDArray[np.int64]) -> Tensor:
        """Return the sum of the units' losses, in nats."""


class Head(Learnable, Protocol):
    """Features, forward pass, loss and decoding of one shape of task."""

    def features(
        self, examples: Examples, encoder: TextEncoder, labels: Labels, max_length_tokens: int
    ) -> Features:
        """Turn examples into rows."""

    def outputs(
        self, model: Model, batch: Batch, features: Features, rows: NDArray[np.int64]
    ) -> list[NDArray[Any]]:
        """Run a model; return what decoding needs of each row, small and on the CPU."""

    def decode(
        self, outputs: Outputs, features: Features, examples: Examples, labels: Labels
    ) -> Answers:
        """Turn the outputs of all rows into answers in the form of XTREME's files."""


class RowHead:
    """What heads on an encoder have in common: one loss term per unit, one forward pass."""

    def weights(self, features: Features) -> NDArray[np.int64]:
        return np.ones(features.num_units, dtype=np.int64)

    def logits(self, model: Model, batch: Batch) -> Tensor:
        logits: Tensor = model(**batch.inputs()).logits
        return logits


def make_batch(
    features: Features, rows: NDArray[np.int64], pad_id: int, *, with_types: bool
) -> Batch:
    """Pad some rows to their longest.

    Args:
        features: all rows.
        rows: which of them.
        pad_id: the tokenizer's padding id.
        with_types: also tell the tokens' types, for models that have such embeddings.
    """
    ids = features.ids.padded(rows, pad_id)
    position = np.arange(ids.shape[1])[None, :]
    mask = (position < features.ids.lengths[rows][:, None]).astype(np.int64)
    types = None
    if with_types:
        found = features.types.padded(rows, 0) if features.types else np.zeros_like(ids)
        types = torch.from_numpy(found)
    return Batch(torch.from_numpy(ids), torch.from_numpy(mask), types)


def uses_types(model: Model) -> bool:
    """Tell whether first and second text are distinguished: by BERT, and by a decoder's loss."""
    is_decoder = bool(getattr(model, "can_generate", bool)())
    return is_decoder or int(getattr(model.config, "type_vocab_size", 0) or 0) > 1
