"""How much is measured: profiles fixed beforehand, blocks that a verdict needs."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import ceil, log1p, sqrt
from typing import TypeVar

import numpy as np
from scipy.special import erf, gammaincinv, stdtrit

from stiltwalk.errors import RecipeError
from stiltwalk.recipe.types import ProfileName
from stiltwalk.timing.tost import ALPHA, LEAST_BLOCKS, effective_number, lag_1, sample

POWER = 0.99
"""Wanted probability of EQUIVALENT where the true ratio is 1; at 0.9 one control in ten fails."""
MOST_BLOCKS = 240
"""More are not measured; a cell that would need them comes out as INCONCLUSIVE."""

TYPICAL_BLOCKS = 116
"""A pilot and what it asks for on a quiet machine: blocks of a few requests vary by 7 %."""

FEWEST_BLOCKS = 2 * LEAST_BLOCKS
"""As many independent ones are planned for: by chance some blocks look more correlated than so."""

_CAUTION = 0.1
"""Chance that the true spread is larger than what a pilot's blocks are raised to."""
_OUT_OF_REACH = 10**7
_QUANTILES = (np.arange(1000) + 0.5) / 1000

Request = TypeVar("Request")


def power_at_equality(num_blocks: float, spread: float, margin: float, num_cells: int = 1) -> float:
    """Return the probability that independent blocks show EQUIVALENT where the true ratio is 1.

    Args:
        num_blocks: two at least.
        spread: true standard deviation of the block log-ratios.
        margin: what still counts as equal; 0.03 for 3 %.
        num_cells: for a verdict that must survive Holm's correction over so many.
    """
    degrees = num_blocks - 1
    error = max(spread, 1e-12) / sqrt(num_blocks)
    estimated = error * np.sqrt(2 * gammaincinv(degrees / 2, _QUANTILES) / degrees)
    room = log1p(margin) - stdtrit(degrees, 1 - ALPHA / num_cells) * estimated
    return float(np.mean(erf(np.maximum(room, 0) / (error * sqrt(2)))))


def cautious_spread(pilot: Sequence[float]) -> float:
    """Return an upper limit of the spread that block log-ratios have, from a pilot's.

    The pilot's own spread is as often too small as too large, and too few blocks cost more than
    too many. A pilot's blocks size a measurement and are not judged: where they are, the number
    of blocks depends on what they show, and equality is claimed too often.

    Args:
        pilot: block log-ratios in the order of measuring, two at least.
    """
    found = sample(pilot)
    chi_squared = 2 * float(gammaincinv(found.degrees / 2, _CAUTION))
    return found.spread * sqrt(found.degrees / chi_squared)


def blocks_for(pilot: Sequence[float], margin: float, num_cells: int = 1) -> int:
    """Return how many blocks a pilot's spread and correlation ask for; see `blocks_needed`."""
    correlation = lag_1(pilot)
    trusted = FEWEST_BLOCKS**2 / effective_number(FEWEST_BLOCKS, correlation)
    needed = blocks_needed(cautious_spread(pilot), margin, num_cells, correlation)
    return max(needed, ceil(trusted))


def blocks_needed(
    spread: float, margin: float, num_cells: int = 1, correlation: float = 0.0
) -> int:
    """Return how many blocks give EQUIVALENT at true equality with probability POWER.

    Args:
        spread: standard deviation of the block log-ratios; of a pilot, see `cautious_spread`.
        margin: what still counts as equal; 0.03 for 3 %.
        num_cells: cells of the comparison, so that one may be quoted alone after Holm.
        correlation: of each block with the next.
    """

    def worth(count: int) -> float:
        return effective_number(count, correlation)

    counts = range(LEAST_BLOCKS, _OUT_OF_REACH)
    return counts[0] + bisect_left(
        counts,
        True,
        key=lambda count: (
            worth(count) >= LEAST_BLOCKS
            and power_at_equality(worth(count), spread, margin, num_cells) >= POWER
        ),
    )


def resolvable_margin(spread: float, num_blocks: float) -> float:
    """Return the smallest margin, a fraction, that so many independent blocks can show."""
    steps = range(1, 10_000)
    found = bisect_left(
        steps, POWER, key=lambda step: power_at_equality(num_blocks, spread, step / 10_000)
    )
    return (found + 1) / 10_000


class Figure(StrEnum):
    """A cell's figure. Each is compared as a time, so that a ratio above 1 is always slower."""

    P50 = "p50 latency"
    P90 = "p90 latency"
    P99 = "p99 latency"
    TIME = "time per request"
    """The reciprocal of throughput."""
    FIRST_TOKEN = "time to first token"  # noqa: S105 - of text
    TOKEN_TIME = "time per output token"  # noqa: S105
    """Without the first; both are medians over requests, where a server's answers are timed."""


LEAST_REQUESTS = {Figure.P90: 64, Figure.P99: 662}
"""Over fewer no tail is shown: MLPerf's counts at 99 % confidence."""


@dataclass(frozen=True)
class Scenario:
    """How requests reach a system; names are those of MLPerf.

    Args:
        name: of the scenario.
        requests_per_query: asked at once, None for all of a block's.
        figures: that are judged.
    """

    name: str
    requests_per_query: int | None
    figures: tuple[Figure, ...]

    def queries(self, requests: Sequence[Request]) -> list[Sequence[Request]]:
        """Return requests in queries of that size."""
        size = self.requests_per_query or len(requests)
        return [requests[start : start + size] for start in range(0, len(requests), size)]


SINGLE_STREAM = Scenario("SingleStream", 1, (Figure.P50,))
OFFLINE = Scenario("Offline", None, (Figure.TIME,))


@dataclass(frozen=True, kw_only=True)
class Profile:
    """How thorough a comparison is.

    Args:
        name: of the profile.
        scenarios: that are judged.
        by_language: every language is a cell, not only every task.
        least_queries: of a block; a tail takes several blocks all the same.
        block_s: a block is given requests for about so long, at least one of every language.
        pilot_blocks: measured beforehand, to tell how many are needed.
        least_blocks: even where a pilot asks for fewer; it may not have seen the worst.
        fewest_blocks: even where time is short.
        most_s: no scenario of a task is measured for longer; what it leaves open stays open. The
            number of blocks is the limit that counts: requests of a second take their time.
        load_queries: how many queries LoadGen asks each model in each scenario, at least.
        load_s: and for how long, at least.
        breakdown_requests: of each language, for the parts of written answers' time.
        warm_up_windows: tried at most until times agree, more of them within `patience_s`: a
            virtual machine may be disturbed for seconds, and a small model's windows are short.
        patience_s: see there.
        server: also let LoadGen find the highest rate of the Server scenario.
        look_s: how long the machine is looked at beforehand; 0 for not at all.
    """

    name: ProfileName
    scenarios: tuple[Scenario, ...]
    by_language: bool = False
    least_queries: int = 1
    block_s: float = 0.4
    pilot_blocks: int = 16
    least_blocks: int = 32
    fewest_blocks: int = FEWEST_BLOCKS
    most_s: float = 1800.0
    load_queries: int = 64
    load_s: float = 0.0
    breakdown_requests: int = 20
    warm_up_windows: int = 30
    patience_s: float = 20.0
    server: bool = False
    look_s: float = 1.0

    @property
    def least_s(self) -> float:
        """Less than this brings no case to a verdict."""
        return (self.pilot_blocks + self.fewest_blocks) * self.block_s

    def only(self, names: Collection[str]) -> Profile:
        """Return it with the scenarios of these names alone; with all where none are given."""
        chosen = tuple(each for each in self.scenarios if each.name in names)
        return replace(self, scenarios=chosen or self.scenarios)


QUICK = Profile(name="quick", scenarios=(SINGLE_STREAM, OFFLINE))
FULL = Profile(
    name="full",
    scenarios=(
        Scenario("SingleStream", 1, (Figure.P50, Figure.P90, Figure.P99)),
        Scenario("MultiStream", 8, (Figure.P50, Figure.P99)),
        OFFLINE,
    ),
    by_language=True,
    least_queries=100,
    block_s=1.0,
    most_s=600.0,
    load_queries=662,
    load_s=600.0,
    breakdown_requests=100,
    server=True,
)


def profile_named(name: str) -> Profile:
    """Return the quick or the full profile.

    Raises:
        RecipeError: if there is none of that name.
    """
    for profile in (QUICK, FULL):
        if profile.name == name:
            return profile
    raise RecipeError(f"There is no profile {name!r}: measure with quick or with full.")


TAIL_MARGIN = 0.05
"""For p99 and memory."""


def margin_of(figure: Figure, device: str) -> float:
    """Return what still counts as equal, a fraction: 2 % on an accelerator, 3 % on a CPU."""
    if figure is Figure.P99:
        return TAIL_MARGIN
    return 0.03 if device == "cpu" else 0.02
