"""Lines → sentence vectors, from an encoder without any head.

Shape letters: R rows, T tokens, D width of the encoder.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from stiltwalk.features.rows import Features
from stiltwalk.heads.head import Batch
from stiltwalk.inference.engine import Engine, RowCosts
from stiltwalk.models.checkpoint import Model
from stiltwalk.recipe.types import Pooling

FINAL_NORM_FAMILIES = ("modernbert",)
"""Families that put a norm behind the last block: cut short, they would end in it too."""


def block_at(relative_depth: float, num_blocks: int) -> int:
    """Return the block whose output is read: the same relative depth, at least the first.

    Source: block 14 of 24 in Phang et al. (2020), arXiv 2005.13013.
    """
    return max(1, round(relative_depth * num_blocks))


def sentence_vectors(
    engine: Engine, features: Features, block: int, pooling: Pooling = "mean"
) -> tuple[NDArray[np.float32], RowCosts]:
    """Return the mean over all tokens, special ones included, of one block's output.

    Args:
        engine: holds an encoder with `block` blocks, or with more.
        features: one row per line.
        block: 1 for the first block's output.
        pooling: "last" takes the last token's in place of the mean.

    Returns:
        Vectors in the order of the rows, shape (rows, D), and what each row took.
    """
    width = int(engine.model.config.hidden_size)
    vectors = np.empty((features.num_rows, width), dtype=np.float32)

    def embed(model: Model, batch: Batch, rows: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        vectors[rows] = _pooled_state(model, batch, block, pooling)
        return [vectors[row] for row in rows.tolist()]

    _, costs = engine.map_rows(features, embed)
    return vectors, costs


def _pooled_state(model: Model, batch: Batch, block: int, pooling: Pooling) -> NDArray[np.float32]:
    """Return one vector per row, shape (R, D)."""
    states = model(**batch.inputs(), output_hidden_states=True).hidden_states
    if pooling == "last":
        last_R = batch.attention_mask_RT.sum(dim=1) - 1
        taken: NDArray[np.float32] = states[block][range(len(last_R)), last_R].float().cpu().numpy()
        return taken
    mask_RT1 = batch.attention_mask_RT[..., None].to(torch.float32)
    mean_RD = (states[block].float() * mask_RT1).sum(dim=1) / mask_RT1.sum(dim=1)
    vectors: NDArray[np.float32] = mean_RD.cpu().numpy()
    return vectors
