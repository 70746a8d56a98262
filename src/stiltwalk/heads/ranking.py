"""A query in, a ranked list of documents out: a dual encoder, one model for both sides.

Shape letters: R rows of a batch, D width of the encoder, U pairs of a query and its document.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from stiltwalk.features.rows import Features, Ragged
from stiltwalk.features.text import TextEncoder, fit_pair
from stiltwalk.heads.head import Batch, Examples, Outputs, RowHead
from stiltwalk.metrics.bitext import nearest_of_many
from stiltwalk.metrics.ranking import CUTOFF
from stiltwalk.models.checkpoint import Model, first_tokens_alone
from stiltwalk.records import Labels, PoolDocument, RankingExample, Rankings

_MAX_QUERY_TOKENS = 96
_PAIR = 2


class RankingHead(RowHead):
    """Vectors of unit length: what the encoder pools, its first token's last state without one.

    The loss of a pair is the cross-entropy of its document among those of the micro-batch, at a
    learnt scale of the cosines, one way.

    Source:
        XTREME-R's dual encoder (LAReQA, Mewsli-X).
    """

    def features(
        self, examples: Examples, encoder: TextEncoder, labels: Labels, max_length_tokens: int
    ) -> Features:
        """Return a row per query and document in order; a document alone is one text.

        A document that comes with its query is a pair of text and context. Where every query has
        one, a unit is a query's row and its document's.
        """
        texts = [list(_texts(each, max_length_tokens)) for each in examples]
        flat = [text for each in texts for text in each]
        first = encoder.ids([text for text, _, _ in flat])
        second = encoder.ids([context for _, context, _ in flat])
        rows, seconds, types = [], [], []
        for text, context, (_, _, most) in zip(first, second, flat, strict=True):
            row, at = _row(encoder, text, context, most)
            rows.append(row)
            seconds.append(at)
            is_single = at == len(row)
            types.append(
                encoder.single_types([row]) if is_single else encoder.pair_types([row], [at])
            )
        counts = [len(each) for each in texts]
        rows_per_unit = _PAIR if set(counts) == {_PAIR} else 1
        told = [each for each in types if each is not None]
        return Features(
            ids=Ragged.of(rows),
            second=np.array(seconds, dtype=np.int32),
            example=np.repeat(np.arange(len(counts)), counts),
            labels=Ragged.of([[]] * (len(rows) // rows_per_unit)),
            rows_per_unit=rows_per_unit,
            types=Ragged.joined(told) if told else None,
        )

    def logits(self, model: Model, batch: Batch) -> Tensor:
        """Return the scaled cosines of every query with every document of a batch, (U, U)."""
        vectors_RD = _vectors(model, batch)
        cosines_UU = vectors_RD[0::_PAIR] @ vectors_RD[1::_PAIR].T
        scale: Tensor = model.scale
        return cosines_UU * scale

    def loss(self, logits: Tensor, features: Features, units: NDArray[np.int64]) -> Tensor:
        own = torch.arange(len(units), device=logits.device)
        return functional.cross_entropy(logits.float(), own, reduction="sum")

    def outputs(
        self, model: Model, batch: Batch, features: Features, rows: NDArray[np.int64]
    ) -> list[NDArray[np.float32]]:
        with first_tokens_alone(model) if _pools(model) else nullcontext():
            return list(_vectors(model, batch).cpu().numpy())

    def decode(
        self, outputs: Outputs, features: Features, examples: Examples, labels: Labels
    ) -> Rankings:
        """Rank the distinct documents that come with the queries; without any there is no rank."""
        if features.rows_per_unit != _PAIR:
            return {example.id: () for example in examples}
        pool = dict[str, NDArray[np.float32]]()
        for example, vector in zip(examples, outputs[1::_PAIR], strict=True):
            pool.setdefault(example.documents[0].id, vector)
        found = nearest_of_many(np.stack(outputs[0::_PAIR]), [np.stack([*pool.values()])], CUTOFF)
        return rankings(examples, found.index_NK, found.score_NK, list(pool))


def rankings(
    queries: Sequence[RankingExample],
    index_NK: NDArray[np.int64],
    score_NK: NDArray[np.float32],
    ids: Sequence[str],
) -> dict[str, list[str]]:
    """Return the document ids of each query, best first.

    Args:
        queries: in the order of the rows.
        index_NK: rows of the pool, shape (queries, K).
        score_NK: their scores, minus infinity where there are fewer documents than K.
        ids: of the whole pool.
    """
    return {
        query.id: [ids[at] for at in index_K[np.isfinite(score_K)].tolist()]
        for query, index_K, score_K in zip(queries, index_NK, score_NK, strict=True)
    }


def _texts(asked: RankingExample | PoolDocument, most: int) -> Iterator[tuple[str, str, int]]:
    """Yield text, context and tokens at most of every row."""
    if isinstance(asked, PoolDocument):
        yield (asked.text + asked.context).replace("\n", ""), "", most
        return
    yield asked.query, "", min(_MAX_QUERY_TOKENS, most)
    for document in asked.documents:
        yield document.text, document.context, most


def _row(
    encoder: TextEncoder, text: NDArray[np.int32], context: NDArray[np.int32], most: int
) -> tuple[NDArray[np.int32], int]:
    """Return a row, and where its second text starts; its length if there is none."""
    if not len(context):
        row = encoder.single(text[: most - encoder.num_special_in_single])
        return row, len(row)
    text, context = fit_pair(text, context, most - encoder.num_special_in_pair)
    return encoder.pair(text, context), len(encoder.before) + len(text) + len(encoder.between)


def _pools(model: Model) -> bool:
    return getattr(model, "pooler", None) is not None


def _vectors(model: Model, batch: Batch) -> Tensor:
    """Return vectors of unit length, (R, D)."""
    found = model(**batch.inputs())
    pooled_RD = found.pooler_output if _pools(model) else found.last_hidden_state[:, 0]
    return functional.normalize(pooled_RD.float(), dim=1)
