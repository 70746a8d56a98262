"""The system under test: where it lies in memory changes nothing but time."""

from __future__ import annotations

import torch

from stiltwalk.config.model_folder import MINI_BASE, locate
from stiltwalk.config.recipe import ModelSettings
from stiltwalk.measure.system import Delayed, Settings, load_answerer
from stiltwalk.tasks import TASKS


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
