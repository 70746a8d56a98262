"""What times differ by: how unequally languages pay; the shares of language, task and model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stiltwalk.measure.profiles import SINGLE_STREAM, Figure
from stiltwalk.measure.speed import Cell, LanguageTime, Speed
from stiltwalk.metrics.disparity import Disparity, disparity, variance_shares

PARALLEL = ("xnli", "pawsx", "xquad")
"""Targets whose test rows say the same in every language."""


@dataclass(frozen=True, slots=True)
class Uneven:
    """How unequally one cost of one model falls on a task's languages, at equal content."""

    task: str
    model: str
    cost: str
    found: Disparity


@dataclass(frozen=True, slots=True)
class _Time:
    task: str
    language: str
    model: str
    time_s: float


def uneven_costs(speed: Speed) -> Iterator[Uneven]:
    """Yield the disparity of tokens and of latency, by parallel task and model."""
    times = list(_times(speed))
    for task in PARALLEL:
        for model in "ab":
            tokens = {
                each.language: each.tokens_per_example
                for each in speed.texts
                if (each.task, each.model) == (task, model)
            }
            latency = {
                each.language: each.time_s
                for each in times
                if (each.task, each.model) == (task, model)
            }
            for cost, by_language in (("tokens", tokens), ("p50 latency", latency)):
                if len(by_language) > 1:
                    yield Uneven(task, model, cost, disparity(by_language))


def shares_of_time(speed: Speed) -> dict[str, float]:
    """Return the share of the variance of log(p50 latency) by language, task, model, and the rest.

    Empty where no language was timed by itself.
    """
    times = list(_times(speed))
    if not times:
        return {}
    return variance_shares(
        [each.time_s for each in times],
        {
            "language": [each.language for each in times],
            "task": [each.task for each in times],
            "model": [each.model for each in times],
        },
    )


def _times(speed: Speed) -> Iterator[_Time]:
    """Yield each model's median latency in each language of each task, asked one at a time."""
    by_language = [each for each in speed.cells if each.language and each.figure == Figure.P50]
    found: tuple[LanguageTime | Cell, ...] = (*speed.languages, *by_language)
    for each in found:
        if each.scenario == SINGLE_STREAM.name:
            yield _Time(each.task, each.language, "a", each.a_s)
            yield _Time(each.task, each.language, "b", each.b_s)
