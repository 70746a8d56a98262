"""Tests for stiltwalk.features.batches."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from stiltwalk.features.batches import Cut, Step, epoch_steps, filled, inference_batches

lengths_of_rows = st.lists(st.integers(1, 300), max_size=60).map(
    lambda values: np.array(values, dtype=np.int64)
)
several_tasks = st.lists(
    st.tuples(
        st.lists(st.integers(1, 300), min_size=1, max_size=40).map(np.array),
        st.sampled_from([1, 4]),
    ),
    min_size=1,
    max_size=4,
)
cuts = st.builds(
    Cut,
    effective_batch_size=st.integers(1, 9),
    sort_window_batches=st.integers(1, 4),
    micro_batch_tokens=st.integers(1, 900),
)


def steps_of(tasks: Sequence[tuple[NDArray[np.int64], int]], cut: Cut, seed: int = 1) -> list[Step]:
    lengths, rows = zip(*tasks, strict=True)
    num_steps = [-(-len(each) // cut.effective_batch_size) for each in lengths]
    return epoch_steps(lengths, rows, num_steps, cut, np.random.default_rng(seed))


@given(lengths_of_rows, st.integers(1, 900))
def test_every_row_is_in_one_batch_and_no_batch_of_several_is_over_budget(
    lengths: NDArray[np.int64], budget: int
) -> None:
    batches = inference_batches(lengths, budget)
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or lengths[batch].max() * len(batch) <= budget


@given(lengths_of_rows, st.integers(1, 900), st.randoms(use_true_random=False))
def test_filling_keeps_any_order_and_stays_within_the_budget(
    lengths: NDArray[np.int64], budget: int, random: object
) -> None:
    order = np.arange(len(lengths))
    random.shuffle(order)  # type: ignore[attr-defined]
    batches = filled(order, lengths, budget)
    assert [row for batch in batches for row in batch] == order.tolist()
    assert all(len(b) == 1 or lengths[b].max() * len(b) <= budget for b in batches)


@given(lengths_of_rows, st.integers(300, 900))
def test_a_batch_is_only_closed_when_the_next_row_would_not_fit(
    lengths: NDArray[np.int64], budget: int
) -> None:
    batches = inference_batches(lengths, budget)
    for batch, following in pairwise(batches):
        together = np.append(batch, following[0])
        assert lengths[together].max() * len(together) > budget


def test_the_longest_rows_go_first() -> None:
    batches = inference_batches(np.array([3, 9, 5, 9]), 9)
    assert [batch.tolist() for batch in batches] == [[1], [3], [2], [0]]


def test_no_rows_make_no_batches() -> None:
    assert inference_batches(np.zeros(0, np.int64), 10) == []


@given(several_tasks, cuts)
def test_an_epoch_has_every_unit_of_every_task_exactly_once(
    tasks: list[tuple[NDArray[np.int64], int]], cut: Cut
) -> None:
    steps = steps_of(tasks, cut)
    for number, (lengths, _) in enumerate(tasks):
        units = [unit for step in steps if step.task == number for unit in step.units]
        assert sorted(units) == list(range(len(lengths)))


@given(several_tasks, cuts)
def test_a_step_is_one_effective_batch_cut_within_the_budget(
    tasks: list[tuple[NDArray[np.int64], int]], cut: Cut
) -> None:
    steps = steps_of(tasks, cut)
    for step in steps:
        lengths, rows = tasks[step.task]
        assert 1 <= len(step.units) <= cut.effective_batch_size
        for units in step.micro_batches:
            padded = int(lengths[units].max()) * len(units) * rows
            assert len(units) == 1 or padded <= cut.micro_batch_tokens
    for number, (lengths, _) in enumerate(tasks):
        count = sum(step.task == number for step in steps)
        assert count == -(-len(lengths) // cut.effective_batch_size)


@given(several_tasks, cuts, st.integers(0, 2**32 - 1))
def test_the_order_follows_from_the_seed_alone(
    tasks: list[tuple[NDArray[np.int64], int]], cut: Cut, seed: int
) -> None:
    np.random.seed(0)  # noqa: NPY002 - the global state must not matter
    one = steps_of(tasks, cut, seed)
    np.random.seed(1)  # noqa: NPY002
    other = steps_of(tasks, cut, seed)
    assert [(s.task, s.units.tolist()) for s in one] == [(s.task, s.units.tolist()) for s in other]


@given(several_tasks, cuts, cuts)
def test_the_budget_cuts_a_step_and_never_changes_it(
    tasks: list[tuple[NDArray[np.int64], int]], cut: Cut, other: Cut
) -> None:
    small = Cut(
        effective_batch_size=cut.effective_batch_size,
        sort_window_batches=cut.sort_window_batches,
        micro_batch_tokens=other.micro_batch_tokens,
    )
    units = [(s.task, s.units.tolist()) for s in steps_of(tasks, cut)]
    assert units == [(s.task, s.units.tolist()) for s in steps_of(tasks, small)]


def test_a_size_of_micro_batches_counts_in_place_of_the_budget() -> None:
    cut = Cut(
        effective_batch_size=10, sort_window_batches=2, micro_batch_tokens=1, micro_batch_size=4
    )
    steps = steps_of([(np.full(25, 7), 2)], cut)
    sizes = sorted([len(units) for units in step.micro_batches] for step in steps)
    assert sizes == [[4, 1], [4, 4, 2], [4, 4, 2]]


def test_other_seeds_give_other_orders() -> None:
    tasks = [(np.full(64, 10), 1)]
    cut = Cut(effective_batch_size=8, sort_window_batches=1, micro_batch_tokens=80)
    orders = {tuple(np.concatenate([s.units for s in steps_of(tasks, cut, k)])) for k in range(5)}
    assert len(orders) == 5


def test_rows_of_like_length_are_together_inside_a_window() -> None:
    lengths = np.random.default_rng(0).integers(1, 200, 256)
    cut = Cut(effective_batch_size=16, sort_window_batches=16, micro_batch_tokens=10**6)
    spread = [np.ptp(lengths[step.units]) for step in steps_of([(lengths, 1)], cut)]
    assert np.mean(spread) < 20


def test_a_task_s_share_of_the_steps_is_its_share_of_the_units() -> None:
    cut = Cut(effective_batch_size=4, sort_window_batches=2, micro_batch_tokens=1000)
    steps = steps_of([(np.full(400, 9), 1), (np.full(100, 9), 4)], cut)
    assert sum(step.task == 0 for step in steps) == 100
    assert sum(step.task == 1 for step in steps) == 25
    half = [step.task for step in steps[: len(steps) // 2]]
    assert 5 < sum(half) < 20  # mixed, not one after the other
