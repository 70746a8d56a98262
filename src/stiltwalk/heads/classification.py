"""One text or two in, one label out; or a prompt and several continuations, the best one out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from stiltwalk.features.rows import Features
from stiltwalk.features.sentences import choice_features, pair_features, text_features
from stiltwalk.features.text import TextEncoder
from stiltwalk.heads.head import Batch, Examples, Outputs, RowHead
from stiltwalk.models.checkpoint import Model, first_tokens_alone
from stiltwalk.records import Labels


class PairHead(RowHead):
    """Sentence pairs, with a sequence classification head."""

    _rows: ClassVar[Callable[..., Features]] = staticmethod(pair_features)
    """Makes one row per example."""
    reads_first_token = True
    """Whether the head reads no other token of the last block."""

    def features(
        self, examples: Examples, encoder: TextEncoder, labels: Labels, max_length_tokens: int
    ) -> Features:
        label_ids = {label: number for number, label in enumerate(labels)}
        return self._rows(examples, encoder, label_ids, max_length_tokens)

    def loss(self, logits: Tensor, features: Features, units: NDArray[np.int64]) -> Tensor:
        gold = torch.from_numpy(features.labels.padded(units, 0)[:, 0]).to(logits.device)
        return functional.cross_entropy(logits.float(), gold, reduction="sum")

    def outputs(
        self, model: Model, batch: Batch, features: Features, rows: NDArray[np.int64]
    ) -> list[NDArray[np.float32]]:
        with first_tokens_alone(model) if self.reads_first_token else nullcontext():
            return list(self.logits(model, batch).float().cpu().numpy())

    def decode(
        self, outputs: Outputs, features: Features, examples: Examples, labels: Labels
    ) -> Labels:
        return [labels[int(row.argmax())] for row in outputs]


class TextHead(PairHead):
    """Single texts; head, loss and decoding are those of a pair."""

    _rows = staticmethod(text_features)


class ChoiceHead(PairHead):
    """Multiple choice: every continuation is scored alone, the softmax is over continuations."""

    def features(
        self, examples: Examples, encoder: TextEncoder, labels: Labels, max_length_tokens: int
    ) -> Features:
        return choice_features(examples, encoder, max_length_tokens)

    def logits(self, model: Model, batch: Batch) -> Tensor:
        inputs = {name: tensor[:, None] for name, tensor in batch.inputs().items()}
        logits: Tensor = model(**inputs).logits
        return logits

    def loss(self, logits: Tensor, features: Features, units: NDArray[np.int64]) -> Tensor:
        gold = torch.from_numpy(features.labels.padded(units, 0)[:, 0]).to(logits.device)
        by_question = logits.float().view(len(units), features.rows_per_unit)
        return functional.cross_entropy(by_question, gold, reduction="sum")

    def decode(
        self, outputs: Outputs, features: Features, examples: Examples, labels: Labels
    ) -> Labels:
        scores = np.concatenate(outputs).reshape(-1, features.rows_per_unit)
        return [str(best) for best in scores.argmax(axis=1)]
