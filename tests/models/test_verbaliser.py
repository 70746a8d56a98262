"""Tests for stiltwalk.models.soft_prompt: classes read off the words nearest to their names."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from prompted import CLOZE
from stiltwalk.features.text import load_text_encoder
from stiltwalk.models.soft_prompt import Verbaliser, nearest_words


def test_the_nearest_words_are_those_of_highest_cosine_specials_left_out(tiny_xlmr: Path) -> None:
    encoder = load_text_encoder(tiny_xlmr)
    table = torch.randn(700, 16, generator=torch.Generator().manual_seed(1))
    (monday,) = encoder.ids(["Monday"])
    anchor = table[torch.from_numpy(monday).long()].mean(dim=0)
    table[encoder.mask_id] = 3 * anchor
    table[400] = 0.01 * anchor  # the length of a vector does not count
    found = nearest_words(table, encoder, CLOZE, 4)
    cosines = torch.nn.functional.cosine_similarity(table, anchor[None])
    cosines[torch.from_numpy(encoder.special_ids).long()] = -1
    best = cosines.topk(4)
    assert found.ids[2] == tuple(best.indices.tolist())
    assert found.ids[2][0] == 400
    assert found.weights[2] == pytest.approx(tuple(best.values.softmax(dim=0).tolist()))
    assert all(sum(weights) == pytest.approx(1) for weights in found.weights)


def test_a_class_of_two_names_takes_words_near_to_either(tiny_xlmr: Path) -> None:
    encoder = load_text_encoder(tiny_xlmr)
    table = torch.randn(700, 16, generator=torch.Generator().manual_seed(1))
    firsts = [int(ids[0]) for ids in encoder.ids(["Paris", "Kenya"]) if len(ids) == 1]
    assert set(firsts) <= set(nearest_words(table, encoder, CLOZE, 2).ids[0])
    assert firsts


def test_a_row_of_a_class_is_the_weighted_sum_of_its_words_rows() -> None:
    verbaliser = Verbaliser(labels=("a", "b"), ids=((0, 2), (1,)), weights=((0.25, 0.75), (1.0,)))
    rows = torch.tensor([[4.0, 0.0], [1.0, 2.0], [0.0, 8.0]])
    assert verbaliser.class_rows(rows).tolist() == [[1.0, 6.0], [1.0, 2.0]]
    assert verbaliser.class_rows(rows[:, 0]).tolist() == [1.0, 1.0]
