"""Tests for stiltwalk.draws: numbers by name, which have nothing in common."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from stiltwalk.draws import Draws, Phase

PHASES: tuple[Phase, ...] = ("intermediate", "target", "evaluation")
TASKS = st.sampled_from(["mnli", "xnli", "mnli+xnli", "squad_v1"])
NAMES = st.tuples(
    st.builds(Draws, st.integers(0, 40), st.sampled_from(PHASES), TASKS),
    st.sampled_from(["head", "order", "dropout"]),
    st.lists(st.integers(0, 40), max_size=2).map(tuple),
)


@given(NAMES, NAMES)
def test_equal_names_give_equal_numbers_and_other_names_others(one: tuple, other: tuple) -> None:  # type: ignore[type-arg]
    numbers = [draws.number(purpose, *place) for draws, purpose, place in (one, other)]
    assert (numbers[0] == numbers[1]) == (one == other)


def test_a_number_is_the_same_on_every_machine() -> None:
    assert Draws(1, "target", "xnli").number("head") == 8_643_805_882_854_238_284


def test_seeds_that_follow_one_another_share_no_stream() -> None:
    firsts = [
        np.random.default_rng(Draws(seed, "target", "xnli").number("order", epoch)).random(4)
        for seed in range(1, 30)
        for epoch in range(3)
    ]
    assert len({tuple(each) for each in firsts}) == len(firsts)


def test_torch_and_numpy_take_the_largest_number() -> None:
    torch.Generator().manual_seed(2**63 - 1)
    np.random.default_rng(2**63 - 1)
    assert all(Draws(s, "target", "x").number("head") < 2**63 for s in range(200))
