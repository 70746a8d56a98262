"""A measuring session: the instrument's controls once, then every task in every scenario."""

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
from stiltwalk.timing.blocks import Bench, Measured
from stiltwalk.timing.breakdown import splits
from stiltwalk.timing.controls import Controls
from stiltwalk.timing.loadgen import SERVER, SERVER_BOUND, Load, highest_rate, run_load
from stiltwalk.timing.machine import Watch, peak_bytes
from stiltwalk.timing.record import Control, LatencyBreakdown, LoadGenRun, Machine, MachineState
from stiltwalk.timing.sample_size import FEWEST_BLOCKS, Profile, Scenario, margin_of
from stiltwalk.timing.tost import judge
from stiltwalk.timing.workload import Workload

CONTROLS = "controls"
DELAYS = (0.0, 0.05, 0.02)
"""What the instrument is shown: nothing, a difference that it must see, and a smaller one."""


Pair = tuple[Predictor, Predictor]


@dataclass(frozen=True, kw_only=True)
class ModelPair:
    """Two checkpoints and one task's requests.

    Args:
        folder_a: A's.
        folder_b: B's.
        settings: how A is asked.
        workload: the requests, the same for both.
        settings_b: how B is asked, None for as A.
    """

    folder_a: Path | PromptedFolder
    folder_b: Path | PromptedFolder
    settings: Settings
    workload: Workload
    settings_b: Settings | None = None

    @property
    def both(self) -> tuple[Settings, Settings]:
        """How A and B are asked."""
        return self.settings, self.settings_b or self.settings

    def load(self) -> Pair:
        """Load both models."""
        settings_a, settings_b = self.both
        return (
            load_predictor(self.folder_a, settings_a),
            load_predictor(self.folder_b, settings_b),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Measurement:
    """Paired blocks of one task in one scenario, and what stands beside them.

    Args:
        task: what was asked.
        language: empty where all of the task's are in every block.
        scenario: how.
        measured: the blocks.
        conditions: of the machine meanwhile.
        weight_bytes: of A and B.
        peak_bytes: what A and B took beyond their weights, alternating; empty where the system does
            not tell.
    """

    task: str
    language: str
    scenario: Scenario
    measured: Measured
    conditions: MachineState
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
        self,
        pair: tuple[System, System],
        workload: Workload,
        scenario: Scenario,
        num_cells: int,
        key: str,
    ) -> Measured:
        """Measure two systems; what is drawn depends on the seed, the scenario and the key."""
        bench = Bench(pair, workload, scenario, self.profile, self._rng(key, scenario.name))
        margins = [margin_of(figure, self.device) for figure in scenario.figures]
        return bench.measure(margins, num_cells)

    def _rng(self, task: str, *place: str) -> np.random.Generator:
        return np.random.default_rng(
            Draws(self.seed, "measurement", task).number("requests", *place)
        )

    def controls(self, model_pair: ModelPair) -> tuple[list[Control], list[Machine]]:
        """Return what the instrument says about a contest's A under two names, also delayed."""
        first, second = (load_predictor(model_pair.folder_a, model_pair.settings) for _ in range(2))
        controls, machine = [], []
        for scenario in self.profile.scenarios:
            watch, found = Watch(), []
            for delay in DELAYS:
                self.tell(f"{CONTROLS}: {scenario.name}, B delayed by {delay:.0%}")
                pair = (first, Delayed(second, delay) if delay else second)
                key = f"{CONTROLS} {delay}"
                found.append(self.measure(pair, model_pair.workload, scenario, 1, key))
            seen = watch.conditions()
            machine.append(Machine(task=CONTROLS, scenario=scenario.name, conditions=seen))
            for figure in scenario.figures:
                if not all(each.shows(figure) for each in found):
                    continue
                margin = margin_of(figure, self.device)
                aa, delay_5, delay_2 = (judge(each.log_ratios(figure), margin) for each in found)
                judged = Controls(aa=aa, delay_5=delay_5, delay_2=delay_2)
                controls.append(Control(scenario=scenario.name, figure=figure, found=judged))
        return controls, machine

    def measurements(
        self, model_pair: ModelPair, pair: Pair, num_cells: int
    ) -> Iterator[Measurement]:
        """Yield every scenario of a contest, in the full profile language by language."""
        task, (a, b) = model_pair.settings.name, pair
        for scenario in self.profile.scenarios:
            for language in model_pair.workload.rows if self.profile.by_language else ("",):
                self.tell(f"{task} {language}: {scenario.name}")
                workload = model_pair.workload.only(language) if language else model_pair.workload
                watch = Watch()
                measured = self.measure(pair, workload, scenario, num_cells, task + language)
                yield Measurement(
                    task=task,
                    language=language,
                    scenario=scenario,
                    measured=measured,
                    conditions=watch.conditions(),
                    weight_bytes=(a.weight_bytes(), b.weight_bytes()),
                    peak_bytes=tuple(self._peaks(pair, workload, scenario)),
                )

    def loadgen(self, model_pair: ModelPair, pair: Pair) -> Iterator[LoadGenRun]:
        """Yield what LoadGen says of each model in every scenario, Server last."""
        profile, task = self.profile, model_pair.settings.name
        per_language = -(-profile.load_queries // len(model_pair.workload.rows))
        requests = model_pair.workload.draw(per_language, self._rng(task, "loadgen"))
        asked = Load(scenario="", num_queries=profile.load_queries, least_s=profile.load_s)
        runs = []
        for scenario in profile.scenarios:
            size = scenario.requests_per_query or 1
            load = replace(asked, scenario=scenario.name, requests_per_query=size, seed=self.seed)
            self.tell(f"{task}: LoadGen, {scenario.name}")
            runs += [run_load(each, requests, load) for each in pair]
        if profile.server:
            self.tell(f"{task}: LoadGen, {SERVER}")
            bound_s = SERVER_BOUND * runs[0].percentiles_s["p50"]
            load = replace(asked, scenario=SERVER, bound_s=bound_s, seed=self.seed)
            runs += [highest_rate(each, requests, load) for each in pair]
        for number, run in enumerate(runs):
            yield replace(run, task=task, model="ab"[number % 2])

    def splits(self, model_pair: ModelPair, pair: Pair) -> Iterator[LatencyBreakdown]:
        """Yield where a change of written answers' time comes from; nothing for other answers."""
        if not model_pair.settings.writes:
            return
        self.tell(f"{model_pair.settings.name}: prefill, tokens, time per token")
        count = self.profile.split_requests
        yield from splits(pair, model_pair.workload, model_pair.settings.name, count, self.seed)

    def _peaks(
        self, pair: Pair, workload: Workload, scenario: Scenario
    ) -> Iterator[tuple[int, int]]:
        """Yield the memory that a scenario's queries take beyond the weights, A's and B's."""
        requests = workload.draw(
            scenario.requests_per_query or 4, self._rng(scenario.name, "peaks")
        )
        size = scenario.requests_per_query or len(requests)
        rows = [each.row for each in requests]
        for turn in range(1 + FEWEST_BLOCKS):
            found = []
            for answerer in pair:
                ask = partial(_answer_all, answerer, rows, size)
                gc.collect()
                found.append(peak_bytes(ask))
            if found[0] is None or found[1] is None:
                return
            if turn:  # the first one also pays for what the allocator then keeps
                yield found[0], found[1]


def _answer_all(answerer: Predictor, rows: Sequence[Any], size: int) -> None:
    for start in range(0, len(rows), size):
        answerer.answer(rows[start : start + size])
