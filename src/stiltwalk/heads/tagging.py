"""A sentence of words in, one tag per word out.

Shape letters: R rows of a batch, T tokens, N first sub-words of all words, C classes.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from stiltwalk.features.rows import Features
from stiltwalk.features.sentences import NO_LABEL, joined_tags, tagging_features
from stiltwalk.features.text import TextEncoder
from stiltwalk.heads.head import Batch, Examples, Outputs, RowHead
from stiltwalk.models.checkpoint import Model
from stiltwalk.models.device import say_once
from stiltwalk.records import Labels, TagLists


class TaggingHead(RowHead):
    """Tags read at each word's first sub-word."""

    def features(
        self, examples: Examples, encoder: TextEncoder, labels: Labels, max_length_tokens: int
    ) -> Features:
        label_ids = {label: number for number, label in enumerate(labels)}
        return tagging_features(examples, encoder, label_ids, max_length_tokens)

    def weights(self, features: Features) -> NDArray[np.int64]:
        labelled = np.concatenate([[0], np.cumsum(features.labels.values != NO_LABEL)])
        counts: NDArray[np.int64] = np.diff(labelled[features.labels.starts])
        return counts

    def loss(self, logits: Tensor, features: Features, units: NDArray[np.int64]) -> Tensor:
        assert features.words is not None
        gold = np.full(logits.shape[:2], NO_LABEL, dtype=np.int64)
        for row, unit in enumerate(units):
            gold[row, features.words[unit]] = features.labels[unit]
        return functional.cross_entropy(
            logits.float().flatten(0, 1),
            torch.from_numpy(gold).to(logits.device).flatten(),
            ignore_index=NO_LABEL,
            reduction="sum",
        )

    def outputs(
        self, model: Model, batch: Batch, features: Features, rows: NDArray[np.int64]
    ) -> list[NDArray[np.int64]]:
        assert features.words is not None
        words = [features.words[row] for row in rows]
        width = batch.input_ids_RT.shape[1]
        flat_N = np.concatenate([at * width + own for at, own in enumerate(words)])
        logits_NC = self._logits_at(model, batch, torch.from_numpy(flat_N))
        best_N = logits_NC.argmax(dim=-1).cpu().numpy()
        return np.split(best_N, np.cumsum([len(own) for own in words])[:-1])

    def _logits_at(self, model: Model, batch: Batch, flat_N: Tensor) -> Tensor:
        """Return (N, C) at some of the batch's R · T places; its last layer sees no others."""
        head = getattr(model, "classifier", None)
        if not isinstance(head, nn.Linear):
            say_once(
                f"The head of {type(model).__name__} is more than one linear layer, so it runs on "
                "all tokens, not on the words' first alone: the same tags, a little later."
            )
            return self.logits(model, batch).flatten(0, 1)[flat_N]
        with head.register_forward_pre_hook(lambda _, given: (given[0].flatten(0, 1)[flat_N],)):
            return self.logits(model, batch)

    def decode(
        self, outputs: Outputs, features: Features, examples: Examples, labels: Labels
    ) -> TagLists:
        tags = [[labels[tag] for tag in row] for row in outputs]
        return joined_tags(tags, features, len(examples))
