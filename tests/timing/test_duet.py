"""Two systems at the same time, and how a pilot chooses between that and turns."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from recorded import Recorded, noisy, rng
from test_sessions import Known

from stiltwalk.errors import ProcessLost
from stiltwalk.inference.predictor import Spent, System
from stiltwalk.timing import blocks, duet, session
from stiltwalk.timing.blocks import Along, Bench, KeptBlocks, controlled
from stiltwalk.timing.duet import Duet, two_cores
from stiltwalk.timing.sample_size import OFFLINE, QUICK, SINGLE_STREAM, Figure
from stiltwalk.timing.session import DELAYS
from stiltwalk.timing.tost import Verdict, judge
from stiltwalk.timing.workload import Workload

WORKLOAD = Workload({"de": range(10), "zh": range(10, 20)})
HERE = (min(os.sched_getaffinity(0)),) * 2
"""Whichever cores there are: the times of these systems are written down."""


@pytest.fixture(autouse=True)
def _controlled() -> Iterator[None]:
    with controlled(1):  # collecting garbage takes long where all of torch may be garbage
        yield


def recorded(mean_s: float = 0.01, seed: int = 1) -> Recorded:
    return Recorded("M", noisy(mean_s, 0.01, seed))


def bench(*systems: Any, mode: Any = "duet", **how: Any) -> Bench:  # noqa: ANN401
    given = {"profile": QUICK, "scenario": SINGLE_STREAM} | how
    return Bench(systems, WORKLOAD, rng=rng(), mode=mode, cores=HERE, **given)


@pytest.mark.parametrize("scenario", [SINGLE_STREAM, OFFLINE])
def test_all_that_is_known_is_found_of_two_at_once(scenario: Any) -> None:  # noqa: ANN401
    again = Known(recorded(seed=3), DELAYS)
    found = bench(recorded(), recorded(0.0125, 2), again, scenario=scenario).measure([0.03], 1)
    assert found.mode == "duet"
    figure = scenario.figures[0]
    assert judge(found.against(1).log_ratios(figure), 0.03).ratio == pytest.approx(1.25, rel=0.01)
    (test,) = session.tests_in(found, scenario, 2, "cpu")
    assert (test.mode, test.why_void) == ("duet", ())
    assert test.delay_2.ratio == pytest.approx(1.02, rel=0.005)


def test_every_system_is_compared_with_what_was_asked_at_its_time() -> None:
    asked = iter(range(1000))
    a = Recorded("A", lambda _: 1.0 + (next(asked) % 5 > 2))
    benched = bench(a, Recorded("B", lambda _: 1.0), Known(Recorded("A2", lambda _: 2.0), DELAYS))
    with Duet(benched.systems, HERE) as both:
        block = benched._duet_block(both, 1, rng())
    assert block.times_s_SQT.shape == (6, 2, 2)
    assert block.partners == (0, 0, 5, 5, 5, 5)
    assert block.against(2).times_s_SQT[0].tolist() == block.times_s_SQT[5].tolist()
    assert np.all(block.against(3).times_s_SQT[1] == 2.0 * 1.02)


def test_systems_run_on_cores_that_are_swapped(monkeypatch: pytest.MonkeyPatch) -> None:
    pinned = [0]
    monkeypatch.setattr(
        duet.os, "sched_setaffinity", lambda _, cores: pinned.__setitem__(0, *cores)
    )
    systems = [Recorded(name, lambda _: float(pinned[0])) for name in "AB"]
    with Duet(systems, (4, 7)) as both:
        both.move(0)
        turns = both.turns((0, 1), [[1], [2]])
    times = [[[each[0].time_s for each in turn] for turn in system] for system in turns]
    assert times == [[[4, 4], [7, 7]], [[7, 7], [4, 4]]]


def test_a_process_that_dies_is_told() -> None:
    dies = Recorded("B", lambda _: os._exit(1))  # type: ignore[arg-type]
    with Duet([recorded(), dies], HERE) as both, pytest.raises(ProcessLost, match="alternating"):
        both.turns((0, 1), [[1]])


def test_one_core_several_threads_or_a_closed_system_leave_turns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(duet.os, "sched_getaffinity", lambda _: {3, 5})
    monkeypatch.setattr(duet, "_place", lambda core: (str(core),))
    assert two_cores(1) == (3, 5)
    assert two_cores(2) is None
    monkeypatch.setattr(duet.os, "sched_getaffinity", lambda _: {3})
    assert two_cores(1) is None
    found = replace(bench(recorded(), recorded(seed=2)), cores=None).measure([0.03], 1)
    assert found.mode == "alternating"


def spent(time_s: float) -> Spent:
    return Spent(
        time_s=time_s,
        tokenise_s=0.0,
        forward_s=time_s,
        decode_s=0.0,
        real_tokens=1,
        padded_tokens=1,
    )


class Clocked:
    """A clock that systems turn: none is read, and nobody waits."""

    now_s = 0.0

    def perf_counter(self) -> float:
        return self.now_s

    def system(self, request_s: float, move_s: float, spread: float, seed: int) -> System:
        """Return a system whose requests take so long, and vary as blocks do."""
        chance = np.random.default_rng(seed)
        block = [1.0]

        def move() -> None:
            self.now_s += move_s
            block[0] = float(np.exp(spread * chance.standard_normal()))

        def answer(rows: Any) -> Spent:  # noqa: ANN401
            time_s = request_s * len(rows) * block[0]
            self.now_s += time_s
            return spent(time_s)

        return SimpleNamespace(move=move, answer=answer)  # type: ignore[return-value]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clocked:
    made = Clocked()
    monkeypatch.setattr(blocks, "time", made)
    return made


def test_a_model_of_a_hundred_million_parameters_is_decided_within_ten_minutes(
    clock: Clocked,
) -> None:
    told: list[tuple[float, str]] = []
    along = Along(tell=lambda line: told.append((clock.now_s, line)))
    four = Workload({code: range(10) for code in ("ar", "de", "en", "zh")})
    for scenario in (SINGLE_STREAM, OFFLINE):
        systems = [clock.system(0.025, 0.15, 0.04, seed) for seed in (1, 2)]
        again = Known(clock.system(0.025, 0.15, 0.04, 3), DELAYS)
        benched = Bench((*systems, again), four, scenario, QUICK, rng(), along)
        found = benched.measure([0.03], 4)
        judged = [judge(found.against(1 + n).log_ratios(scenario.figures[0]), 0.03) for n in (0, 1)]
        assert [each.verdict for each in judged] == [Verdict.EQUIVALENT] * 2
        assert 60 < len(found.blocks) < 200
    assert clock.now_s < 600
    assert told[0][0] < 120
    assert "a verdict takes" in told[0][1]


def test_what_cannot_be_decided_here_is_told_within_two_minutes(clock: Clocked) -> None:
    told: list[tuple[float, str]] = []
    along = Along(tell=lambda line: told.append((clock.now_s, line)))
    slow = [clock.system(3.0, 1.0, 0.1, seed) for seed in (1, 2)]
    profile = replace(QUICK, warm_up_windows=3, patience_s=0.0, most_s=600.0)
    Bench(tuple(slow), WORKLOAD, SINGLE_STREAM, profile, rng(), along).measure([0.03], 1)
    assert told[0][0] < 200
    assert "min" in told[0][1]


@pytest.mark.parametrize(
    ("noise", "mode"), [((0.02, 0.002), "duet"), ((0.002, 0.08), "alternating")]
)
def test_the_pilot_chooses_what_decides_sooner(
    noise: tuple[float, float], mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the spread of either way's blocks: which one is calmer differs from machine to machine."""

    def block(spread: float) -> Callable[..., Any]:
        def made(_: Bench, *given: Any) -> blocks.Block:  # noqa: ANN401
            ratio = float(np.exp(spread * given[-1].standard_normal()))
            times = np.array([[[1.0, 1.0]], [[ratio, ratio]]])
            return blocks.Block(("",), 2, times, (spent(1.0),) * 2, took_s=1.0)

        return made

    monkeypatch.setattr(Bench, "_block", block(noise[0]))
    monkeypatch.setattr(Bench, "_duet_block", block(noise[1]))
    found = bench(recorded(), recorded(seed=2), mode="auto").measure([0.03], 1)
    assert found.mode == mode


def test_a_session_that_goes_on_keeps_both_pilots(tmp_path: Any) -> None:  # noqa: ANN401
    def measured() -> Any:  # noqa: ANN401
        along = Along(place="here", kept=KeptBlocks(tmp_path / "blocks"))
        return bench(recorded(), recorded(seed=2), mode="auto", along=along).measure([0.03], 1)

    first = measured()
    lines = (tmp_path / "blocks").read_text().split()
    again = measured()
    assert (tmp_path / "blocks").read_text().split() == lines
    assert again.mode == first.mode
    assert again.log_ratios(Figure.P50) == first.log_ratios(Figure.P50)
