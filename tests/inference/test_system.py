"""The system under test: where it lies in memory changes nothing but time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from decoders import write_decoder
from stiltwalk.inference import predictor
from stiltwalk.inference.embed import sentence_vectors
from stiltwalk.inference.predictor import Delayed, Settings, load_answerer
from stiltwalk.models.locate import MINI_BASE, locate
from stiltwalk.recipe.schema import ModelSettings
from stiltwalk.recipe.types import Answering, Pooling, resolved
from stiltwalk.tasks import TASKS

if TYPE_CHECKING:
    from pathlib import Path


def test_a_moved_model_has_equal_weights_in_other_places_and_shares_none_with_the_old() -> None:
    folder = locate(ModelSettings(name=MINI_BASE), fetch=False).folder
    assert folder is not None
    answerer = load_answerer(folder, Settings(task=TASKS["tatoeba"], max_length_tokens=32))
    before = dict(answerer.engine.model.named_parameters())
    Delayed(answerer, 0.05).move()
    after = dict(answerer.engine.model.named_parameters())
    assert before.keys() == after.keys()
    assert all(torch.equal(each, after[name]) for name, each in before.items())
    assert not {p.data_ptr() for p in before.values()} & {p.data_ptr() for p in after.values()}
    assert answerer.answer(["ein Satz"]).real_tokens > 2


@pytest.mark.parametrize("pooling", ["mean", "last"])
def test_sentence_vectors_are_pooled_as_retrieval_pools_them(
    pooling: Pooling, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, asked = TASKS["tatoeba"], list[object]()
    vectors = sentence_vectors

    def seen(*given: Any) -> Any:  # noqa: ANN401 - as they are passed on
        asked.append(given[3])
        return vectors(*given)

    monkeypatch.setattr(predictor, "sentence_vectors", seen)
    answering = resolved(task.task_type, Answering(pooling=pooling))
    settings = Settings(task=task, max_length_tokens=32, answering=answering)
    load_answerer(write_decoder("llama", tmp_path), settings).answer(["Paris is in France"])
    assert asked == [pooling]
