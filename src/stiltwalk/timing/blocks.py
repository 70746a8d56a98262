"""Two systems on the same requests, in blocks: the clock of the instrument, and what it asks.

Shape letters: S systems (A, B), Q queries of a block, T turns of a system within a block.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from math import log
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stiltwalk.data.source import DataSource
from stiltwalk.inference.predictor import Spent, System
from stiltwalk.records import Split, TaskType
from stiltwalk.tasks.load import bitext, examples
from stiltwalk.tasks.task import Task
from stiltwalk.timing.record import ORDERS
from stiltwalk.timing.sample_size import (
    LEAST_REQUESTS,
    MOST_BLOCKS,
    Figure,
    Profile,
    Scenario,
    blocks_for,
)

_WINDOW_QUERIES = 10
_AGREEING_WINDOWS = 3
_AGREEMENT = 0.05
_QUANTILES = {Figure.P50: 0.5, Figure.P90: 0.9, Figure.P99: 0.99}

Pair = tuple[System, System]


@dataclass(frozen=True, slots=True)
class Request:
    """One example, or one line of a retrieval task, and its language."""

    language: str
    row: Any


@dataclass(frozen=True)
class Workload:
    """The rows that requests are drawn from, language by language."""

    rows: Mapping[str, Sequence[Any]]

    def draw(self, per_language: int, rng: np.random.Generator) -> list[Request]:
        """Return requests in random order, the same number of every language.

        All languages give the rows at the same relative positions: in parallel test sets (XNLI,
        XQuAD, PAWS-X) that is the same content in every language.
        """
        places = [rng.random() for _ in range(per_language)]
        drawn = [
            Request(language, rows[int(place * len(rows))])
            for language, rows in self.rows.items()
            for place in places
        ]
        rng.shuffle(drawn)
        return drawn

    def only(self, language: str) -> Workload:
        """Return the requests of one language."""
        return Workload({language: self.rows[language]})


def load_workload(
    task: Task, source: DataSource, languages: Sequence[str], max_rows: int | None
) -> Workload:
    """Read the test rows of a task; of a retrieval task the lines that are not English.

    Raises:
        DataError: if the rows are not there or one cannot be used.
    """
    if task.task_type is TaskType.RETRIEVAL:
        return Workload(
            {
                language: [
                    line.text
                    for line in bitext(task, source, Split.TEST, language, max_rows).foreign
                ]
                for language in languages
            }
        )
    return Workload(
        {language: examples(task, source, Split.TEST, language, max_rows) for language in languages}
    )


@dataclass(frozen=True, eq=False)
class Block:
    """One block: each query's language ("" for several) and its times.

    `spent` is what all answers of A, and of B, took together; not told of blocks that were joined.
    """

    languages: tuple[str, ...]
    num_requests: int
    times_s_SQT: NDArray[np.float64]
    spent: tuple[Spent, ...] = ()

    def log_ratio(self, figure: Figure, language: str | None = None) -> float:
        """Return log(B / A) of a figure, over all queries or those of one language."""
        return log(self.value(1, figure, language) / self.value(0, figure, language))

    def value(self, system: int, figure: Figure, language: str | None = None) -> float:
        """Return a figure of one system in seconds, for `TIME` per request."""
        times_QT = self.times_s_SQT[system]
        if language is not None:
            times_QT = times_QT[[each == language for each in self.languages]]
        if figure is Figure.TIME:
            return float(times_QT.sum() / (times_QT.shape[1] * self.num_requests))
        return float(np.quantile(times_QT, _QUANTILES[figure]))


def _joined(blocks: Sequence[Block]) -> Block:
    return Block(
        languages=tuple(language for block in blocks for language in block.languages),
        num_requests=sum(block.num_requests for block in blocks),
        times_s_SQT=np.concatenate([block.times_s_SQT for block in blocks], axis=1),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """Paired blocks of one scenario.

    `wanted_blocks` is what the pilot's spread asked for, which may be more than were measured;
    `is_steady` whether the warm-up came to windows that agree.
    """

    blocks: tuple[Block, ...]
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

    def per_request(self, system: int, part: str) -> float:
        """Return the mean of one field of `Spent` for one request to a system."""
        spent = sum(getattr(block.spent[system], part) for block in self.blocks)
        num_turns = len(ORDERS[0]) // 2
        return float(spent / (num_turns * sum(block.num_requests for block in self.blocks)))

    def _of(self, figure: Figure) -> list[Block]:
        """Return the blocks, neighbours joined until each holds the requests that a tail needs."""
        size = _blocks_per_tail(figure, self.blocks[0])
        starts = range(0, len(self.blocks) - size + 1, size)
        whole = [list(self.blocks[start : start + size]) for start in starts]
        if whole:
            whole[-1] += self.blocks[len(whole) * size :]
        return [_joined(each) if len(each) > 1 else each[0] for each in whole]


def _blocks_per_tail(figure: Figure, block: Block) -> int:
    """Return how many blocks like one hold the requests that a figure needs."""
    return -(-LEAST_REQUESTS.get(figure, 1) // len(block.languages))


@dataclass(frozen=True, eq=False)
class Bench:
    """Puts two systems through blocks of one scenario over the same requests.

    Args:
        systems: A and B, both resident.
        workload: where requests are drawn from.
        scenario: how they are asked.
        profile: how long.
        rng: draws requests and orders.
    """

    systems: Pair
    workload: Workload
    scenario: Scenario
    profile: Profile
    rng: np.random.Generator

    def measure(self, margins: Sequence[float], num_cells: int) -> Measured:
        """Warm up, size the measurement by a pilot, measure.

        Args:
            margins: one per figure of the scenario.
            num_cells: of the whole comparison; see `blocks_for`.
        """
        is_steady, query_s = self._warm_up()
        per_language = self._requests_per_language(query_s)
        began = time.perf_counter()
        pilot = [self._block(per_language) for _ in range(self.profile.pilot_blocks)]
        block_s = (time.perf_counter() - began) / self.profile.pilot_blocks
        wanted = max(
            max(
                blocks_for([block.log_ratio(figure) for block in pilot], margin, num_cells),
                self.profile.fewest_blocks * _blocks_per_tail(figure, pilot[0]),
            )
            for figure, margin in zip(self.scenario.figures, margins, strict=True)
        )
        in_time = min(MOST_BLOCKS, int(self.profile.most_s / block_s))
        most = max(self.profile.fewest_blocks, in_time)
        count = min(max(wanted, self.profile.least_blocks), most)
        blocks = tuple(self._block(per_language) for _ in range(count))
        return Measured(blocks=blocks, wanted_blocks=wanted, is_steady=is_steady)

    def _warm_up(self) -> tuple[bool, float]:
        """Ask until three windows agree; return whether they did, and the time of one query."""
        query = self.scenario.queries(self.workload.draw(1, self.rng))[0]
        windows: list[tuple[float, ...]] = []
        asked_s = 0.0
        profile = self.profile
        while len(windows) < profile.warm_up_windows or asked_s < profile.patience_s:
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

    def _block(self, per_language: int) -> Block:
        """Ask both systems the same queries, ABBA and BAAB alternating; chance says which first.

        Both lie elsewhere in memory in every block, so that its chance is part of what differs
        between blocks, and of the interval, and not of the models.
        """
        queries = self.scenario.queries(self.workload.draw(per_language, self.rng))
        for system in self.rng.permutation(2):
            self.systems[system].move()
        gc.collect()
        for each in self.systems:
            each.answer([queries[0][0].row])  # the first answer in a new place is slower
        first_order = self.rng.integers(len(ORDERS))
        times_s_SQT = np.zeros((2, len(queries), 2))
        answers: tuple[list[Spent], list[Spent]] = ([], [])
        for number, query in enumerate(queries):
            rows = [each.row for each in query]
            order = ORDERS[(first_order + number) % len(ORDERS)]
            for turn, system in enumerate(order):
                answer = self.systems[system].answer(rows)
                times_s_SQT[system, number, turn // 2] = answer.time_s
                answers[system].append(answer)
        return Block(
            languages=tuple(query[0].language if len(query) == 1 else "" for query in queries),
            num_requests=sum(map(len, queries)),
            times_s_SQT=times_s_SQT,
            spent=tuple(map(_added, answers)),
        )


def _added(answers: Sequence[Spent]) -> Spent:
    names = [each.name for each in fields(Spent)]
    return Spent(**{name: sum(getattr(each, name) for each in answers) for name in names})


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
