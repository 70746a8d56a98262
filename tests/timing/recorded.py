"""Systems whose times are written down beforehand, so that no test depends on a clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stiltwalk.inference.predictor import Spent


@dataclass
class Recorded:
    """Answers in the time that `time_s` gives for the rows; keeps what it was asked in `asked`."""

    name: str
    time_s: Callable[[Sequence[Any]], float]
    log: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
    moves: int = 0

    def move(self) -> None:
        """Count, and forget what was asked before."""
        self.moves += 1
        self.log.clear()

    def answer(self, requests: Sequence[Any]) -> Spent:
        """Take the time that is written down."""
        self.log.append((self.name, tuple(requests)))
        return Spent(
            time_s=self.time_s(requests),
            tokenise_s=0.0,
            forward_s=0.0,
            decode_s=0.0,
            real_tokens=len(requests),
            padded_tokens=2 * len(requests),
        )


def noisy(mean_s: float, spread: float, seed: int) -> Callable[[Sequence[Any]], float]:
    """Return times around a mean, always the same ones."""
    chance = rng(seed)
    return lambda rows: len(rows) * mean_s * (1 + spread * chance.uniform(-1, 1))


def rng(seed: int = 1) -> np.random.Generator:
    """Return a source of chance."""
    return np.random.default_rng(seed)
