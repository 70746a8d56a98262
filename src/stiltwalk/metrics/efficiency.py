"""Quality against cost in one figure, and which systems no other beats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Literal

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

    Args:
        systems: by name; see `per_warning` for fewer than four.

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

    Args:
        systems: by name.
        baseline: one of them.

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

    Args:
        systems: by name.
        compared: tells how two names compare in a criterion; by their values if it is None.
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
