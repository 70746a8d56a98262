"""One text or two in, one label out."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from stiltwalk.features.rows import Features
from stiltwalk.features.sentences import pair_features, text_features
from stiltwalk.features.text import TextEncoder
from stiltwalk.heads.head import Batch
from stiltwalk.models.checkpoint import Model, first_tokens_alone
from stiltwalk.records import Labels, PairExample


class PairHead:
    """Sentence pairs, with a sequence classification head."""

    _reads_first_token = True
    """Whether the head reads no other token of the last block."""

    def features(
        self,
        examples: Sequence[PairExample],
        encoder: TextEncoder,
        labels: Sequence[str],
        max_length_tokens: int,
    ) -> Features:
        """Return one row per pair."""
        label_ids = {label: number for number, label in enumerate(labels)}
        return pair_features(examples, encoder, label_ids, max_length_tokens)

    def weights(self, features: Features) -> NDArray[np.int64]:
        """Return 1 per pair."""
        return np.ones(features.num_units, dtype=np.int64)

    def logits(self, model: Model, batch: Batch) -> Tensor:
        """Return (R, C)."""
        logits: Tensor = model(**batch.inputs()).logits
        return logits

    def loss(self, logits: Tensor, features: Features, units: NDArray[np.int64]) -> Tensor:
        """Return the summed cross-entropy."""
        gold = torch.from_numpy(features.labels.padded(units, 0)[:, 0]).to(logits.device)
        return functional.cross_entropy(logits.float(), gold, reduction="sum")

    def outputs(
        self, model: Model, batch: Batch, features: Features, rows: NDArray[np.int64]
    ) -> list[NDArray[np.float32]]:
        """Return the logits of each row, shape (C,)."""
        with first_tokens_alone(model) if self._reads_first_token else nullcontext():
            return list(self.logits(model, batch).float().cpu().numpy())

    def decode(
        self,
        outputs: Sequence[NDArray[np.float32]],
        features: Features,
        examples: Sequence[PairExample],
        labels: Sequence[str],
    ) -> Labels:
        """Return the likeliest label of each pair."""
        return [labels[int(row.argmax())] for row in outputs]


class TextHead(PairHead):
    """Single texts; head, loss and decoding are those of a pair."""

    def features(
        self,
        examples: Sequence[Any],
        encoder: TextEncoder,
        labels: Sequence[str],
        max_length_tokens: int,
    ) -> Features:
        """Return one row per text."""
        label_ids = {label: number for number, label in enumerate(labels)}
        return text_features(examples, encoder, label_ids, max_length_tokens)
