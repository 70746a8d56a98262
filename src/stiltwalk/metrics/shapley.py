"""How much each part of a written answer's time adds to its change between two models.

Source: Shapley (1953); the value of a set of parts is the log of the request's time with these
parts taken from the second model and the others from the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from math import factorial, log
from typing import NamedTuple


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
