"""Two systems on the same requests, in blocks: the clock of the instrument.

Shape letters: S systems (A, B), Q queries of a block, T turns of a system within a block.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median

import numpy as np
import torch
from numpy.typing import NDArray

from stiltwalk.inference.predictor import Spent, System
from stiltwalk.timing.sample_size import (
    FEWEST_BLOCKS,
    LEAST_REQUESTS,
    MOST_BLOCKS,
    Figure,
    Profile,
    Scenario,
    blocks_for,
)
from stiltwalk.timing.tost import log_ratios
from stiltwalk.timing.workload import Request, Workload

PILOT_BLOCKS = 16
ORDERS = ((0, 1, 1, 0), (1, 0, 0, 1))
"""ABBA or BAAB: what drifts evenly within a query's four turns cancels.

The first turn of a query is slower than the others. So queries take the orders in turn: then both
systems pay for it equally often within every block, not only on average over blocks.
"""

_WINDOW_QUERIES = 10
_AGREEING_WINDOWS = 3
_AGREEMENT = 0.05
_MOST_WINDOWS = 30
_PATIENCE_S = 20.0
"""A virtual machine may be disturbed for seconds: more windows than the most fit a small model."""
_QUANTILES = {Figure.P50: 0.5, Figure.P90: 0.9, Figure.P99: 0.99}

Systems = tuple[System, System]


@dataclass(frozen=True, eq=False)
class Block:
    """One block: which language each query was of ("" for several), and its times."""

    languages: tuple[str, ...]
    num_requests: int
    times_s_SQT: NDArray[np.float64]

    def log_ratio(self, figure: Figure, language: str | None = None) -> float:
        """Return log(B / A) of a figure, over all queries or those of one language."""
        values = [self.value(system, figure, language) for system in (0, 1)]
        return log_ratios([values[0]], [values[1]])[0]

    def value(self, system: int, figure: Figure, language: str | None = None) -> float:
        """Return a figure of one system in seconds, for `TIME` per request."""
        times_QT = self.times_s_SQT[system]
        if language is not None:
            times_QT = times_QT[[each == language for each in self.languages]]
        if figure is Figure.TIME:
            return float(times_QT.sum() / (times_QT.shape[1] * self.num_requests))
        return float(np.quantile(times_QT, _QUANTILES[figure]))


def joined(blocks: Sequence[Block]) -> Block:
    """Return neighbouring blocks as one."""
    return Block(
        languages=tuple(language for block in blocks for language in block.languages),
        num_requests=sum(block.num_requests for block in blocks),
        times_s_SQT=np.concatenate([block.times_s_SQT for block in blocks], axis=1),
    )


@dataclass
class Parts:
    """Where one system's time went, summed over everything it answered."""

    tokenise_s: float = 0.0
    forward_s: float = 0.0
    decode_s: float = 0.0
    real_tokens: int = 0
    padded_tokens: int = 0
    num_requests: int = 0

    def add(self, spent: Spent, num_requests: int) -> None:
        """Count one query."""
        self.tokenise_s += spent.tokenise_s
        self.forward_s += spent.forward_s
        self.decode_s += spent.decode_s
        self.real_tokens += spent.real_tokens
        self.padded_tokens += spent.padded_tokens
        self.num_requests += num_requests


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """Paired blocks of one scenario.

    `wanted_blocks` is what the pilot's spread asked for, which may be more than were measured;
    `is_steady` whether the warm-up came to windows that agree.
    """

    blocks: tuple[Block, ...]
    parts: tuple[Parts, Parts]
    wanted_blocks: int
    is_steady: bool

    def shows(self, figure: Figure) -> bool:
        """Tell whether enough requests were timed for a figure: a tail needs many, twice."""
        return len(self._of(figure)) > 1

    def log_ratios(self, figure: Figure, language: str | None = None) -> list[float]:
        """Return log(B / A) of every block, of a tail that of so many blocks as it takes."""
        return [block.log_ratio(figure, language) for block in self._of(figure)]

    def value(self, system: int, figure: Figure, language: str | None = None) -> float:
        """Return the median over blocks of one system's figure, in seconds."""
        return median(block.value(system, figure, language) for block in self._of(figure))

    def _of(self, figure: Figure) -> list[Block]:
        """Return the blocks, neighbours joined until each holds the requests that a tail needs."""
        size = blocks_per_tail(figure, self.blocks[0])
        starts = range(0, len(self.blocks) - size + 1, size)
        whole = [list(self.blocks[start : start + size]) for start in starts]
        if whole:
            whole[-1] += self.blocks[len(whole) * size :]
        return [joined(each) if len(each) > 1 else each[0] for each in whole]


def blocks_per_tail(figure: Figure, block: Block) -> int:
    """Return how many blocks like one hold the requests that a figure needs."""
    return -(-LEAST_REQUESTS.get(figure, 1) // len(block.languages))


@dataclass(eq=False)
class Bench:
    """Puts two systems through blocks of one scenario over the same requests.

    Args:
        systems: A and B, both resident.
        workload: where requests are drawn from.
        scenario: how they are asked.
        profile: how long.
        rng: draws requests and orders.
    """

    systems: Systems
    workload: Workload
    scenario: Scenario
    profile: Profile
    rng: np.random.Generator
    _parts: tuple[Parts, Parts] = field(default_factory=lambda: (Parts(), Parts()))

    def measure(self, margins: Sequence[float], num_cells: int) -> Measured:
        """Warm up, size the measurement by a pilot, measure.

        Args:
            margins: one per figure of the scenario.
            num_cells: of the whole comparison; see `blocks_for`.
        """
        is_steady, query_s = self._warm_up()
        per_language = self._requests_per_language(query_s)
        began = time.perf_counter()
        pilot = [self._block(per_language) for _ in range(PILOT_BLOCKS)]
        block_s = (time.perf_counter() - began) / PILOT_BLOCKS
        wanted = max(
            max(
                blocks_for([block.log_ratio(figure) for block in pilot], margin, num_cells),
                FEWEST_BLOCKS * blocks_per_tail(figure, pilot[0]),
            )
            for figure, margin in zip(self.scenario.figures, margins, strict=True)
        )
        most = max(FEWEST_BLOCKS, min(MOST_BLOCKS, int(self.profile.most_s / block_s)))
        self._parts = (Parts(), Parts())
        count = min(max(wanted, self.profile.least_blocks), most)
        blocks = tuple(self._block(per_language) for _ in range(count))
        return Measured(blocks=blocks, parts=self._parts, wanted_blocks=wanted, is_steady=is_steady)

    def _warm_up(self) -> tuple[bool, float]:
        """Ask until three windows agree; return whether they did, and the time of one query."""
        query = self._queries(self.workload.draw(1, self.rng))[0]
        windows: list[tuple[float, ...]] = []
        asked_s = 0.0
        while len(windows) < _MOST_WINDOWS or asked_s < _PATIENCE_S:
            times_s = [
                [system.answer([each.row for each in query]).time_s for system in self.systems]
                for _ in range(_WINDOW_QUERIES)
            ]
            asked_s += sum(map(sum, times_s))
            windows.append(tuple(median(each) for each in zip(*times_s, strict=True)))
            last = windows[-_AGREEING_WINDOWS:]
            if len(last) == _AGREEING_WINDOWS and all(
                max(each) <= min(each) * (1 + _AGREEMENT) for each in zip(*last, strict=True)
            ):
                return True, max(windows[-1])
        return False, max(windows[-1])

    def _requests_per_language(self, query_s: float) -> int:
        """Return how many requests of each language fill a block's time, one at least."""
        languages, size = len(self.workload.rows), self.scenario.requests_per_query
        if size is None:
            return max(1, int(self.profile.block_s / (4 * query_s)))
        queries = max(self.profile.least_queries, self.profile.block_s / (4 * query_s))
        return max(1, round(queries * size / languages))

    def _queries(self, requests: list[Request]) -> list[list[Request]]:
        size = self.scenario.requests_per_query or len(requests)
        return [requests[start : start + size] for start in range(0, len(requests), size)]

    def _block(self, per_language: int) -> Block:
        """Ask both systems the same queries, in ABBA and BAAB by turns; chance says which first.

        Both lie elsewhere in memory in every block, so that its chance is part of what differs
        between blocks, and of the interval, and not of the models.
        """
        queries = self._queries(self.workload.draw(per_language, self.rng))
        for system in self.rng.permutation(2):
            self.systems[system].move()
        gc.collect()
        for each in self.systems:
            each.answer([queries[0][0].row])  # the first answer in a new place is slower
        first_order = self.rng.integers(len(ORDERS))
        times_s_SQT = np.zeros((2, len(queries), 2))
        for number, query in enumerate(queries):
            rows = [each.row for each in query]
            order = ORDERS[(first_order + number) % len(ORDERS)]
            for turn, system in enumerate(order):
                spent = self.systems[system].answer(rows)
                times_s_SQT[system, number, turn // 2] = spent.time_s
                self._parts[system].add(spent, len(rows))
        return Block(
            languages=tuple(query[0].language if len(query) == 1 else "" for query in queries),
            num_requests=sum(map(len, queries)),
            times_s_SQT=times_s_SQT,
        )


@contextmanager
def controlled(num_threads: int) -> Iterator[None]:
    """Keep the garbage collector out of clock readings, and the number of threads fixed."""
    threads_before = torch.get_num_threads()
    torch.set_num_threads(num_threads)
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
        torch.set_num_threads(threads_before)
