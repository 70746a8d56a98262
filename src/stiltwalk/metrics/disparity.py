"""How unequally a cost falls on languages, and what the differences come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import permutations, product
from math import fsum

import numpy as np
from numpy.typing import NDArray

from stiltwalk.errors import MetricError


@dataclass(frozen=True, kw_only=True, slots=True)
class Disparity:
    """How far a cost is from being the same in every language.

    `ratio` is that of the dearest language to the cheapest, 1 for none; `gini` is 0 where all pay
    the same, and towards 1 the more it falls on one.
    """

    cheapest: str
    dearest: str
    ratio: float
    gini: float


def disparity(costs: Mapping[str, float]) -> Disparity:
    """Return how unequal a cost is.

    Args:
        costs: language to any cost above 0, at equal content.

    Raises:
        MetricError: if there is no language, or a cost is not above 0.

    Source:
        The Gini coefficient as half the relative mean absolute difference over all pairs.
    """
    if not costs or min(costs.values()) <= 0:
        raise MetricError(
            f"A disparity needs costs above 0 of one language or more; found {dict(costs)}."
        )
    cheapest, dearest = min(costs, key=lambda code: costs[code]), max(costs, key=lambda c: costs[c])
    apart = fsum(abs(one - other) for one, other in product(costs.values(), repeat=2))
    return Disparity(
        cheapest=cheapest,
        dearest=dearest,
        ratio=costs[dearest] / costs[cheapest],
        gini=apart / (2 * len(costs) * fsum(costs.values())),
    )


def variance_shares(
    costs: Sequence[float], factors: Mapping[str, Sequence[str]]
) -> dict[str, float]:
    """Return the share of the variance of log(cost) that each factor explains; `rest` is left.

    Each factor acts on the logarithm, so it multiplies the cost. Where factors overlap, since not
    every task has every language, a factor gets the mean of what it adds over all orders in which
    the factors can enter. `rest` holds interactions and noise. All are 0 where costs are equal.

    Args:
        costs: one per observation, above 0.
        factors: name (language, task, arm) to its level in each observation.

    Source:
        Averaging over orders: Lindeman, Merenda and Gold (1980); as in R's relaimpo, `lmg`.
    """
    log_cost_N = np.log(np.asarray(costs, dtype=np.float64))
    log_cost_N -= log_cost_N.mean()
    total = float(log_cost_N @ log_cost_N)
    if total < np.finfo(np.float64).eps * len(costs):
        return dict.fromkeys([*factors, "rest"], 0.0)
    columns = {name: _indicators(levels) for name, levels in factors.items()}

    @cache
    def explained(names: frozenset[str]) -> float:
        if not names:
            return 0.0
        design_NL = np.hstack([columns[name] for name in sorted(names)])
        fitted_N = design_NL @ np.linalg.lstsq(design_NL, log_cost_N)[0]
        return float(fitted_N @ fitted_N) / total

    orders = list(permutations(factors))
    shares = {
        name: fsum(
            explained(frozenset(order[: order.index(name) + 1]))
            - explained(frozenset(order[: order.index(name)]))
            for order in orders
        )
        / len(orders)
        for name in factors
    }
    return {**shares, "rest": 1 - explained(frozenset(factors))}


def _indicators(levels: Sequence[str]) -> NDArray[np.float64]:
    """Return one column per level, shape (observations, levels)."""
    names = sorted(set(levels))
    return np.array([[float(level == name) for name in names] for level in levels])
