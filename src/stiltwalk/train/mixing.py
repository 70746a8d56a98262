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
    return _rounded(shares(num_units, mixing), sum(once))


def english_and_translated(num_steps: int, weight: float, num_languages: int) -> list[int]:
    """Cut a task's steps into those of its English rows and of each language.

    Args:
        num_steps: the task's, in one epoch.
        weight: share of them that translations get.
        num_languages: which get the same, to the nearest step.
    """
    translated = _rounded(np.array([1 - weight, weight]), num_steps)[1]
    each = _rounded(np.full(num_languages, 1 / num_languages), translated)
    return [num_steps - translated, *each]


def steps_of_text(num_task_steps: int, weight: float) -> int:
    """Return how many steps text gets beside those of the tasks, at least one."""
    return max(1, round(num_task_steps * weight / (1 - weight)))


def texts_per_language(sizes: Sequence[int], exponent: float, total: int) -> list[int]:
    """Return how many of `total` texts each language gives: in proportion to size^exponent.

    Source:
        Conneau & Lample (2019): sentences per language, exponent below 1 to lift small ones.
    """
    weights = np.array(sizes, dtype=np.float64) ** exponent
    return _rounded(weights / weights.sum(), total)


def _rounded(parts: NDArray[np.float64], total: int) -> list[int]:
    """Return whole numbers that add up to `total`, nearest to these shares of it."""
    wanted = parts * total
    counts = np.floor(wanted + 1e-9).astype(int)
    first = np.argsort(counts - wanted, kind="stable")
    counts[first[: total - counts.sum()]] += 1
    return [int(count) for count in counts]
