"""What is measured, how long, and within which margins: fixed before anything is measured."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum

from stiltwalk.config.measure import ProfileName
from stiltwalk.errors import RecipeError


class Figure(StrEnum):
    """A cell's figure. Each is compared as a time, so that a ratio above 1 is always slower."""

    P50 = "p50 latency"
    P90 = "p90 latency"
    P99 = "p99 latency"
    TIME = "time per request"
    """The reciprocal of throughput."""


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
        least_blocks: even where a pilot asks for fewer; it may not have seen the worst.
        most_s: no scenario of a task is measured for longer; what it leaves open stays open.
        load_queries: how many queries LoadGen asks each model in each scenario, at least.
        load_s: and for how long, at least.
        split_requests: of each language, for the split of written answers' time.
        server: also let LoadGen find the highest rate of the Server scenario.
    """

    name: ProfileName
    scenarios: tuple[Scenario, ...]
    by_language: bool = False
    least_queries: int = 1
    block_s: float = 0.4
    least_blocks: int = 32
    most_s: float = 40.0
    load_queries: int = 64
    load_s: float = 0.0
    split_requests: int = 20
    server: bool = False

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
    split_requests=100,
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
