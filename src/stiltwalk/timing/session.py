"""A measuring session: every task in every scenario, the instrument tested along with the first.

The tests share A's turns with B: A under a second name, and that one delayed, are asked in the same
blocks. A first test that fails ends the session.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import log, log1p
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from stiltwalk.draws import Draws
from stiltwalk.heads.cloze import PromptedFolder
from stiltwalk.inference.predictor import Delayed, Predictor, Settings, System, load_predictor
from stiltwalk.models.device import pick_device
from stiltwalk.recipe.types import MeasureMode
from stiltwalk.store.machine import measured_on
from stiltwalk.timing.attribution import breakdowns
from stiltwalk.timing.blocks import Along, Bench, KeptBlocks, Measured, Pair
from stiltwalk.timing.duet import two_cores
from stiltwalk.timing.loadgen import SERVER, SERVER_BOUND, Load, highest_rate, run_load
from stiltwalk.timing.machine import Watch, peak_bytes
from stiltwalk.timing.record import (
    Case,
    InstrumentTest,
    KeptPass,
    LatencyBreakdown,
    LoadGenRun,
    MachineState,
    NotTimed,
)
from stiltwalk.timing.sample_size import Figure, Profile, Scenario, margin_of
from stiltwalk.timing.tost import judge
from stiltwalk.timing.workload import Request, Workload

INSTRUMENT = "the instrument"
_LOADGEN_TRIES, _LOADGEN_AGREES = 3, 0.05
DELAYS = (0.0, 0.02, 0.05)
"""What the instrument is shown: an A/A test, a small delay, and one that it must see."""

_PAIR = 2
Predictors = tuple[Predictor, Predictor]


@dataclass(frozen=True, kw_only=True)
class ModelPair:
    """Two checkpoints and one task's requests.

    Args:
        folders: of A and of B.
        settings: how A is asked, and how B.
        workload: the requests, the same for both.
    """

    folders: tuple[Path | PromptedFolder, Path | PromptedFolder]
    settings: tuple[Settings, Settings]
    workload: Workload

    @property
    def task(self) -> str:
        """What is measured, with the length of answers if it is fixed."""
        return self.settings[0].name

    def load(self) -> Predictors:
        """Load both models."""
        a, b = map(load_predictor, self.folders, self.settings)
        return a, b


@dataclass(frozen=True, kw_only=True, eq=False)
class Measurement:
    """Paired blocks of one case, and what was seen meanwhile.

    Args:
        case: what was asked, and how.
        figures: that are judged.
        measured: the blocks.
        machine_state: meanwhile.
        weight_bytes: of A and B.
        peak_bytes: what A and B took beyond their weights, alternating; empty where the system does
            not tell.
        tests: of the instrument, in the same blocks.
    """

    case: Case
    figures: tuple[Figure, ...]
    measured: Measured
    machine_state: MachineState
    weight_bytes: tuple[int, int]
    peak_bytes: tuple[tuple[int, int], ...]
    tests: tuple[InstrumentTest, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Session:
    """How a session measures, whatever it measures.

    Args:
        profile: how thoroughly.
        num_threads: CPU threads.
        seed: of requests and orders.
        tell: told what is being measured, a line each.
        moved: told how many seconds are spent, and how many it will be in all, about.
        budget_s: clock that may be spent; None for what verdicts take, 0 for none.
        wait: wait for a machine that is too busy.
        kept: blocks of this session before it was killed.
        passed: tests that may serve, None where there are none.
        mode: how both models are asked; see `MeasureSettings`.
    """

    profile: Profile
    num_threads: int
    seed: int
    tell: Callable[[str], None] = lambda _: None
    moved: Callable[[float, float], None] = lambda _spent_s, _in_all_s: None
    budget_s: float | None = None
    wait: bool = False
    kept: KeptBlocks = field(default_factory=KeptBlocks)
    passed: KeptPass | None = None
    mode: MeasureMode = "alternating"

    @property
    def device(self) -> str:
        """The name of what is measured on."""
        return torch.cuda.get_device_name() if pick_device().type == "cuda" else "cpu"

    @property
    def over_budget(self) -> str:
        """Why a case is not timed that the budget does not reach."""
        return f"the budget of {self.budget_s or 0:.0f} s does not reach it"

    def measure(
        self,
        systems: tuple[System, ...],
        workload: Workload,
        scenario: Scenario,
        num_cells: int,
        along: Along,
    ) -> Measured:
        """Measure systems; what is drawn depends on the seed, the scenario and the place."""
        rng = self._rng(along.place, scenario.name)
        cores = None if self.mode == "alternating" else two_cores(self.num_threads)
        bench = Bench(
            systems, workload, scenario, self.profile, rng, along, mode=self.mode, cores=cores
        )
        margins = [margin_of(figure, self.device) for figure in scenario.figures]
        return bench.measure(margins, num_cells)

    def _rng(self, task: str, *place: str) -> np.random.Generator:
        return np.random.default_rng(
            Draws(self.seed, "measurement", task).number("requests", *place)
        )

    def instrument_tests(self, model_pair: ModelPair) -> tuple[list[InstrumentTest], MachineState]:
        """Return what the instrument says about a pair's A under two names, also delayed."""
        first, second = (second_name(model_pair) for _ in range(2))
        watch, tests = Watch(), list[InstrumentTest]()
        for scenario in self.profile.scenarios:
            self.tell(f"{INSTRUMENT}: {scenario.name}")
            systems = (first.system, second)
            along = Along(place=f"{INSTRUMENT} {scenario.name}", tell=self.tell)
            measured = self.measure(systems, model_pair.workload, scenario, 1, along)
            tests += tests_in(measured, scenario, 1, self.device)
        return tests, watch.state(Case(task=INSTRUMENT, language="", scenario=""))

    def cases(self, model_pair: ModelPair) -> Iterator[tuple[Scenario, Case]]:
        """Yield what is measured of a pair: every scenario, in the full profile by language."""
        for scenario in self.profile.scenarios:
            for language in model_pair.workload.rows if self.profile.by_language else ("",):
                case = Case(task=model_pair.task, language=language, scenario=scenario.name)
                yield scenario, case

    def measured(
        self,
        model_pair: ModelPair,
        systems: tuple[System, ...],
        place: tuple[Scenario, Case],
        num_cells: int,
        along: Along,
    ) -> Measurement | NotTimed:
        """Measure one case, the instrument too where there is a third system."""
        scenario, case = place
        self.tell(f"{case}{', with the tests of the instrument' * (len(systems) > _PAIR)}")
        workload, pair = model_pair.workload, systems[:_PAIR]
        workload = workload.only(case.language) if case.language else workload
        watch = Watch()
        measured = self.measure(systems, workload, scenario, num_cells, along)
        if not measured.blocks:
            return NotTimed(**vars(case), why=self.over_budget, needs_s=measured.needs_s)
        tests = tests_in(measured, scenario, _PAIR, self.device) if systems[_PAIR:] else ()
        a, b = (cast("Predictor", each) for each in pair)
        return Measurement(
            case=case,
            figures=scenario.figures,
            measured=measured.against(1),
            machine_state=watch.state(case),
            weight_bytes=(a.weight_bytes(), b.weight_bytes()),
            peak_bytes=tuple(self._peaks((a, b), workload, scenario)),
            tests=tuple(tests),
        )

    def loadgen(
        self, model_pair: ModelPair, pair: Pair, expected: Mapping[str, float]
    ) -> Iterator[LoadGenRun]:
        """Yield what LoadGen says of each model in every scenario, Server last.

        Args:
            model_pair: what is asked.
            pair: both models.
            expected: by scenario that was timed, the log-ratio that was found in pairs; figures
                that contradict it are measured again, and left out if they still do.
        """
        profile, task = self.profile, model_pair.task
        per_language = -(-profile.load_queries // len(model_pair.workload.rows))
        requests = model_pair.workload.draw(per_language, self._rng(task, "loadgen"))
        asked = Load(
            scenario="", num_queries=profile.load_queries, least_s=profile.load_s, seed=self.seed
        )
        runs = []
        for scenario in profile.scenarios:
            if scenario.name not in expected:
                continue
            size = scenario.requests_per_query or 1
            load = replace(asked, scenario=scenario.name, requests_per_query=size)
            self.tell(f"{task}: LoadGen, {scenario.name}")
            runs += _agreeing(pair, requests, load, expected[scenario.name])
        if profile.server and runs:
            self.tell(f"{task}: LoadGen, {SERVER}")
            bound_s = SERVER_BOUND * runs[0].percentiles_s["p50"]
            load = replace(asked, scenario=SERVER, bound_s=bound_s)
            runs += [highest_rate(each, requests, load) for each in pair]
        for number, run in enumerate(runs):
            yield replace(run, task=task, model="ab"[number % 2])

    def breakdowns(self, model_pair: ModelPair, pair: Pair) -> Iterator[LatencyBreakdown]:
        """Yield where a change of written answers' time comes from; nothing for other answers."""
        if not model_pair.settings[0].writes:
            return
        self.tell(f"{model_pair.task}: prefill, tokens, time per token")
        count = self.profile.breakdown_requests
        yield from breakdowns(pair, model_pair.workload, model_pair.task, count, self.seed)

    def _peaks(
        self, pair: Pair, workload: Workload, scenario: Scenario
    ) -> Iterator[tuple[int, int]]:
        """Yield the memory that a scenario's queries take beyond the weights, A's and B's."""
        rng = self._rng(scenario.name, "peaks")
        requests = workload.draw(scenario.requests_per_query or 4, rng)
        queries = [[each.row for each in query] for query in scenario.queries(requests)]
        for turn in range(1 + self.profile.fewest_blocks):
            found = []
            for system in pair:
                gc.collect()
                found.append(peak_bytes(partial(_answer_all, system, queries)))
            if found[0] is None or found[1] is None:
                return
            if turn:  # the first one also pays for what the allocator then keeps
                yield found[0], found[1]


def _agreeing(
    pair: Pair, requests: Sequence[Request], load: Load, expected: float
) -> list[LoadGenRun]:
    """Return what LoadGen says of both, one after the other until it is what pairs found.

    Two runs of a load generator lie apart, and the machine is another one by then.

    Returns:
        Nothing where they contradict the log-ratio that is expected every time.
    """
    for _ in range(_LOADGEN_TRIES):
        a, b = (run_load(each, requests, load) for each in pair)
        found = (a.requests_per_s, b.requests_per_s)
        if a.percentiles_s and b.percentiles_s:
            found = (b.percentiles_s["p50"], a.percentiles_s["p50"])
        if abs(log(found[0] / found[1]) - expected) <= log1p(_LOADGEN_AGREES):
            return [a, b]
    return []


def conditions(model_pair: ModelPair, profile: Profile, num_threads: int) -> str:
    """Return what a pass of the tests of the instrument holds for, besides how busy one is."""
    where, settings = model_pair.folders[0], model_pair.settings[0]
    folder = where if isinstance(where, Path) else where.model.encoder
    size = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    return repr((measured_on(), size, settings.name, settings.computes, profile, num_threads))


def told_formats(model_pairs: Sequence[ModelPair]) -> str:
    """Return the number format, for every task and side where there are several."""
    formats = {pair.task: [each.computes for each in pair.settings] for pair in model_pairs}
    found = dict.fromkeys(format_ for pair in formats.values() for format_ in pair)
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(f"{task}: A {a}, B {b}" for task, (a, b) in formats.items())


def second_name(model_pair: ModelPair) -> Delayed:
    """Load a pair's A once more, to be asked under a second name, by itself and delayed."""
    return Delayed(load_predictor(model_pair.folders[0], model_pair.settings[0]), DELAYS)


def tests_in(
    measured: Measured, scenario: Scenario, first: int, device: str
) -> Iterator[InstrumentTest]:
    """Yield what blocks say of A under a second name, one test per figure that they show.

    Args:
        measured: A, and from place `first` on that system after each of `DELAYS`.
        scenario: of the blocks.
        first: see there.
        device: decides what counts as equal.
    """
    found = [measured.against(first + place) for place in range(len(DELAYS))]
    for figure in filter(measured.shows, scenario.figures):
        margin = margin_of(figure, device)
        aa, delay_2, delay_5 = (judge(each.log_ratios(figure), margin) for each in found)
        yield InstrumentTest(
            scenario=scenario.name,
            figure=figure,
            aa=aa,
            delay_5=delay_5,
            delay_2=delay_2,
            mode=measured.mode,
        )


def _answer_all(system: System, queries: Sequence[Sequence[Any]]) -> None:
    for query in queries:
        system.answer(query)
