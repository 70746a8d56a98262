"""Tests for stiltwalk.training.data: how many steps each task of a mixture gets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stiltwalk.features.batches import Cut, epoch_steps
from stiltwalk.recipe.schema import Mixing
from stiltwalk.training.data import (
    english_and_translated,
    shares,
    steps_of_text,
    steps_per_task,
    texts_per_language,
)

counts = st.lists(st.integers(1, 5000), min_size=1, max_size=9)
mixings = st.builds(
    Mixing,
    sampling=st.sampled_from(["proportional", "uniform"]),
    cap=st.none() | st.integers(1, 6000),
    temperature=st.floats(1, 10),
)
CUT = Cut(effective_batch_size=8, sort_window_batches=2, micro_batch_tokens=512)


def test_shares_follow_the_published_formulas() -> None:
    sizes = [100, 400, 1600]
    assert shares(sizes, Mixing()).tolist() == pytest.approx([1 / 21, 4 / 21, 16 / 21])
    assert shares(sizes, Mixing(cap=400)).tolist() == pytest.approx([1 / 9, 4 / 9, 4 / 9])
    warm = shares(sizes, Mixing(temperature=2.0)).tolist()
    assert warm == pytest.approx([1 / 7, 2 / 7, 4 / 7])
    assert shares(sizes, Mixing(sampling="uniform")).tolist() == pytest.approx([1 / 3] * 3)


@given(counts, mixings)
def test_steps_keep_the_shares_to_the_nearest_step(sizes: list[int], mixing: Mixing) -> None:
    steps = steps_per_task(sizes, 8, mixing)
    seen = [min(size, mixing.cap or size) for size in sizes]
    assert sum(steps) == sum(-(-size // 8) for size in seen)
    if mixing.sampling == "uniform" or mixing.temperature > 1:
        wanted = shares(sizes, mixing) * sum(steps)
        assert np.abs(np.array(steps) - wanted).max() <= 1


@given(counts)
def test_plain_proportional_mixing_shows_every_example_once_per_epoch(sizes: list[int]) -> None:
    sizes = [min(size, 200) for size in sizes]
    lengths = [np.full(size, 5) for size in sizes]
    num_steps = steps_per_task(sizes, 8, Mixing())
    steps = epoch_steps(lengths, [1] * len(sizes), num_steps, CUT, np.random.default_rng(1))
    for task, size in enumerate(sizes):
        units = [step.units for step in steps if step.task == task]
        assert sorted(np.concatenate(units).tolist()) == list(range(size))


def test_a_small_task_begins_anew_where_it_gets_more_steps_than_it_fills() -> None:
    sizes = [16, 800]
    lengths = [np.full(size, 5) for size in sizes]
    num_steps = steps_per_task(sizes, 8, Mixing(sampling="uniform"))
    assert num_steps == [51, 51]
    steps = epoch_steps(lengths, [1, 1], num_steps, CUT, np.random.default_rng(1))
    seen = np.bincount(np.concatenate([step.units for step in steps if step.task == 0]))
    assert seen.min() >= 25
    assert seen.max() <= 26


def test_capped_examples_change_from_epoch_to_epoch() -> None:
    rng = np.random.default_rng(1)
    num_steps = steps_per_task([800], 8, Mixing(cap=80))
    assert num_steps == [10]
    epochs = [
        frozenset(
            np.concatenate(
                [step.units for step in epoch_steps([np.full(800, 5)], [1], num_steps, CUT, rng)]
            ).tolist()
        )
        for _ in range(2)
    ]
    assert len(epochs[0]) == len(epochs[1]) == 80
    assert epochs[0] != epochs[1]


@given(st.integers(1, 2000), st.floats(0.01, 1), st.integers(1, 12))
def test_translations_get_their_share_and_languages_the_same(
    num_steps: int, weight: float, num_languages: int
) -> None:
    english, *others = english_and_translated(num_steps, weight, num_languages)
    assert english + sum(others) == num_steps
    assert abs(sum(others) - weight * num_steps) <= 1
    assert max(others) - min(others) <= 1


@given(st.integers(20, 5000), st.floats(0.05, 0.9))
def test_text_gets_its_share_of_all_steps_and_takes_none_from_the_tasks(
    num_steps: int, weight: float
) -> None:
    text = steps_of_text(num_steps, weight)
    assert abs(text - weight * (text + num_steps)) <= 1


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=40), st.integers(1, 10**5))
def test_texts_per_language_converge_to_the_stated_shares(sizes: list[int], total: int) -> None:
    counts = np.array(texts_per_language(sizes, 0.3, total))
    assert counts.sum() == total
    wanted = np.array(sizes) ** 0.3 / (np.array(sizes) ** 0.3).sum()
    assert np.abs(counts - wanted * total).max() <= 1


@given(counts, mixings)
def test_a_step_is_of_one_task_and_tasks_get_the_steps_they_were_given(
    sizes: list[int], mixing: Mixing
) -> None:
    sizes = [min(size, 100) for size in sizes]
    num_steps = steps_per_task(sizes, 8, mixing)
    lengths = [np.full(size, 5) for size in sizes]
    steps = epoch_steps(lengths, [1] * len(sizes), num_steps, CUT, np.random.default_rng(1))
    assert np.bincount([s.task for s in steps], minlength=len(sizes)).tolist() == num_steps
    assert all(step.units.max() < sizes[step.task] for step in steps)
