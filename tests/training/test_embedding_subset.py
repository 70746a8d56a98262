"""Tests for stiltwalk.training.embedding_subset: fewer rows trained, and the outcome is AdamW's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from test_loop import SETTINGS, Trainee
from torch import nn
from transformers import AutoModelForMaskedLM

from stiltwalk.features.rows import Features
from stiltwalk.models import checkpoint
from stiltwalk.records import TaskType
from stiltwalk.training import embedding_subset
from stiltwalk.training.embedding_subset import EmbeddingSubset, VocabularySubset

DECAYED = replace(SETTINGS, weight_decay=0.5, warmup_share=0.0)


def seen(trainee: Trainee) -> list[Features]:
    return [features for rows in trainee.rows for features in (rows.train, rows.dev)]


def unseen_ids(trainee: Trainee) -> list[int]:
    ids = {int(id_) for features in seen(trainee) for id_ in features.ids.values}
    return sorted(set(range(trainee.encoder.config.vocab_size)) - ids - {trainee.session.pad_id})


def test_training_is_that_of_the_whole_table(family: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every weight after six steps, and what was kept on the way, is AdamW's on all rows."""
    kinds = (TaskType.PAIR, TaskType.SPAN)
    few = Trainee(family, kinds, DECAYED)
    training = few.fit()
    monkeypatch.setattr(embedding_subset, "_feeds_inputs_alone", lambda _table, _models: False)
    whole = Trainee(family, kinds, DECAYED)
    expected = whole.fit()
    assert len(few.kept) == len(whole.kept) >= 1
    for found, wanted in zip(
        [*few.kept, few.weights()], [*whole.kept, whole.weights()], strict=True
    ):
        assert found.keys() == wanted.keys()
        for name, value in wanted.items():
            torch.testing.assert_close(found[name], value, atol=2e-6, rtol=1e-5, msg=name)
    for one, other in zip(training.log, expected.log, strict=True):
        assert one["loss_nats"] == pytest.approx(other["loss_nats"], rel=1e-5)
        assert one["gradient_norm"] == pytest.approx(other["gradient_norm"], rel=1e-5)


def test_rows_that_do_not_occur_only_decay(tiny_xlmr: Path) -> None:
    trainee = Trainee(tiny_xlmr, settings=DECAYED)
    before = trainee.encoder.get_input_embeddings().weight.detach().clone()
    training = trainee.fit()
    left = 1.0
    for entry in training.log:
        left *= 1 - entry["learning_rate"] * 0.5
    rows = unseen_ids(trainee)
    assert len(rows) > 100
    assert left < 0.999
    after = trainee.encoder.get_input_embeddings().weight
    torch.testing.assert_close(after[rows], before[rows] * left)


def test_only_rows_that_occur_have_a_gradient_and_moments(tiny_xlmr: Path) -> None:
    trainee = Trainee(tiny_xlmr)
    VocabularySubset(trainee.models.models, seen(trainee), trainee.session.pad_id)
    table = trainee.models.models[0].get_input_embeddings()
    assert isinstance(table, EmbeddingSubset)
    assert len(table.weight) == 700 - len(unseen_ids(trainee))
    with pytest.raises(IndexError):
        table(torch.tensor(unseen_ids(trainee)[:1]))


def test_a_table_need_not_know_what_rows_are_padded_with(tiny_xlmr: Path) -> None:
    trainee = Trainee(tiny_xlmr)
    trainee.encoder.get_input_embeddings().padding_idx = None
    assert trainee.session.pad_id not in {int(i) for f in seen(trainee) for i in f.ids.values}
    assert trainee.fit().log


def test_the_model_in_hand_has_its_own_table_again(family: Path) -> None:
    trainee = Trainee(family, (TaskType.PAIR, TaskType.TAGGING))
    table = trainee.encoder.get_input_embeddings()
    trainee.fit()
    for model in trainee.models.models:
        assert model.get_input_embeddings() is table
    assert type(table) is nn.Embedding
    assert len(table.weight) == 700


def test_a_kept_checkpoint_has_the_whole_vocabulary(tiny_xlmr: Path, tmp_path: Path) -> None:
    trainee = Trainee(tiny_xlmr)
    model = trainee.models.models[0]
    keep = lambda: checkpoint.save(model, tmp_path / "kept", tokenizer_from=tiny_xlmr)  # noqa: E731
    trainee.session = replace(trainee.session, keep=keep)
    trainee.fit()
    assert (
        len(checkpoint.load(TaskType.PAIR, tmp_path / "kept").get_input_embeddings().weight) == 700
    )


def test_a_frozen_table_and_one_that_is_an_output_layer_too_stay_whole(family: Path) -> None:
    frozen = Trainee(family)
    checkpoint.freeze_word_embeddings(frozen.encoder)
    masked = AutoModelForMaskedLM.from_config(frozen.encoder.config)
    for model in (frozen.encoder, masked):
        table = model.get_input_embeddings()
        VocabularySubset([model], seen(frozen), frozen.session.pad_id)
        assert model.get_input_embeddings() is table
