"""How many optimiser steps of an epoch each task of a mixture gets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stiltwalk.config.recipe import Mixing


def shares(num_units: Sequence[int], mixing: Mixing) -> NDArray[np.float64]:
    """Return each task's share of the steps; they add up to 1, shape (tasks,).

    Args:
        num_units: examples of every task, of questions the windows.
        mixing: proportional to min(n, cap)^(1 / temperature), or uniform.

    Source:
        Phang et al. (2020), as in jiant's samplers.
    """
    counts = np.array(num_units, dtype=np.float64)
    if mixing.sampling == "uniform":
        return np.full(len(counts), 1 / len(counts))
    weights = np.minimum(counts, mixing.cap or np.inf) ** (1 / mixing.temperature)
    per_task: NDArray[np.float64] = weights / weights.sum()
    return per_task


def steps_per_task(
    num_units: Sequence[int], effective_batch_size: int, mixing: Mixing
) -> list[int]:
    """Return how many steps each task gets in one epoch, shares kept to the nearest step.

    An epoch has as many steps as it takes to see every example once, at most `cap` of a task. In
    plain proportional mixing every example is seen exactly once.
    """
    seen = [min(count, mixing.cap or count) for count in num_units]
    once = [-(-count // effective_batch_size) for count in seen]
    if mixing == Mixing(cap=mixing.cap):
        return once
    wanted = shares(num_units, mixing) * sum(once)
    steps = np.floor(wanted).astype(int)
    first = np.argsort(steps - wanted, kind="stable")
    steps[first[: sum(once) - steps.sum()]] += 1
    return [int(count) for count in steps]
