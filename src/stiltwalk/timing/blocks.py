"""Two systems on the same requests, in blocks: the clock of the instrument.

Shape letters: S systems (A, B, and while the instrument is tested A under a second name, by itself
and delayed), Q queries of a block, T turns of a system within a block.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from functools import partial
from math import inf, log
from pathlib import Path
from statistics import fmean, median
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from stiltwalk.files import add_line, read_lines
from stiltwalk.inference.predictor import Spent, System
from stiltwalk.recipe.types import MeasureMode
from stiltwalk.timing.duet import Cores, Duet, asked
from stiltwalk.timing.sample_size import (
    LEAST_REQUESTS,
    MOST_BLOCKS,
    TYPICAL_BLOCKS,
    Figure,
    Profile,
    Scenario,
    blocks_for,
)
from stiltwalk.timing.workload import Request, Workload
from stiltwalk.wording import duration

_WINDOW_QUERIES = 10
_AGREEING_WINDOWS = 3
_AGREEMENT = 0.05
_QUANTILES = {Figure.P50: 0.5, Figure.P90: 0.9, Figure.P99: 0.99}
_MEDIAN = 0.5
_PARTS = {Figure.FIRST_TOKEN: "first_token_s", Figure.TOKEN_TIME: "token_s"}
"""Figures of a part of the time, and the fields of `Spent` that tell it."""

_LONG_S = 120.0
"""A pilot that takes longer is announced with what a verdict may take."""
_TURNS = 2
"""Of every system within a query."""

Pair = tuple[System, System]
Asking = Literal["alternating", "duet"]
"""One system after the other, or two at the same time."""


@dataclass(frozen=True, eq=False)
class Block:
    """One block: each query's language ("" for several) and its times.

    `spent` is what all answers of A, and of B, took together; not told of blocks that were joined.
    `took_s` is the time of the whole block, `parts_s` holds times (S, Q, T) of parts by figure,
    `partners` the place of what each system is compared with: of A, or of A as it was asked at the
    same time.
    """

    languages: tuple[str, ...]
    num_requests: int
    times_s_SQT: NDArray[np.float64]
    spent: tuple[Spent, ...] = ()
    took_s: float = 0.0
    parts_s: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    partners: tuple[int, ...] = ()

    def against(self, system: int) -> Block:
        """Return the same of A and another system in B's place."""
        places = [self.partners[system] if self.partners else 0, system]
        parts_s = {figure: times_s[places] for figure, times_s in self.parts_s.items()}
        times_s_SQT = self.times_s_SQT[places]
        return replace(self, times_s_SQT=times_s_SQT, parts_s=parts_s, partners=())

    def log_ratio(self, figure: Figure, language: str | None = None) -> float:
        """Return log(B / A) of a figure, over all queries or those of one language."""
        return log(self.value(1, figure, language) / self.value(0, figure, language))

    def value(self, system: int, figure: Figure, language: str | None = None) -> float:
        """Return a figure of one system in seconds, for `TIME` per request."""
        times_QT = self.parts_s.get(figure, self.times_s_SQT)[system]
        if language is not None:
            times_QT = times_QT[[each == language for each in self.languages]]
        if figure is Figure.TIME:
            return float(times_QT.sum() / (times_QT.shape[1] * self.num_requests))
        return float(np.quantile(times_QT, _QUANTILES.get(figure, _MEDIAN)))


def _joined(blocks: Sequence[Block]) -> Block:
    return Block(
        languages=tuple(language for block in blocks for language in block.languages),
        num_requests=sum(block.num_requests for block in blocks),
        times_s_SQT=np.concatenate([block.times_s_SQT for block in blocks], axis=1),
        parts_s={
            figure: np.concatenate([block.parts_s[figure] for block in blocks], axis=1)
            for figure in blocks[0].parts_s
        },
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """Paired blocks of one scenario.

    `wanted_blocks` is what the pilot's spread asked for, which may be more than were measured;
    `is_steady` whether the warm-up came to windows that agree; `block_s` is what a block takes.
    There are no blocks where so many would have taken too long. `mode` is how systems were asked.
    """

    blocks: tuple[Block, ...]
    wanted_blocks: int
    is_steady: bool
    block_s: float = 0.0
    mode: Asking = "alternating"

    @property
    def needs_s(self) -> float:
        """About what a verdict takes here, its pilot included."""
        return self.wanted_blocks * self.block_s

    def against(self, system: int) -> Measured:
        """Return the same of A and another system in B's place."""
        return replace(self, blocks=tuple(each.against(system) for each in self.blocks))

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
        return float(spent / (_TURNS * sum(block.num_requests for block in self.blocks)))

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


class KeptBlocks:
    """The blocks of a session in a file, kept as they come: a session that was killed goes on."""

    def __init__(self, file: Path | None = None) -> None:
        """Read what is there; without a file nothing is kept."""
        self._file = file
        self._found: dict[str, list[Block]] = {}
        for place, block in read_lines(file):
            self._found.setdefault(place, []).append(_read_block(block))

    def of(self, place: str) -> list[Block]:
        """Return the blocks of a place, those of the pilot first."""
        return self._found.get(place, [])

    def add(self, place: str, block: Block) -> None:
        """Keep one more."""
        if self._file is None:
            return
        parts_s = {figure: times_s.tolist() for figure, times_s in block.parts_s.items()}
        kept = asdict(replace(block, times_s_SQT=block.times_s_SQT.tolist(), parts_s=parts_s))
        add_line(self._file, [place, kept])


def _read_block(kept: dict[str, Any]) -> Block:
    return Block(
        languages=tuple(kept["languages"]),
        num_requests=kept["num_requests"],
        times_s_SQT=np.array(kept["times_s_SQT"]),
        spent=tuple(Spent(**each) for each in kept["spent"]),
        took_s=kept["took_s"],
        parts_s={figure: np.array(times_s) for figure, times_s in kept["parts_s"].items()},
        partners=tuple(kept["partners"]),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Along:
    """What goes along with measuring one place.

    Args:
        place: names its blocks among those that are kept.
        kept: blocks of this session, earlier ones too.
        allowed_s: clock that may be spent on it.
        is_first: measure as far as that goes; otherwise nothing where it cannot come to a verdict.
        tell: told how many blocks are needed.
        moved: told after every block about how many seconds are left.
    """

    place: str = ""
    kept: KeptBlocks = field(default_factory=KeptBlocks)
    allowed_s: float = inf
    is_first: bool = True
    tell: Callable[[str], None] = lambda _: None
    moved: Callable[[float], None] = lambda _: None


_ALONE = Along()


@dataclass(eq=False)
class _Way:
    """How systems are asked, and the blocks that were; `block` takes requests per language."""

    mode: Asking
    block: Callable[[int, np.random.Generator], Block]
    rng: np.random.Generator
    place: str = ""
    found: list[Block] = field(default_factory=list)

    @property
    def block_s(self) -> float:
        """What a block takes."""
        return fmean(block.took_s for block in self.found)


@dataclass(frozen=True, eq=False)
class Bench:
    """Puts systems through blocks of one scenario over the same requests.

    Args:
        systems: A and B, all resident, and A under a second name while the instrument is tested.
        workload: where requests are drawn from.
        scenario: how they are asked.
        profile: how long.
        rng: draws requests and orders.
        along: see there.
        mode: how systems are asked; where it is open, a pilot of each says which decides sooner.
        cores: for two systems at a time; None where that cannot be.
    """

    systems: tuple[System, ...]
    workload: Workload
    scenario: Scenario
    profile: Profile
    rng: np.random.Generator
    along: Along = _ALONE
    mode: MeasureMode = "alternating"
    cores: Cores | None = None

    def measure(self, margins: Sequence[float], num_cells: int) -> Measured:
        """Warm up, size the measurement by a pilot, measure; nothing where that takes too long.

        Args:
            margins: one per figure of the scenario.
            num_cells: of the whole comparison; see `blocks_for`.
        """
        is_steady, query_s = self._warm_up()
        profile, along = self.profile, self.along
        per_language = self._requests_per_language(query_s)
        fewest = profile.pilot_blocks + profile.fewest_blocks
        none = Measured(blocks=(), wanted_blocks=fewest, is_steady=is_steady)
        block_s = _TURNS * len(self.systems) * query_s * self._num_queries(per_language)
        if fewest * block_s > along.allowed_s:
            return replace(none, block_s=block_s)
        if profile.pilot_blocks * block_s > _LONG_S:
            long_s = TYPICAL_BLOCKS * block_s
            along.tell(f"a verdict takes about {duration(long_s)} where the machine is quiet")
        began = time.perf_counter()
        with ExitStack() as stack:
            ways = [
                self._piloted(way, per_language, block_s * fewest)
                for way in self._ways(block_s, stack)
            ]
            wanted = [self._wanted(each.found, margins, num_cells) for each in ways]
            count, way = min(
                zip(wanted, ways, strict=True), key=lambda each: each[0] * each[1].block_s
            )
            needed_s = count * way.block_s
            measured = replace(none, wanted_blocks=count, block_s=way.block_s, mode=way.mode)
            along.tell(f"a verdict takes {count} blocks ({way.mode}), about {duration(needed_s)}")
            left_s = along.allowed_s - (time.perf_counter() - began)
            if needed_s > left_s and not along.is_first:
                return measured
            in_time = int(min(profile.most_s, left_s) / way.block_s)
            most = max(profile.fewest_blocks, min(MOST_BLOCKS, in_time))
            count = min(max(count, profile.least_blocks), most)
            self._more(way, per_language, profile.pilot_blocks + count, 0.0)
            return replace(measured, blocks=tuple(way.found[profile.pilot_blocks :]))

    def _ways(self, block_s: float, stack: ExitStack) -> Iterator[_Way]:
        """Yield how systems may be asked; two at once only where a pilot of that is soon over."""
        (rng,) = self.rng.spawn(1) if self.cores else (self.rng,)
        if self.mode != "duet" or not self.cores:
            yield _Way("alternating", self._block, self.rng)
        if self.mode == "alternating" or not self.cores:
            return
        if self.mode == "duet" or self.profile.pilot_blocks * block_s < _LONG_S / 2:
            duet = stack.enter_context(Duet(self.systems, self.cores))
            yield _Way("duet", partial(self._duet_block, duet), rng)

    def _piloted(self, way: _Way, per_language: int, then_s: float) -> _Way:
        """Take in what is kept of a way, and measure what its pilot lacks."""
        way.place = self.along.place + f", {way.mode}" * (way.mode != "alternating")
        way.found += self.along.kept.of(way.place)
        way.rng.spawn(len(way.found))  # what their requests were drawn with
        self._more(way, per_language, self.profile.pilot_blocks, then_s)
        return way

    def _more(self, way: _Way, per_language: int, count: int, then_s: float) -> None:
        """Measure until there are so many blocks; tell what is left of them, and after them."""
        if way.found:  # a session that goes on asks as it did
            per_language = way.found[0].num_requests // len(self.workload.rows)
        while len(way.found) < count:
            (rng,) = way.rng.spawn(1)  # a session that goes on draws what it would have drawn
            way.found.append(way.block(per_language, rng))
            self.along.kept.add(way.place, way.found[-1])
            self.along.moved((count - len(way.found)) * way.found[-1].took_s + then_s)

    def _wanted(self, found: Sequence[Block], margins: Sequence[float], num_cells: int) -> int:
        """Return how many blocks the figures ask for, B's and those of A under a second name."""
        pilot = found[: self.profile.pilot_blocks]
        seen = Measured(blocks=tuple(pilot), wanted_blocks=0, is_steady=True)
        return max(
            max(
                blocks_for([e.log_ratio(figure) for e in each.blocks], margin, num_cells),
                self.profile.fewest_blocks * _blocks_per_tail(figure, pilot[0]),
            )
            for each in map(seen.against, range(1, len(self.systems)))
            for figure, margin in zip(self.scenario.figures, margins, strict=True)
        )

    def _num_queries(self, per_language: int) -> int:
        size = self.scenario.requests_per_query
        return -(-per_language * len(self.workload.rows) // size) if size else per_language

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

    def _block(self, per_language: int, rng: np.random.Generator) -> Block:
        """Ask all systems the same queries, as ABBA and BAAB; chance says which is first.

        What drifts evenly within a query's turns cancels. The first turn of a query is slower than
        the others: so every system is first in turn within a block, not only on average over them.
        All lie elsewhere in memory in every block, so that its chance is part of what differs
        between blocks, and of the interval, and not of the models.
        """
        began, count = time.perf_counter(), len(self.systems)
        queries = self.scenario.queries(self.workload.draw(per_language, rng))
        for system in rng.permutation(count):
            self.systems[system].move()
        gc.collect()
        for each in self.systems:
            each.answer([queries[0][0].row])  # the first answer in a new place is slower
        first = int(rng.integers(count))
        taken: list[list[list[Spent]]] = [[] for _ in self.systems]
        for number, query in enumerate(queries):
            rows = [each.row for each in query]
            order = [(first + number + place) % count for place in range(count)]
            for system in order + order[::-1]:
                taken[system].append(asked(self.systems[system], rows))
        per_query = [[each[at::_TURNS] for at in range(_TURNS)] for each in taken]
        return _block_of(self.scenario, queries, [_rows(each) for each in per_query], began)

    def _duet_block(self, duet: Duet, per_language: int, rng: np.random.Generator) -> Block:
        """Ask A and every other system the same queries at once, on swapped cores in the end."""
        began = time.perf_counter()
        queries = self.scenario.queries(self.workload.draw(per_language, rng))
        rows = [[each.row for each in query] for query in queries]
        duet.move(rows[0][0])
        pairs = [duet.turns((0, other), rows) for other in range(1, len(self.systems))]
        (a, b), *more = [[_rows(each) for each in pair] for pair in pairs]
        partners = [0] * (len(a) + len(b))
        for ours, theirs in more:  # its A last, so that every system keeps its place
            partners += [len(partners) + len(theirs)] * (len(theirs) + len(ours))
            b += theirs + ours
        return replace(_block_of(self.scenario, queries, [a, b], began), partners=tuple(partners))


def _rows(turns: Sequence[Sequence[Sequence[Spent]]]) -> list[list[list[Spent]]]:
    """Return by name that shares an answer, query and turn what a system took by turn and query."""
    names = range(len(turns[0][0]))
    return [[[turn[at][name] for turn in turns] for at in range(len(turns[0]))] for name in names]


def _block_of(
    scenario: Scenario,
    queries: Sequence[Sequence[Request]],
    taken: Sequence[list[list[list[Spent]]]],
    began: float,
) -> Block:
    """Return what systems took, by system, name, query and turn."""
    rows = [name for system in taken for name in system]

    def of(part: str) -> NDArray[np.float64]:
        return np.array([[[getattr(e, part) for e in turns] for turns in name] for name in rows])

    return Block(
        languages=tuple(query[0].language if len(query) == 1 else "" for query in queries),
        num_requests=sum(map(len, queries)),
        times_s_SQT=of("time_s"),
        parts_s={name: of(part) for name, part in _PARTS.items() if name in scenario.figures},
        spent=tuple(_added([e for turns in name for e in turns]) for name in rows[:2]),
        took_s=time.perf_counter() - began,
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
