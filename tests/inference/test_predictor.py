"""Tests for stiltwalk.inference.predictor: vectors, and where a model lies in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from decoders import write_decoder
from stiltwalk.inference import predictor
from stiltwalk.inference.engine import sentence_vectors
from stiltwalk.inference.predictor import Delayed, Settings, cut_encoder, load_predictor
from stiltwalk.models import device
from stiltwalk.models.locate import MINI_BASE, locate
from stiltwalk.recipe.schema import ModelSettings
from stiltwalk.recipe.types import Answering, Pooling, RetrievalSettings, resolved
from stiltwalk.tasks import TASKS

if TYPE_CHECKING:
    from pathlib import Path


def test_a_moved_model_has_equal_weights_in_other_places_and_shares_none_with_the_old() -> None:
    folder = locate(ModelSettings(name=MINI_BASE), fetch=False).folder
    assert folder is not None
    answerer = load_predictor(folder, Settings(task=TASKS["tatoeba"], max_length_tokens=32))
    before = dict(answerer.engine.model.named_parameters())
    Delayed(answerer, (0.05,)).move()
    after = dict(answerer.engine.model.named_parameters())
    assert before.keys() == after.keys()
    assert all(torch.equal(each, after[name]) for name, each in before.items())
    assert not {p.data_ptr() for p in before.values()} & {p.data_ptr() for p in after.values()}
    assert answerer.answer(["ein Satz"]).real_tokens > 2


@pytest.mark.parametrize("pooling", ["mean", "first", "last"])
def test_sentence_vectors_are_pooled_as_retrieval_pools_them(
    pooling: Pooling, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, asked = TASKS["tatoeba"], list[object]()
    vectors = sentence_vectors

    def seen(*given: Any) -> Any:  # noqa: ANN401 - as they are passed on
        asked.append(given[3])
        return vectors(*given)

    monkeypatch.setattr(predictor, "sentence_vectors", seen)
    settings = Settings(
        task=task,
        max_length_tokens=32,
        answering=resolved(task.task_type, Answering()),
        retrieval=RetrievalSettings(pooling=pooling),
    )
    load_predictor(write_decoder("llama", tmp_path), settings).answer(["Paris is in France"])
    assert asked == [pooling]


@pytest.mark.parametrize("pooling", ["mean", "first", "last"])
def test_lines_get_their_prefix_and_one_vector_as_transformers_makes_it(
    pooling: Pooling, tiny_xlmr: Path
) -> None:
    lines = ["Paris is in France", "韩国、德国", "hours"]
    model = AutoModel.from_pretrained(tiny_xlmr).eval()
    tools = AutoTokenizer.from_pretrained(tiny_xlmr)
    pick = {"mean": slice(None), "first": slice(0, 1), "last": slice(-1, None)}[pooling]
    with torch.no_grad():
        expected = [
            model(**tools(f"query: {line}", return_tensors="pt"), output_hidden_states=True)
            .hidden_states[1][0, pick]
            .mean(dim=0)
            .numpy()
            for line in lines
        ]
    how = RetrievalSettings(prefix="query: ", pooling=pooling, relative_depth=0.5)
    settings = Settings(task=TASKS["tatoeba"], max_length_tokens=32, retrieval=how)
    asked = load_predictor(tiny_xlmr, settings)
    np.testing.assert_allclose(asked.answers(lines), np.array(expected), atol=1e-5)
    assert asked.answer(lines).real_tokens == sum(
        len(tools(f"query: {line}").input_ids) for line in lines
    ), "the clock sees the prefix, too"


def test_only_a_family_that_can_be_cut_is_cut_and_another_says_so_once(
    family: Path, caplog: pytest.LogCaptureFixture
) -> None:
    device.say_once.cache_clear()
    for _ in range(2):
        model, block = cut_encoder(family, 0.5)
        assert block == 1
    is_whole = family.name == "modernbert"
    assert model.config.num_hidden_layers == (2 if is_whole else 1)
    said = [record.getMessage() for record in caplog.records]
    assert said == is_whole * [
        "An encoder of the family modernbert cannot be cut short: retrieval runs all of its "
        "blocks, not only those that are read."
    ]
