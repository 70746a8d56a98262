"""A question and a context in, a stretch of the context out."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from stiltwalk.features.rows import Features
from stiltwalk.features.spans import answers_of, best_spans, span_features
from stiltwalk.features.text import TextEncoder
from stiltwalk.heads.head import Batch, Examples, Outputs, RowHead
from stiltwalk.models.checkpoint import Model
from stiltwalk.records import Labels, Texts


class SpanHead(RowHead):
    """Span questions, with a start and an end score per token."""

    def features(
        self, examples: Examples, encoder: TextEncoder, labels: Labels, max_length_tokens: int
    ) -> Features:
        return span_features(examples, encoder, max_length_tokens)

    def logits(self, model: Model, batch: Batch) -> Tensor:
        found = model(**batch.inputs())
        logits_RTC = torch.stack([found.start_logits, found.end_logits], dim=-1).float()
        return logits_RTC.masked_fill(batch.attention_mask_RT[..., None] == 0, -torch.inf)

    def loss(self, logits: Tensor, features: Features, units: NDArray[np.int64]) -> Tensor:
        gold = torch.from_numpy(features.labels.padded(units, 0)).to(logits.device)
        start = functional.cross_entropy(logits[..., 0], gold[:, 0], reduction="sum")
        end = functional.cross_entropy(logits[..., 1], gold[:, 1], reduction="sum")
        return (start + end) / 2

    def outputs(
        self, model: Model, batch: Batch, features: Features, rows: NDArray[np.int64]
    ) -> list[NDArray[np.float64]]:
        assert features.offsets is not None
        assert features.answer_starts is not None
        scores = self.logits(model, batch).cpu().numpy()
        found = []
        for at, row in enumerate(rows):
            offsets = features.offsets[row]
            start, end = scores[at, : len(offsets), 0], scores[at, : len(offsets), 1]
            found.append(best_spans(start, end, offsets, features.answer_starts[row]))
        return found

    def decode(
        self, outputs: Outputs, features: Features, examples: Examples, labels: Labels
    ) -> Texts:
        return answers_of(outputs, features, examples)[0]
