"""Quality against cost in one figure, which systems no other beats, and where costs come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import permutations, product
from math import fsum, log, prod
from typing import Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from stiltwalk.errors import MetricError

FEWEST_FOR_PER = 4
CRITERIA = {"quality": False, "throughput": False, "memory": True, "latency": True}
"""What PER is made of, and whether less of it is better."""
_FRONT = ("quality", "latency", "memory")

Sign = Literal[-1, 0, 1] | None
"""Worse, equal, better; None where nobody knows."""
Compared = Callable[[str, str, str], Sign]


@dataclass(frozen=True, kw_only=True, slots=True)
class RatedSystem:
    """What one model does on one task and machine.

    `quality` is a fraction; the units of the others are free, but the same for all systems.
    `latency` is the median of single requests.
    """

    quality: float
    throughput: float
    memory: float
    latency: float


def per(systems: Mapping[str, RatedSystem]) -> dict[str, float | None]:
    """Return the Performance-Efficiency Ratio of each system: higher is better, in [0, 1].

    The geometric mean of quality, throughput, memory and latency, each scaled so that the worst
    system has 0 and the best 1. So it depends on who takes part, and the worst in anything has 0.
    None for all where they tie in anything: 0/0.

    Source:
        PER of Cao et al. (2026), arXiv 2603.21389.
    """
    scaled = [
        _scaled({name: getattr(each, criterion) for name, each in systems.items()}, low_is_good)
        for criterion, low_is_good in CRITERIA.items()
    ]
    if not all(scaled):
        return dict.fromkeys(systems)
    return {name: prod(each[name] for each in scaled) ** (1 / len(scaled)) for name in systems}


def _scaled(values: Mapping[str, float], low_is_good: bool) -> dict[str, float]:
    """Return values with 0 for the worst and 1 for the best, nothing where all are equal."""
    low, high = min(values.values(), default=0), max(values.values(), default=0)
    if low == high:
        return {}
    worst = high if low_is_good else low
    return {name: abs(value - worst) / (high - low) for name, value in values.items()}


def per_warning(num_systems: int) -> str:
    """Return why PER says little about so few systems, empty where it does not."""
    if num_systems >= FEWEST_FOR_PER:
        return ""
    return (
        f"PER of {num_systems} systems says little: whoever is worst in anything has 0. It takes "
        f"{FEWEST_FOR_PER} or more; read the anchored form."
    )


def anchored_per(systems: Mapping[str, RatedSystem], baseline: str) -> dict[str, float]:
    """Return each system's geometric mean of ratios to a baseline, which has 1; higher is better.

    Unlike the exact form it does not depend on who else takes part.

    Raises:
        MetricError: if a throughput, memory or latency, or the baseline's quality, is not above 0.
    """
    anchor = systems[baseline]
    for name, each in systems.items():
        costs = (each.throughput, each.memory, each.latency, anchor.quality)
        if min(costs) <= 0 or each.quality < 0:
            raise MetricError(
                f"{name} cannot be set in relation to {baseline}: found {each} and a baseline "
                f"quality of {anchor.quality}, needed values above 0."
            )
    return {
        name: (
            (each.quality / anchor.quality)
            * (each.throughput / anchor.throughput)
            * (anchor.memory / each.memory)
            * (anchor.latency / each.latency)
        )
        ** (1 / len(CRITERIA))
        for name, each in systems.items()
    }


def pareto_front(
    systems: Mapping[str, RatedSystem], compared: Compared | None = None
) -> tuple[str, ...]:
    """Return the systems that no other beats in quality, latency and memory.

    Who beats another is at least as good in all three, and better in one.
    """

    def by_value(one: str, other: str, criterion: str) -> Sign:
        ours, theirs = (getattr(systems[name], criterion) for name in (one, other))
        if ours == theirs:
            return 0
        return 1 if (ours < theirs) == CRITERIA[criterion] else -1

    def beats(one: str, other: str) -> bool:
        found = [(compared or by_value)(one, other, criterion) for criterion in _FRONT]
        return all(sign is not None and sign >= 0 for sign in found) and 1 in found

    return tuple(name for name in systems if not any(beats(other, name) for other in systems))


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

    def explained(names: frozenset[str]) -> float:
        if not names:
            return 0.0
        design_NL = np.hstack([columns[name] for name in sorted(names)])
        fitted_N = design_NL @ np.linalg.lstsq(design_NL, log_cost_N)[0]
        return float(fitted_N @ fitted_N) / total

    shares = _mean_over_orders(list(factors), explained)
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

    Source:
        Shapley (1953); the value of a set of parts is the log of the request's time with these
        parts taken from the second model and the others from the first.
    """

    def log_time(taken: frozenset[int]) -> float:
        mixed = RequestTime(*(b[part] if part in taken else a[part] for part in range(len(a))))
        return log(mixed.time_s)

    return RequestTime(*_mean_over_orders(range(len(a)), log_time).values())


Part = TypeVar("Part", str, int)


def _mean_over_orders(
    parts: Sequence[Part], value: Callable[[frozenset[Part]], float]
) -> dict[Part, float]:
    value = cache(value)
    orders = list(permutations(parts))

    def added(part: Part, order: tuple[Part, ...]) -> float:
        at = order.index(part)
        return value(frozenset(order[: at + 1])) - value(frozenset(order[:at]))

    return {part: fsum(added(part, each) for each in orders) / len(orders) for part in parts}
