"""Tests for stiltwalk.heads.ranking: a dual encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from stiltwalk.features.text import load_text_encoder
from stiltwalk.heads import head_of
from stiltwalk.heads.head import Batch, make_batch, uses_types
from stiltwalk.models import checkpoint
from stiltwalk.records import PoolDocument, RankingExample, TaskType

QUERIES = ("How many hours?", "Which country is Paris in?", "How many litres on Wednesday?")
PAIRS = [
    RankingExample(
        f"q{at}", query, (f"d{at}",), (PoolDocument(f"d{at}", f"Tuesday, {at} hours", "Monday, 7"),)
    )
    for at, query in enumerate(QUERIES)
]
HEAD = head_of(TaskType.RANKING)


def test_learnt_pairs_are_query_and_pair_of_sentence_and_paragraph(tiny_xlmr: Path) -> None:
    encoder = load_text_encoder(tiny_xlmr)
    features = HEAD.features(PAIRS, encoder, (), 96)
    assert (features.num_units, features.rows_per_unit) == (3, 2)
    query, sentence, paragraph = encoder.ids([QUERIES[0], "Tuesday, 0 hours", "Monday, 7"])
    assert features.ids[0].tolist() == encoder.single(query).tolist()
    assert features.ids[1].tolist() == encoder.pair(sentence, paragraph).tolist()


def test_a_document_of_a_pool_is_one_text_sentence_then_paragraph(tiny_xlmr: Path) -> None:
    encoder = load_text_encoder(tiny_xlmr)
    features = HEAD.features([PoolDocument("d", "7 hours.", "Monday\n7 hours.")], encoder, (), 96)
    (whole,) = encoder.ids(["7 hours.Monday7 hours."])
    assert features.ids[0].tolist() == encoder.single(whole).tolist()


def test_queries_are_cut_at_96_tokens_and_documents_at_the_tasks_length(tiny_xlmr: Path) -> None:
    long = "Monday 7 " * 200
    example = RankingExample("q", long, ("d",), (PoolDocument("d", long, long),))
    features = HEAD.features([example], load_text_encoder(tiny_xlmr), (), 128)
    assert features.ids.lengths.tolist() == [96, 128]


def test_the_loss_is_a_cross_entropy_over_the_documents_of_the_micro_batch(family: Path) -> None:
    encoder = load_text_encoder(family)
    model = checkpoint.with_head(
        checkpoint.load(TaskType.RETRIEVAL, family), TaskType.RANKING, (), seed=1
    )
    assert dict(model.named_parameters())["scale"].tolist() == [100]
    features = HEAD.features(PAIRS, encoder, (), 96)

    def batch(*rows: int) -> Batch:
        return make_batch(features, np.array(rows), encoder.pad_id, with_types=uses_types(model))

    loss = HEAD.loss(HEAD.logits(model, batch(*range(6))), features, np.arange(3))
    loss.backward()
    assert model.scale.grad.abs().item() > 0
    with torch.inference_mode():
        alone = [HEAD.outputs(model, batch(row), features, np.array([row]))[0] for row in range(6)]
    unit_RD = torch.from_numpy(np.stack(alone))
    assert unit_RD.norm(dim=1).tolist() == pytest.approx([1] * 6)
    expected = functional.cross_entropy(
        100 * unit_RD[::2] @ unit_RD[1::2].T, torch.arange(3), reduction="sum"
    )
    assert loss.item() == pytest.approx(expected.item(), rel=1e-3)


def test_dev_queries_rank_the_distinct_documents_of_all(tiny_xlmr: Path) -> None:
    examples = [*PAIRS, RankingExample("q3", "How many?", ("d0",), PAIRS[0].documents)]
    features = HEAD.features(examples, load_text_encoder(tiny_xlmr), (), 96)
    near, far, side = np.eye(3, dtype=np.float32)
    outputs = [near, near, far, side, near + far, far, side, near]
    answers = HEAD.decode(outputs, features, examples, ())
    assert answers == {
        "q0": ["d0", "d1", "d2"],
        "q1": ["d2", "d0", "d1"],
        "q2": ["d0", "d2", "d1"],
        "q3": ["d1", "d0", "d2"],
    }
