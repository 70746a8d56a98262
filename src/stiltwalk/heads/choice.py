"""A prompt and several continuations in, the index of the best one out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from stiltwalk.features.rows import Features
from stiltwalk.features.sentences import choice_features
from stiltwalk.features.text import TextEncoder
from stiltwalk.heads.head import Batch
from stiltwalk.models.checkpoint import Model, first_tokens_alone
from stiltwalk.records import ChoiceExample, Labels


class ChoiceHead:
    """Multiple choice: every continuation is scored alone, the softmax is over continuations."""

    def features(
        self,
        examples: Sequence[ChoiceExample],
        encoder: TextEncoder,
        labels: Sequence[str],
        max_length_tokens: int,
    ) -> Features:
        """Return one row per choice."""
        return choice_features(examples, encoder, max_length_tokens)

    def weights(self, features: Features) -> NDArray[np.int64]:
        """Return 1 per question."""
        return np.ones(features.num_units, dtype=np.int64)

    def logits(self, model: Model, batch: Batch) -> Tensor:
        """Return (R, 1): each row is its own question with one choice."""
        inputs = {name: tensor[:, None] for name, tensor in batch.inputs().items()}
        logits: Tensor = model(**inputs).logits
        return logits

    def loss(self, logits: Tensor, features: Features, units: NDArray[np.int64]) -> Tensor:
        """Return the summed cross-entropy over choices."""
        gold = torch.from_numpy(features.labels.padded(units, 0)[:, 0]).to(logits.device)
        by_question = logits.float().view(len(units), features.rows_per_unit)
        return functional.cross_entropy(by_question, gold, reduction="sum")

    def outputs(
        self, model: Model, batch: Batch, features: Features, rows: NDArray[np.int64]
    ) -> list[NDArray[np.float32]]:
        """Return the score of each row, shape (1,)."""
        with first_tokens_alone(model):
            return list(self.logits(model, batch).float().cpu().numpy())

    def decode(
        self,
        outputs: Sequence[NDArray[np.float32]],
        features: Features,
        examples: Sequence[ChoiceExample],
        labels: Sequence[str],
    ) -> Labels:
        """Return the index of the best choice of each question, as text."""
        scores = np.concatenate(outputs).reshape(-1, features.rows_per_unit)
        return [str(best) for best in scores.argmax(axis=1)]
