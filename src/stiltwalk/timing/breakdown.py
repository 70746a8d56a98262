"""Written answers, request by request, to both models: where the change of time comes from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import NamedTuple

import numpy as np

from stiltwalk.draws import Draws
from stiltwalk.inference.predictor import Spent, System
from stiltwalk.metrics.efficiency import RequestTime
from stiltwalk.timing.blocks import ORDERS
from stiltwalk.timing.record import LatencyBreakdown, breakdown_of
from stiltwalk.timing.workload import Workload

_WARM_UP = 10


class _Answered(NamedTuple):
    """One request's language, and what it took of A and of B."""

    language: str
    a: Spent
    b: Spent


def splits(
    pair: tuple[System, System], workload: Workload, task: str, per_language: int, seed: int
) -> Iterator[LatencyBreakdown]:
    """Yield the split of a task's change of time over all requests, then in every language.

    Args:
        pair: A and B, which tell when the first token was there.
        workload: where requests are drawn from.
        task: names it.
        per_language: requests, two at least; each is asked twice of each model.
        seed: of requests and orders.
    """
    rng = np.random.default_rng(Draws(seed, "measurement", task).number("requests", "split"))
    for request in workload.draw(_WARM_UP, rng)[:_WARM_UP]:
        for system in pair:
            system.answer([request.row])
    answered = [
        _Answered(each.language, *_asked(pair, each.row, ORDERS[rng.integers(len(ORDERS))]))
        for each in workload.draw(per_language, rng)
    ]
    for language in ("", *workload.rows):
        here = [each for each in answered if language in ("", each.language)]
        times_a, times_b = _times([each.a for each in here]), _times([each.b for each in here])
        tokens = fmean(each.a.real_tokens for each in here)
        yield breakdown_of(task, language, list(zip(times_a, times_b, strict=True)), tokens)


def _asked(pair: tuple[System, System], row: object, order: tuple[int, ...]) -> tuple[Spent, Spent]:
    """Return what one request takes of A and of B, each the faster of two turns."""
    turns: tuple[list[Spent], list[Spent]] = ([], [])
    for system in order:
        turns[system].append(pair[system].answer([row]))
    a, b = (min(each, key=lambda spent: spent.time_s) for each in turns)
    return a, b


def _times(spent: Sequence[Spent]) -> list[RequestTime]:
    """Return what requests took, in three parts; one without further tokens has others' time."""
    further = [each.written_tokens - 1 for each in spent]
    after_s = [each.time_s - each.first_token_s for each in spent]
    rows = zip(further, after_s, strict=True)
    per_token = [time_s / count for count, time_s in rows if count]
    usual = fmean(per_token) if per_token else fmean(each.first_token_s for each in spent)
    return [
        RequestTime(
            prefill_s=each.first_token_s if count else each.time_s,
            num_tokens=count,
            token_s=time_s / count if count else usual,
        )
        for each, count, time_s in zip(spent, further, after_s, strict=True)
    ]
