"""What a difference in cost comes from: unequal languages, and parts of the time.

How much each part of a written answer's time adds to its change between two models.

Source: Shapley (1953); the value of a set of parts is the log of the request's time with these
parts taken from the second model and the others from the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, permutations, product
from math import factorial, fsum, log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stiltwalk.errors import MetricError


@dataclass(frozen=True, kw_only=True, slots=True)
class Disparity:
    """How far a cost is from being the same in every language.

    `ratio` is that of the most expensive language to the cheapest, 1 for none; `gini` is 0 where
    all pay the same, and towards 1 the more it falls on one.
    """

    cheapest: str
    most_expensive: str
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
    by_cost = costs.__getitem__
    cheapest, most_expensive = min(costs, key=by_cost), max(costs, key=by_cost)
    apart = fsum(abs(one - other) for one, other in product(costs.values(), repeat=2))
    return Disparity(
        cheapest=cheapest,
        most_expensive=most_expensive,
        ratio=costs[most_expensive] / costs[cheapest],
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


class RequestTime(NamedTuple):
    """What one request takes: `prefill_s + num_tokens * token_s`.

    Args:
        prefill_s: until the first token is there.
        num_tokens: written after the first one.
        token_s: of each of these.
    """

    prefill_s: float
    num_tokens: float
    token_s: float

    @property
    def time_s(self) -> float:
        """All of it."""
        return self.prefill_s + self.num_tokens * self.token_s


def split_of_change(a: RequestTime, b: RequestTime) -> RequestTime:
    """Return what prefill, number of tokens and time per token add to log(time of B / of A).

    The three sum to it exactly; a part that is the same in both adds nothing.

    Args:
        a: a request to the first model; it takes some time.
        b: the same request to the second.

    Returns:
        The three parts under the names of what they belong to, as logarithms: 0.1 is about 10 %
        slower.
    """
    return RequestTime(*(_share(part, a, b) for part in range(len(a))))


def _share(part: int, a: RequestTime, b: RequestTime) -> float:
    others = [other for other in range(len(a)) if other != part]
    return sum(
        weight * (_value({*taken, part}, a, b) - _value(set(taken), a, b))
        for weight, taken in _coalitions(others)
    )


def _coalitions(others: list[int]) -> Iterator[tuple[float, tuple[int, ...]]]:
    """Yield every set of other parts with its weight: the share of orders in which it is first."""
    count = len(others) + 1
    for size in range(count):
        weight = factorial(size) * factorial(count - size - 1) / factorial(count)
        for taken in combinations(others, size):
            yield weight, taken


def _value(taken: set[int], a: RequestTime, b: RequestTime) -> float:
    mixed = RequestTime(*(b[part] if part in taken else a[part] for part in range(len(a))))
    return log(mixed.time_s)
