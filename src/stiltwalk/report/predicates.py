"""What a claim says, put together from single differences that each have an interval.

Source: intersection-union tests (Berger 1982) for "all of these", Bonferroni for "one of these",
partial conjunctions (Benjamini and Heller 2008) for "at least so many", of which both are cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from stiltwalk.report.noise import LEVEL, Estimate
from stiltwalk.report.numbers import points


class Predicate(Protocol):
    """A statement that is true or false of an arm's true means."""

    @property
    def holds(self) -> bool:
        """Whether the observed figures fulfil it."""

    @property
    def p_for(self) -> float:
        """Return how rarely what was observed would come out if it were false."""

    @property
    def p_against(self) -> float:
        """Return how rarely what was observed would come out if it were true."""

    def breaches(self, level: float = LEVEL) -> list[str]:
        """Return what speaks against it most, each with its interval at a level."""

    def doubts(self) -> list[str]:
        """Return what keeps it from being shown, each with its 95 % interval."""


@dataclass(frozen=True, kw_only=True)
class Above:
    """One difference that is claimed to lie above a bound, or not above it.

    Args:
        says: what is measured, such as "hellaswag over qqp".
        estimate: as a fraction.
        bound: a fraction.
        below: it is claimed not to lie above.
        breach: how to say the opposite with a size, such as "qqp beats hellaswag by".
    """

    says: str
    estimate: Estimate
    bound: float = 0.0
    below: bool = False
    breach: str = ""

    @property
    def holds(self) -> bool:
        """Whether the observed difference lies on the claimed side."""
        return (self.estimate.value > self.bound) != self.below

    @property
    def p_for(self) -> float:
        """Two-sided, as in the table of gains, so that one interval decides both."""
        return self._p if self.holds else 1.0

    @property
    def p_against(self) -> float:
        """The same where the difference lies on the other side."""
        return 1.0 if self.holds else self._p

    @cached_property
    def _p(self) -> float:
        return self.estimate.less(self.bound).p

    def breaches(self, level: float = LEVEL) -> list[str]:
        """Return the difference with its interval at a level."""
        value, (low, high) = self.estimate.value, self.estimate.interval(level)
        how = "95 %" if level == LEVEL else "95 % after correction"
        if self.breach:
            size, least, most = (points(-each).lstrip("+") for each in (value, high, low))
            return [f"{self.breach} {size} ({how}: {least} to {most})"]
        side = "above" if self.below else "not above"
        found = f"{self.says}: {points(value)} ({how}: {points(low)} to "
        return [f"{found}{points(high)}), {side} {points(self.bound)}"]

    def doubts(self) -> list[str]:
        """Return the difference with its 95 % interval."""
        return [f"{self.says}: {with_interval(self.estimate)}"]


@dataclass(frozen=True, kw_only=True)
class AtLeast:
    """At least so many of some statements are true: all of them, one of them, or between."""

    least: int
    parts: tuple[Predicate, ...]

    @property
    def holds(self) -> bool:
        """Whether enough parts hold as observed."""
        return sum(part.holds for part in self.parts) >= self.least

    @property
    def p_for(self) -> float:
        """Return the partial-conjunction p-value of so many true parts."""
        return _partial([part.p_for for part in self.parts], self.least)

    @property
    def p_against(self) -> float:
        """Return that of so many false parts that too few are left."""
        return _partial([part.p_against for part in self.parts], self._too_many)

    @property
    def _too_many(self) -> int:
        return len(self.parts) - self.least + 1

    def breaches(self, level: float = LEVEL) -> list[str]:
        """Return the breaches of the parts whose fall decides, at a corrected level."""
        worst = sorted(self.parts, key=lambda part: part.p_against)[: self._too_many]
        return [each for part in worst for each in part.breaches(level / self.least)]

    def doubts(self) -> list[str]:
        """Return the doubts about the part that decides whether enough are shown."""
        return sorted(self.parts, key=lambda part: part.p_for)[self.least - 1].doubts()


def all_of(parts: Sequence[Predicate]) -> AtLeast:
    """Return that every statement is true."""
    return AtLeast(least=len(parts), parts=tuple(parts))


def one_of(parts: Sequence[Predicate]) -> AtLeast:
    """Return that some statement is true."""
    return AtLeast(least=1, parts=tuple(parts))


def _partial(p_values: Sequence[float], least: int) -> float:
    """Return the p-value of "at least so many of these hold"; no independence is assumed."""
    return min(1.0, (len(p_values) - least + 1) * sorted(p_values)[least - 1])


def with_interval(estimate: Estimate) -> str:
    """Return a difference in points with its 95 % interval, where any noise is known."""
    if estimate.seeds is None and estimate.examples is None:
        return points(estimate.value)
    low, high = estimate.interval()
    return f"{points(estimate.value)} ({points(low)} to {points(high)})"
