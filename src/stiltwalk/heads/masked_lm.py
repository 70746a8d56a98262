"""Masked language modelling: the same rows, other tokens hidden each time they are seen.

Shape letters: R rows of a batch, T tokens, N hidden places, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from stiltwalk.features.rows import Features, Ragged
from stiltwalk.features.text import TextEncoder
from stiltwalk.heads.head import Batch
from stiltwalk.models.checkpoint import Model
from stiltwalk.models.masked_lm import lm_logits

_MASKED, _REPLACED = 0.8, 0.1


@dataclass(frozen=True, eq=False)
class MaskedLMHead:
    """Text with a share of its ordinary tokens hidden; torch's CPU generator draws which.

    Args:
        encoder: tells which tokens are special, and the mask.
        share: of a row's ordinary tokens, rounded, at least one.

    Source:
        Devlin et al. (2019): of the hidden tokens 80 % become the mask, 10 % any token.
    """

    encoder: TextEncoder
    share: float

    def labelled(self, rows: Features) -> Features:
        """Return rows that know how many of their tokens are hidden."""
        is_ordinary = ~np.isin(rows.ids.values, self.encoder.special_ids)
        before = np.concatenate([np.zeros(1, np.int64), np.cumsum(is_ordinary)])
        counts = torch.from_numpy(np.diff(before[rows.ids.starts]))
        labels = Ragged.of([[count] for count in self._num_hidden(counts).tolist()])
        return replace(rows, labels=labels)

    def weights(self, features: Features) -> NDArray[np.int64]:
        return features.labels.values.astype(np.int64)

    def logits(self, model: Model, batch: Batch) -> Tensor:
        ids_RT = batch.input_ids_RT
        hidden_RT = self._hidden(ids_RT.cpu()).to(ids_RT.device)
        fate_N = torch.rand(int(hidden_RT.sum())).to(ids_RT.device)
        any_N = torch.randint(model.config.vocab_size, fate_N.shape).to(ids_RT.device)
        gold_N = ids_RT[hidden_RT]
        shown_N = gold_N.masked_fill(fate_N < _MASKED, self.encoder.mask_id)
        is_replaced_N = (fate_N >= _MASKED) & (fate_N < _MASKED + _REPLACED)
        shown_RT = ids_RT.masked_scatter(hidden_RT, torch.where(is_replaced_N, any_N, shown_N))
        logits_NV = lm_logits(model, {**batch.inputs(), "input_ids": shown_RT}, hidden_RT)
        return functional.cross_entropy(logits_NV.float(), gold_N, reduction="none")

    def loss(self, logits: Tensor, features: Features, units: NDArray[np.int64]) -> Tensor:
        return logits.sum()

    def _hidden(self, ids_RT: Tensor) -> Tensor:
        special = torch.from_numpy(self.encoder.special_ids)
        ordinary_RT = ~torch.isin(ids_RT, special)
        drawn_RT = torch.rand(ids_RT.shape).masked_fill(~ordinary_RT, 2.0)
        rank_RT = drawn_RT.argsort(dim=1, stable=True).argsort(dim=1)
        return rank_RT < self._num_hidden(ordinary_RT.sum(dim=1))[:, None]

    def _num_hidden(self, num_ordinary: Tensor) -> Tensor:
        wanted = (num_ordinary * self.share).round().long().clamp(min=1)
        return torch.minimum(wanted, num_ordinary)
