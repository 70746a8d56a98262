"""A measuring session: tests of the instrument once, then every task in every scenario."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from stiltwalk.draws import Draws
from stiltwalk.heads.cloze import PromptedFolder
from stiltwalk.inference.predictor import Delayed, Predictor, Settings, System, load_predictor
from stiltwalk.models.device import pick_device
from stiltwalk.timing.attribution import breakdowns
from stiltwalk.timing.blocks import Bench, Measured, Pair, Workload
from stiltwalk.timing.loadgen import SERVER, SERVER_BOUND, Load, highest_rate, run_load
from stiltwalk.timing.machine import Watch, peak_bytes
from stiltwalk.timing.record import Case, InstrumentTest, LatencyBreakdown, LoadGenRun, MachineState
from stiltwalk.timing.sample_size import Figure, Profile, Scenario, margin_of
from stiltwalk.timing.tost import judge

INSTRUMENT = "the instrument"
DELAYS = (0.0, 0.05, 0.02)
"""What the instrument is shown: an A/A test, a delay that it must see, and a smaller one."""

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
    """

    case: Case
    figures: tuple[Figure, ...]
    measured: Measured
    machine_state: MachineState
    weight_bytes: tuple[int, int]
    peak_bytes: tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True)
class Session:
    """How a session measures, whatever it measures.

    Args:
        profile: how thoroughly.
        num_threads: CPU threads.
        seed: of requests and orders.
        tell: told what is being measured, a line each.
    """

    profile: Profile
    num_threads: int
    seed: int
    tell: Callable[[str], None] = lambda _: None

    @property
    def device(self) -> str:
        """The name of what is measured on."""
        return torch.cuda.get_device_name() if pick_device().type == "cuda" else "cpu"

    def measure(
        self, pair: Pair, workload: Workload, scenario: Scenario, num_cells: int, key: str
    ) -> Measured:
        """Measure two systems; what is drawn depends on the seed, the scenario and the key."""
        bench = Bench(pair, workload, scenario, self.profile, self._rng(key, scenario.name))
        margins = [margin_of(figure, self.device) for figure in scenario.figures]
        return bench.measure(margins, num_cells)

    def _rng(self, task: str, *place: str) -> np.random.Generator:
        return np.random.default_rng(
            Draws(self.seed, "measurement", task).number("requests", *place)
        )

    def instrument_tests(
        self, model_pair: ModelPair
    ) -> tuple[list[InstrumentTest], list[MachineState]]:
        """Return what the instrument says about a pair's A under two names, also delayed."""
        where, settings = model_pair.folders[0], model_pair.settings[0]
        first, second = (load_predictor(where, settings) for _ in range(2))
        tests, states = [], []
        for scenario in self.profile.scenarios:
            watch, found = Watch(), []
            for delay in DELAYS:
                what = f"delay test of {delay:.0%}" if delay else "A/A test"
                self.tell(f"{INSTRUMENT}: {scenario.name}, {what}")
                pair = (first, Delayed(second, delay) if delay else second)
                key = f"controls {delay}"
                found.append(self.measure(pair, model_pair.workload, scenario, 1, key))
            case = Case(task=INSTRUMENT, language="", scenario=scenario.name)
            states.append(watch.state(case))
            for figure in scenario.figures:
                if not all(each.shows(figure) for each in found):
                    continue
                margin = margin_of(figure, self.device)
                aa, delay_5, delay_2 = (judge(each.log_ratios(figure), margin) for each in found)
                known = InstrumentTest(
                    scenario=scenario.name, figure=figure, aa=aa, delay_5=delay_5, delay_2=delay_2
                )
                tests.append(known)
        return tests, states

    def measurements(
        self, model_pair: ModelPair, pair: Predictors, num_cells: int
    ) -> Iterator[Measurement]:
        """Yield every scenario of a pair, in the full profile language by language."""
        task, (a, b) = model_pair.task, pair
        for scenario in self.profile.scenarios:
            for language in model_pair.workload.rows if self.profile.by_language else ("",):
                self.tell(f"{task} {language}: {scenario.name}")
                workload = model_pair.workload.only(language) if language else model_pair.workload
                watch, case = Watch(), Case(task=task, language=language, scenario=scenario.name)
                measured = self.measure(pair, workload, scenario, num_cells, task + language)
                yield Measurement(
                    case=case,
                    figures=scenario.figures,
                    measured=measured,
                    machine_state=watch.state(case),
                    weight_bytes=(a.weight_bytes(), b.weight_bytes()),
                    peak_bytes=tuple(self._peaks(pair, workload, scenario)),
                )

    def loadgen(self, model_pair: ModelPair, pair: Pair) -> Iterator[LoadGenRun]:
        """Yield what LoadGen says of each model in every scenario, Server last."""
        profile, task = self.profile, model_pair.task
        per_language = -(-profile.load_queries // len(model_pair.workload.rows))
        requests = model_pair.workload.draw(per_language, self._rng(task, "loadgen"))
        asked = Load(
            scenario="", num_queries=profile.load_queries, least_s=profile.load_s, seed=self.seed
        )
        runs = []
        for scenario in profile.scenarios:
            size = scenario.requests_per_query or 1
            load = replace(asked, scenario=scenario.name, requests_per_query=size)
            self.tell(f"{task}: LoadGen, {scenario.name}")
            runs += [run_load(each, requests, load) for each in pair]
        if profile.server:
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


def _answer_all(system: System, queries: Sequence[Sequence[Any]]) -> None:
    for query in queries:
        system.answer(query)
