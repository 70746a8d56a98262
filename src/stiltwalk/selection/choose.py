"""The cheapest system that is good enough: floors per task and language, limits, and the risk."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Place = tuple[str, str]
"""Task and language."""
Floats = NDArray[np.float64]
PRICE = "p50"
"""What is cheaper answers a single request sooner."""
EQUAL = 1.03
"""Systems whose prices differ by a smaller factor cost the same."""
SURE = 0.95
_Z = 1.645
"""A normal figure is above its mean less so many standard deviations with that probability."""


@dataclass(frozen=True, kw_only=True)
class Demands:
    """What a system must do.

    `floors` are the least scores, fractions; `limits` name a cost and the most of it, in the unit
    that systems tell it in.
    """

    floors: Mapping[Place, float]
    limits: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class KnownSystem:
    """What is known of a system; what is not, is left out.

    Args:
        name: tells it from others.
        scores: as observed.
        resampled: them as resampled, shape (resamples,), the n-th of all from the same draw.
        costs: name of a cost to the least and the most that it may be.
        made_of: what tells it from others, such as its number format.
    """

    name: str
    scores: Mapping[Place, float]
    resampled: Mapping[Place, Floats] = field(default_factory=dict)
    costs: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    made_of: Mapping[str, str] = field(default_factory=dict)

    @property
    def price(self) -> float:
        """The most that it costs, infinite where that is not known."""
        return self.costs.get(PRICE, (0.0, inf))[1]


@dataclass(frozen=True)
class Appraisal:
    """A system against demands."""

    system: KnownSystem
    demands: Demands

    @cached_property
    def margins(self) -> dict[Place, float]:
        """How far each known score is above its floor, a fraction; negative below."""
        scores, floors = self.system.scores, self.demands.floors
        return {place: scores[place] - floors[place] for place in floors if place in scores}

    @cached_property
    def tightest(self) -> Place | None:
        """Where the least is left, None without a score."""
        return min(self.margins, key=self.margins.__getitem__, default=None)

    @property
    def margin(self) -> float:
        """The least of the margins."""
        return self.margins[self.tightest] if self.tightest else -inf

    @cached_property
    def failed(self) -> tuple[Place | str, ...]:
        """The floors and limits that it surely misses."""
        costs = self.system.costs
        return (
            *(place for place, margin in self.margins.items() if margin < 0),
            *(key for key, most in self.demands.limits.items() if costs.get(key, (0,))[0] > most),
        )

    @cached_property
    def unknown(self) -> tuple[Place | str, ...]:
        """The floors and limits that nothing measured decides."""
        costs = self.system.costs
        return (
            *(place for place in self.demands.floors if place not in self.margins),
            *(
                key
                for key, most in self.demands.limits.items()
                if not (costs.get(key, (0.0, inf))[1] <= most or key in self.failed)
            ),
        )

    @property
    def meets(self) -> bool:
        """Whether it keeps every floor and every limit, as measured."""
        return not (self.failed or self.unknown)

    @cached_property
    def share(self) -> float | None:
        """The share of resamples in which all floors hold at once, None where none are known."""
        floors = self.demands.floors
        if not all(place in self.system.resampled for place in floors):
            return None
        held = [self.system.resampled[place] >= least for place, least in floors.items()]
        return float(np.all(held, axis=0).mean()) if held else 1.0

    @property
    def times_the_rows(self) -> float | None:
        """About how many times as many test rows would show that the tightest floor holds.

        Source:
            A mean's standard error falls with the root of their number.
        """
        place = self.tightest
        if place is None or place not in self.system.resampled or self.margin <= 0:
            return None
        return float((_Z * self.system.resampled[place].std(ddof=1) / self.margin) ** 2)


def appraise(systems: Sequence[KnownSystem], demands: Demands) -> tuple[Appraisal, ...]:
    """Return every system against the demands."""
    return tuple(Appraisal(each, demands) for each in systems)


def cheapest(found: Sequence[Appraisal], surely: float = 0.0) -> Appraisal | None:
    """Return the cheapest system that meets all, None where none does.

    Among those that cost the same it is the one that does so in most resamples, then the one with
    the largest margin, then the first.

    Args:
        found: to choose from.
        surely: the least share of resamples, where more than what was observed is to count.
    """
    meeting = [each for each in found if each.meets and (each.share or 0.0) >= surely]
    least = min((each.system.price for each in meeting), default=inf)
    near = [each for each in meeting if each.system.price <= EQUAL * least]
    return max(near, key=lambda each: (each.share or 0.0, each.margin), default=None)


def unreachable(found: Sequence[Appraisal]) -> Iterator[tuple[Place | str, KnownSystem | None]]:
    """Yield the demands that no system meets, with the one that comes nearest, None without any."""
    if not found:
        return
    systems, demands = [each.system for each in found], found[0].demands
    for place, floor in demands.floors.items():
        scored = [each for each in systems if place in each.scores]
        best = max(scored, key=lambda each: each.scores[place], default=None)
        if best is None or best.scores[place] < floor:
            yield place, best
    for key, most in demands.limits.items():
        timed = [each for each in systems if key in each.costs]
        best = min(timed, key=lambda each: each.costs[key][0], default=None)
        if best is None or best.costs[key][0] > most:
            yield key, best


def nearest(found: Sequence[Appraisal]) -> Appraisal | None:
    """Return the system that misses fewest demands, then the one that lacks least of a floor."""
    return min(found, key=lambda each: (len(each.failed), -each.margin), default=None)


def undecided(found: Sequence[Appraisal], chosen: Appraisal | None) -> tuple[Appraisal, ...]:
    """Return the systems that a measurement could put in the place of the one that was chosen."""
    most = chosen.system.price if chosen else inf
    return tuple(
        each
        for each in found
        if each is not chosen
        and not each.failed
        and (each.unknown or PRICE not in each.system.costs)
        and each.system.costs.get(PRICE, (0.0, inf))[0] <= most
    )


Key = TypeVar("Key", bound=Hashable)


class Compared(NamedTuple, Generic[Key]):
    """A cost of two systems, measured side by side: A's own, and B's as a multiple of it."""

    a: Key
    b: Key
    of_a: float
    ratio: float


def chained(compared: Sequence[Compared[Key]]) -> dict[Key, float]:
    """Return every system's cost.

    Costs of two sessions are not comparable and ratios are. So of what hangs together by
    comparisons the first A alone has its own cost, every other system that one times ratios.
    """
    found: dict[Key, float] = {}
    waiting = list(compared)
    while waiting:
        left = []
        for each in waiting:
            if each.a in found:
                found.setdefault(each.b, found[each.a] * each.ratio)
            elif each.b in found:
                found[each.a] = found[each.b] / each.ratio
            else:
                left.append(each)
        if len(left) == len(waiting):
            found[left[0].a] = left[0].of_a
        waiting = left
    return found
