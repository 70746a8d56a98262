"""Sessions: what the clock is spent on, what stops it, what a later session need not do again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import log
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from recorded import Recorded, noisy, rng
from test_compare import STATE, instrument, measurement

from stiltwalk.inference.predictor import Delayed, Spent
from stiltwalk.timing import compare as comparing
from stiltwalk.timing import machine, session
from stiltwalk.timing.blocks import Along, Bench, KeptBlocks, controlled
from stiltwalk.timing.compare import compare, judged_cells, told_anyway
from stiltwalk.timing.loadgen import Load
from stiltwalk.timing.record import (
    VOID,
    InstrumentTest,
    KeptPass,
    LoadGenRun,
    MachineState,
    Speed,
)
from stiltwalk.timing.sample_size import OFFLINE, QUICK, SINGLE_STREAM, Figure
from stiltwalk.timing.session import DELAYS, ModelPair, Session
from stiltwalk.timing.structure import Structure
from stiltwalk.timing.tost import Verdict
from stiltwalk.timing.workload import Workload

WORKLOAD = Workload({"de": range(10), "zh": range(10, 20)})
PROFILE = replace(QUICK, block_s=0.1, look_s=1.0)
SAME = Structure(
    architecture="M", config={}, weights={}, tokenizer="", attention="",
    operations={"addmm": 214}, flops={"": 1000}, row_tokens=64.0,
)  # fmt: skip


class Timed(Recorded):
    """A recorded system that says what it weighs."""

    def weight_bytes(self) -> int:
        return 4


class Known(Delayed):
    """A delayed system that does not wait: its times are written down."""

    def answers(self, requests: Sequence[Any]) -> list[Spent]:
        spent = self.system.answer(requests)
        return [replace(spent, time_s=spent.time_s * (1 + share)) for share in self.shares]


@dataclass
class World:
    """Two models of some tasks, and the machine around them."""

    a: Timed = field(default_factory=lambda: Timed("A", noisy(0.01, 0.01, 1)))
    b: Timed = field(default_factory=lambda: Timed("B", noisy(0.01, 0.01, 2)))
    again: Timed = field(default_factory=lambda: Timed("A again", noisy(0.01, 0.01, 3)))
    looks: Iterator[MachineState] = field(default_factory=lambda: iter([STATE]))

    def compare(self, **how: Any) -> Speed:  # noqa: ANN401
        pairs = [
            SimpleNamespace(
                task=task, workload=WORKLOAD, load=lambda: (self.a, self.b), folders=("a", "b"),
                settings=[SimpleNamespace(writes=False, precision="fp32", computes="fp32")] * 2,
            )
            for task in ("xnli", "panx")
        ]  # fmt: skip
        how = {"profile": PROFILE, "num_threads": 1, "seed": 1} | how
        return compare(cast("list[ModelPair]", pairs), ("a", "b"), Session(**how))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr(comparing, "_structures", lambda _: (SAME, SAME))
    monkeypatch.setattr(comparing, "_texts", lambda *_: ())
    monkeypatch.setattr(comparing, "second_name", lambda _: Known(made.again, DELAYS))
    monkeypatch.setattr(Session, "loadgen", lambda *_: ())
    monkeypatch.setattr(session, "peak_bytes", lambda _: None)
    monkeypatch.setattr(machine, "look", lambda _: next(made.looks))
    monkeypatch.setattr(session, "Watch", lambda: SimpleNamespace(state=lambda _: STATE))
    two = SimpleNamespace(**vars(machine.os) | {"cpu_count": lambda: 2})
    monkeypatch.setattr(machine, "os", two)
    return made


def test_the_first_case_of_every_scenario_tests_the_instrument_in_its_own_blocks(
    world: World,
) -> None:
    speed = world.compare()
    assert [(each.task, each.verdict) for each in speed.cells] == [
        *[("xnli", "EQUIVALENT")] * 2,
        *[("panx", "EQUIVALENT")] * 2,
    ]
    tests = {each.scenario: each for each in speed.instrument_tests}
    assert tests.keys() == {"SingleStream", "Offline"}
    for each in tests.values():
        assert each.aa.verdict == Verdict.EQUIVALENT
        assert each.delay_5.ratio == pytest.approx(1.05, rel=0.005)
        assert each.delay_2.ratio == pytest.approx(1.02, rel=0.005)
        assert each.aa.num_blocks == speed.cells[0].judged.num_blocks
    assert not speed.reason
    assert not speed.not_timed


def test_the_first_test_that_fails_ends_the_session_with_its_reason(world: World) -> None:
    world.again.time_s = noisy(0.011, 0.01, 3)
    speed = world.compare()
    assert [each.verdict for each in speed.cells] == [VOID]
    assert "One model under two names did not come out as EQUIVALENT" in speed.reason
    assert speed.summary[0] == speed.reason
    assert [(each.task, each.scenario) for each in speed.not_timed] == [
        ("xnli", "Offline"),
        ("panx", "SingleStream"),
        ("panx", "Offline"),
    ]
    assert not speed.is_worth_trying_again


def test_without_a_clock_what_is_computed_is_told_all_the_same(world: World) -> None:
    speed = world.compare(budget_s=0)
    assert not world.a.log
    assert speed.operations["panx"][1].kernels == 214
    assert len(speed.not_timed) == 4
    assert "measure.budget_s" in speed.reason
    assert any("panx: the same computation: 214 operations" in each for each in speed.summary)


def test_what_the_budget_does_not_reach_is_told_with_what_it_would_take(world: World) -> None:
    world.a.time_s = world.b.time_s = lambda rows: 60.0 * len(rows)
    speed = world.compare(budget_s=60)
    assert not speed.cells
    assert {each.why for each in speed.not_timed} == {"the budget of 60 s does not reach it"}
    assert all((each.needs_s or 0) > 1000 for each in speed.not_timed)
    assert any("A verdict takes about" in each for each in speed.summary)


def test_a_busy_machine_is_told_at_once_or_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = replace(STATE, elsewhere=0.87)
    world.looks = iter([busy])
    speed = world.compare()
    assert speed.reason == "The machine was 87% busy: run again when it is idle."
    assert speed.is_worth_trying_again
    assert not world.a.log
    slept: list[float] = []
    monkeypatch.setattr(machine.time, "sleep", slept.append)
    world.looks = iter([busy, busy, STATE, STATE, STATE])
    assert not world.compare(wait=True, budget_s=None).reason
    assert slept


@pytest.mark.parametrize(("busy", "serves"), [(0.0, True), (0.3, False)])
def test_a_pass_serves_a_session_on_a_machine_that_is_no_busier(
    world: World, busy: float, serves: bool
) -> None:
    world.looks = iter([replace(STATE, elsewhere=busy)])
    tests = (instrument(), replace(instrument(), scenario="Offline", figure=Figure.TIME))
    speed = world.compare(passed=KeptPass(tests=tests, busy=0.0, unix_s=7.0))
    assert (speed.tested_unix_s == 7.0) == serves
    assert (world.again.moves == 0) == serves
    assert {each.verdict for each in speed.cells} == {"EQUIVALENT"}


def test_a_session_that_was_killed_goes_on_with_the_blocks_that_it_kept(tmp_path: Path) -> None:
    def times(factor: float) -> Recorded:
        chance = {row: 1 + 0.02 * rng(row).uniform(-1, 1) for row in range(20)}
        return Recorded("", lambda rows: factor * 0.01 * sum(chance[row] for row in rows))

    def run(a: Recorded, file: Path) -> list[float]:
        along = Along(place="here", kept=KeptBlocks(file))
        bench = Bench((a, times(1.0)), WORKLOAD, SINGLE_STREAM, PROFILE, rng(), along)
        return bench.measure([0.03], 1).log_ratios(Figure.TIME)

    with controlled(1):
        whole, broken = times(1.1), times(1.1)
        expected = run(whole, tmp_path / "whole.jsonl")
        last = iter(range(150))
        time_s = broken.time_s
        broken.time_s = lambda rows: time_s(rows) + 0 * next(last)
        with pytest.raises((StopIteration, RuntimeError)):
            run(broken, tmp_path / "broken.jsonl")
        with (tmp_path / "broken.jsonl").open("a") as file:
            file.write('\n["here", {"langu')
        kept = len(KeptBlocks(tmp_path / "broken.jsonl").of("here"))
        assert kept
        assert run(times(1.1), tmp_path / "broken.jsonl") == pytest.approx(expected)


def test_an_effect_that_dwarfs_what_the_instrument_was_off_by_is_told() -> None:
    bad: tuple[InstrumentTest, ...] = (instrument(aa=1.06),)
    (large, *_), (small, *_) = (
        judged_cells([measurement("xnli", ratio)], bad, "cpu") for ratio in (1.6, 1.1)
    )
    assert large.verdict == small.verdict == VOID
    (told,) = told_anyway([large, small], bad, "a", "b")
    assert "b is at least 5" in told
    assert "slower than a" in told
    assert not list(told_anyway([large], (instrument(),), "a", "b"))


@pytest.mark.parametrize(("agrees_at", "shown"), [(0, 2), (2, 2), (3, 0)])
def test_absolute_figures_that_contradict_their_verdict_are_measured_again_or_left_out(
    monkeypatch: pytest.MonkeyPatch, agrees_at: int, shown: int
) -> None:
    asked: list[str] = []

    def run_load(system: str, _requests: object, _load: Load) -> LoadGenRun:
        asked.append(system)
        is_off = system == "b" and len(asked) <= 2 * agrees_at
        return LoadGenRun(
            scenario="SingleStream", num_queries=64, percentiles_s={"p50": 0.01 + 0.004 * is_off},
            requests_per_s=100.0, rate_per_s=None, bound_s=None, kept_bound=False,
        )  # fmt: skip

    monkeypatch.setattr(session, "run_load", run_load)
    pair = cast("Any", ("a", "b"))
    found = session._agreeing(pair, [], Load(scenario="", num_queries=1), log(0.999))
    assert len(found) == shown
    assert asked == ["a", "b"] * min(agrees_at + 1, 3)


def test_a_large_request_gets_as_many_blocks_as_a_verdict_needs() -> None:
    assert QUICK.most_s >= 1800
    assert {OFFLINE, SINGLE_STREAM} == set(QUICK.scenarios)
