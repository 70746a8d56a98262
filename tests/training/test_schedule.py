"""Tests for stiltwalk.training.loop."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import get_linear_schedule_with_warmup

from stiltwalk.recipe.schema import TrainSettings
from stiltwalk.training.loop import evaluates_on_dev, learning_rate


@pytest.mark.parametrize("share", [0.0, 0.06, 0.1, 1.0])
@pytest.mark.parametrize("num_steps", [1, 2, 9, 40])
def test_the_rate_is_that_of_transformers_linear_schedule(share: float, num_steps: int) -> None:
    settings = TrainSettings(learning_rate=3e-5, warmup_share=share)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=3e-5)
    schedule = get_linear_schedule_with_warmup(optimizer, int(share * num_steps), num_steps)
    for step in range(num_steps):
        expected = schedule.get_last_lr()[0]
        assert learning_rate(step, num_steps, settings) == pytest.approx(expected, rel=1e-12)
        optimizer.step()
        schedule.step()


@given(st.integers(1, 300), st.integers(1, 100))
def test_dev_is_looked_at_every_so_often_and_once_at_the_end(num_steps: int, every: int) -> None:
    settings = TrainSettings(eval_every_steps=every)
    looked = [step + 1 for step in range(num_steps) if evaluates_on_dev(step, num_steps, settings)]
    regular = list(range(every, num_steps + 1, every))
    assert looked == (regular if regular and regular[-1] == num_steps else [*regular, num_steps])


def test_warm_up_steps_count_in_place_of_the_share() -> None:
    settings = TrainSettings(learning_rate=1.0, warmup_share=0.5, warmup_steps=4)
    assert [learning_rate(step, 8, settings) for step in range(5)] == [0, 0.25, 0.5, 0.75, 1.0]
    longer = TrainSettings(learning_rate=1.0, warmup_steps=500)
    assert learning_rate(7, 8, longer) == 7 / 8
