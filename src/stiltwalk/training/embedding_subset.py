"""Train those rows of the embedding table that occur in a stage's texts; the others only decay.

Of XLM-R base's 278 million parameters, 192 million are the table's, and an English task uses a few
per cent of its rows. To AdamW a row that never has a gradient is simple: its moments stay 0, so
that a step leaves of it 1 - rate · decay, the same factor for every such row. The product over all
steps is applied when the table is kept. This is AdamW as it stands, and less rounded. It would not
do to learn rows only in the steps that they occur in: a row that once had a gradient goes on moving
by its momentum.

Shape letters: V ids of the vocabulary, K ids that occur, D width of the encoder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from stiltwalk.features.rows import Features
from stiltwalk.models.checkpoint import Model
from stiltwalk.models.device import whole


class VocabularySubset:
    """Puts a table of the occurring rows into models, and the whole table back.

    Nothing is changed where it would not be exact or not pay: a table that is not trained, is an
    output layer as well (a language model's, whose softmax reads every row), or is used up anyway.

    Args:
        models: share one table.
        features: all rows that the models will see.
        pad_id: what they are padded with; a table need not know it.
    """

    def __init__(self, models: Sequence[Model], features: Sequence[Features], pad_id: int) -> None:
        """Make the models' table small."""
        self._models = models
        self._whole: nn.Embedding = models[0].get_input_embeddings()
        self._part: EmbeddingSubset | None = None
        if _feeds_inputs_alone(self._whole, models):
            padding = self._whole.padding_idx
            special = [pad_id] if padding is None else [pad_id, padding]
            ids = np.unique(np.concatenate([special, *(each.ids.values for each in features)]))
            if len(ids) < self._whole.num_embeddings:
                self._part = EmbeddingSubset(self._whole, torch.from_numpy(ids.astype(np.int64)))
                self._put(self._part)

    @contextmanager
    def whole(self, left: float) -> Iterator[None]:
        """Give the models their whole table for as long as the block runs.

        Args:
            left: what weight decay has left of a row that never had a gradient, in [0, 1].
        """
        if self._part is None:
            yield
            return
        original_VD = self._whole.weight.data
        self._whole.weight.data = self._part.spread(original_VD, left)
        self._put(self._whole)
        yield
        self._whole.weight.data = original_VD
        self._put(self._part)

    def close(self, left: float) -> None:
        """Give the models their whole table for good; `left` as in `whole`."""
        if self._part is not None:
            self._whole.weight.data = self._part.spread(self._whole.weight.data, left)
            self._put(self._whole)
            self._part = None

    def _put(self, table: nn.Embedding) -> None:
        for model in self._models:
            model.set_input_embeddings(table)


class EmbeddingSubset(nn.Embedding):
    """An embedding table that holds some rows of another, looked up by the other's ids."""

    _place_V: Tensor

    def __init__(self, table: nn.Embedding, ids_K: Tensor) -> None:
        """Copy the rows; `ids_K` is sorted, and holds the padding id if there is one."""
        place_V = torch.full((table.num_embeddings,), -1)
        place_V[ids_K] = torch.arange(len(ids_K))
        padding = None if table.padding_idx is None else int(place_V[table.padding_idx])
        rows_KD = table.weight.detach()[ids_K]
        super().__init__(len(ids_K), table.embedding_dim, padding, _weight=rows_KD)
        self._ids_K = ids_K
        self.register_buffer("_place_V", place_V, persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        """Return the rows of ids of the whole vocabulary; one that does not occur is an error."""
        return super().forward(self._place_V[ids])

    def spread(self, table_VD: Tensor, left: float) -> Tensor:
        """Return a whole table: these rows as they are, all others `table_VD` times `left`."""
        whole_VD = table_VD * left
        whole_VD[self._ids_K] = whole(self.weight.detach()).to(whole_VD.device)
        return whole_VD


def _feeds_inputs_alone(table: nn.Module, models: Sequence[Model]) -> bool:
    """Tell whether a table is trained, and only by looking up the ids of what is fed."""
    if type(table) is not nn.Embedding or not table.weight.requires_grad:
        return False
    modules = {id(module): module for model in models for module in model.modules()}
    holders = [
        module
        for module in modules.values()
        if any(parameter is table.weight for parameter in module.parameters(recurse=False))
    ]
    return holders == [table] and all(model.get_output_embeddings() is None for model in models)
