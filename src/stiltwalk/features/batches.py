"""Which rows go through the model together: sorted by length, filled to a budget of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Units = NDArray[np.int64]


def filled(order: Units, lengths: NDArray[np.int64], budget_tokens: int) -> list[Units]:
    """Cut an order of rows into batches whose padded size stays within a budget.

    Args:
        order: row numbers in the order in which they are taken.
        lengths: tokens of every row (of every unit: longest row times its rows).
        budget_tokens: padded tokens per batch; a longer row makes a batch of its own.

    Returns:
        Every row of `order` exactly once, in order.
    """
    batches: list[Units] = []
    start = longest = 0
    for position, row in enumerate(order):
        longer = max(longest, int(lengths[row]))
        if position > start and longer * (position - start + 1) > budget_tokens:
            batches.append(order[start:position])
            start, longer = position, int(lengths[row])
        longest = longer
    if len(order):
        batches.append(order[start:])
    return batches


def inference_batches(lengths: NDArray[np.int64], budget_tokens: int) -> list[Units]:
    """Return batches over all rows, longest first: what does not fit fails at once."""
    return filled(np.argsort(-lengths, kind="stable"), lengths, budget_tokens)


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One optimiser step: which task, and its units, cut for memory."""

    task: int
    micro_batches: tuple[Units, ...]

    @property
    def units(self) -> Units:
        """All units of the step."""
        return np.concatenate(self.micro_batches)


@dataclass(frozen=True, kw_only=True)
class Cut:
    """How units become steps; see `TrainSettings`."""

    effective_batch_size: int
    sort_window_batches: int
    micro_batch_tokens: int
    micro_batch_size: int | None = None


def epoch_steps(
    lengths: Sequence[NDArray[np.int64]],
    rows_per_unit: Sequence[int],
    num_steps: Sequence[int],
    cut: Cut,
    rng: np.random.Generator,
) -> list[Step]:
    """Return one epoch over several tasks: one task per step, the steps in random order.

    A task whose steps are just enough for its units shows every unit exactly once; one with more
    steps begins its units anew, in another order; one with fewer shows a random part.

    Args:
        lengths: per task, the longest row of every unit in tokens.
        rows_per_unit: per task, how many rows a unit has.
        num_steps: per task, how many steps it gets.
        cut: batch sizes.
        rng: the only source of chance.
    """
    steps = []
    for task, (task_lengths, rows, count) in enumerate(
        zip(lengths, rows_per_unit, num_steps, strict=True)
    ):
        batches: list[Units] = []
        while len(batches) < count:
            batches += _effective_batches(task_lengths, cut, rng)
        if count < len(batches):
            batches = [batches[at] for at in rng.permutation(len(batches))[:count]]
        for units in batches:
            size = cut.micro_batch_size
            if size:
                micro = [units[at : at + size] for at in range(0, len(units), size)]
            else:
                micro = filled(units, task_lengths * rows, cut.micro_batch_tokens)
            steps.append(Step(task, tuple(micro)))
    return [steps[position] for position in rng.permutation(len(steps))]


def _effective_batches(
    lengths: NDArray[np.int64], cut: Cut, rng: np.random.Generator
) -> list[Units]:
    """Shuffle, sort inside windows of several batches, cut into batches."""
    order = rng.permutation(len(lengths))
    window = cut.effective_batch_size * cut.sort_window_batches
    batches = []
    for start in range(0, len(order), window):
        inside = order[start : start + window]
        inside = inside[np.argsort(lengths[inside], kind="stable")]
        batches += [
            inside[at : at + cut.effective_batch_size]
            for at in range(0, len(inside), cut.effective_batch_size)
        ]
    return batches
