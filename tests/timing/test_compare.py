"""From blocks to verdicts, and what voids them; the record and its words."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from stiltwalk.errors import WorkspaceError
from stiltwalk.reports.pair_page import print_speed
from stiltwalk.timing.blocks import Block, Measured
from stiltwalk.timing.compare import judged_cells, judged_memory, summarise, why_void
from stiltwalk.timing.record import (
    VOID,
    Case,
    Design,
    InstrumentTest,
    MachineState,
    Speed,
    TimedCell,
    read_speed,
    write_speed,
)
from stiltwalk.timing.sample_size import Figure
from stiltwalk.timing.session import Measurement
from stiltwalk.timing.tost import Judged, judge

REQUESTS = 64
"""Of a block, so that it has a tail."""
STATE = MachineState(
    task="",
    language="",
    scenario="",
    load=0.1,
    elsewhere=0.0,
    steal_time=None,
    clock_mhz=None,
    temperature_c=None,
    energy_j=None,
    energy_counter="unavailable",
)


def measured(ratio: float, spread: float = 0.005) -> Measured:
    chance = np.random.default_rng(1)
    times_s_NSQT = np.array([[[[0.01]] * REQUESTS, [[0.01 * ratio]] * REQUESTS]] * 40)
    times_s_NSQT *= np.exp(spread * chance.standard_normal(times_s_NSQT.shape))
    blocks = tuple(Block(("de",) * REQUESTS, REQUESTS, times_s_SQT) for times_s_SQT in times_s_NSQT)
    return Measured(blocks=blocks, wanted_blocks=40, is_steady=True)


def measurement(task: str, ratio: float, spread: float = 0.005) -> Measurement:
    return Measurement(
        case=Case(task=task, language="", scenario="SingleStream"),
        figures=(Figure.P50, Figure.P90),
        measured=measured(ratio, spread),
        machine_state=STATE,
        weight_bytes=(4, 4),
        peak_bytes=((4, 4),) * 8,
    )


def said(ratio: float) -> Judged:
    return judge(measured(ratio).log_ratios(Figure.P50), 0.03)


def instrument(aa: float = 1.0, delay_5: float = 1.05) -> InstrumentTest:
    return InstrumentTest(
        scenario="SingleStream",
        figure=Figure.P50,
        aa=said(aa),
        delay_5=said(delay_5),
        delay_2=said(1.02),
    )


def both() -> tuple[InstrumentTest, ...]:
    return instrument(), replace(instrument(), figure=Figure.P90)


def cells(
    *measurements: Measurement, tests: tuple[InstrumentTest, ...] = ()
) -> tuple[TimedCell, ...]:
    return tuple(judged_cells(measurements, tests, "cpu"))


def test_a_cell_is_a_task_in_one_figure_of_one_scenario() -> None:
    found = cells(measurement("xnli", 1.0), measurement("panx", 1.2))
    assert [(each.task, each.figure, each.verdict) for each in found] == [
        ("xnli", "p50 latency", "EQUIVALENT"),
        ("xnli", "p90 latency", "EQUIVALENT"),
        ("panx", "p50 latency", "SLOWER"),
        ("panx", "p90 latency", "SLOWER"),
    ]


@pytest.mark.parametrize("bad", [instrument(aa=1.1), instrument(delay_5=1.0)])
def test_a_failed_test_of_the_instrument_voids_its_figure_and_says_why(bad: InstrumentTest) -> None:
    good = replace(instrument(), figure=Figure.P90)
    found = cells(measurement("xnli", 1.0), tests=(bad, good))
    assert [each.verdict for each in found] == [VOID, "EQUIVALENT"]
    assert "did not come out as" in next(iter(why_void([bad], [], "cpu")))


def test_an_instrument_that_passed_voids_nothing() -> None:
    assert not list(why_void(both(), [measurement("xnli", 1.0)], "cpu"))


def test_a_figure_that_the_instrument_was_not_tested_in_is_void() -> None:
    found = cells(measurement("xnli", 1.0), tests=(instrument(),))
    assert [each.verdict for each in found] == ["EQUIVALENT", VOID]
    assert "no test of the instrument had requests enough" in next(
        iter(why_void([instrument()], [measurement("xnli", 1.0)], "cpu"))
    )


def test_blocks_that_repeat_one_another_void_their_cells_and_say_so() -> None:
    held = measurement("xnli", 1.0)
    blocks = sorted(held.measured.blocks, key=lambda block: block.log_ratio(Figure.P50))
    drifting = replace(held, measured=replace(held.measured, blocks=tuple(blocks)))
    assert cells(drifting)[0].verdict == VOID
    reason = next(iter(why_void([], [drifting], "cpu")))
    assert re.match(r"xnli, SingleStream, p50 latency: 40 blocks worth [1-7] independent", reason)


def test_a_tail_without_requests_enough_is_no_cell() -> None:
    held = measurement("xnli", 1.0)
    brief = replace(held, measured=replace(held.measured, blocks=held.measured.blocks[:1] * 1))
    assert not cells(brief)


def test_times_that_never_became_steady_void_their_cells() -> None:
    steady = measurement("xnli", 1.0)
    unsteady = replace(steady, measured=replace(steady.measured, is_steady=False))
    assert {each.verdict for each in cells(unsteady)} == {VOID}
    assert "steady" in next(iter(why_void([], [unsteady], "cpu")))


def test_words_follow_from_verdicts() -> None:
    found = cells(
        measurement("xnli", 1.0), measurement("panx", 1.2), measurement("xquad", 1.0, spread=0.9)
    )
    words = " ".join(summarise(found, (), "base", "adapted"))
    assert "time ratio 1.200 (95 % interval 1.200 to 1.200)" in words
    assert "within the margin in 2 of 6 cells" in words
    assert "adapted is SLOWER than base in panx, SingleStream, p50 latency" in words
    assert "INCONCLUSIVE, which is no evidence of equality: xquad" in words
    assert "everywhere" not in words


def test_only_all_cells_make_it_equivalent_everywhere() -> None:
    equal = cells(measurement("xnli", 1.0))
    assert "everywhere: all 2 EQUIVALENT" in " ".join(summarise(equal, (), "a", "b"))
    void = cells(measurement("xnli", 1.0), tests=(instrument(aa=1.1),))
    words = " ".join(summarise(void, ("because.",), "a", "b"))
    assert words.startswith("VOID: because.")
    assert "everywhere" not in words


def comparison() -> Speed:
    found = cells(measurement("xnli", 1.0))
    return Speed(
        a="base",
        b="adapted",
        question="?",
        design=Design(
            profile="quick",
            device="cpu",
            num_threads=1,
            precision="fp32",
            seed=1,
            margins={Figure.P50: 0.03},
            most_blocks=240,
            most_s=1.0,
        ),
        instrument_tests=(instrument(),),
        void=(),
        structure={"xnli": ()},
        cells=found,
        languages=(),
        costs=(),
        machine_states=(),
        time_s=1.0,
        summary=("Fine.",),
    )


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    write_speed(comparison(), tmp_path / "speed.json")
    assert read_speed((tmp_path / "speed.json").read_text(encoding="utf-8")) == comparison()


def test_another_document_is_refused_with_a_sentence() -> None:
    with pytest.raises(WorkspaceError, match=r"no speed\.json of this version"):
        read_speed(json.dumps({"a": "base"}))


@pytest.mark.parametrize(
    ("b_bytes", "verdict"), [(1000, "EQUIVALENT"), (1020, "EQUIVALENT"), (1200, "SLOWER")]
)
def test_memory_is_judged_with_its_weights_and_its_own_margin(b_bytes: int, verdict: str) -> None:
    held = replace(measurement("xnli", 1.0), weight_bytes=(900, 900))
    (memory,) = judged_memory([replace(held, peak_bytes=((100, b_bytes - 900),) * 8)])
    assert (memory.a_bytes, memory.b_bytes) == (1000, b_bytes)
    assert (memory.judged.verdict, memory.judged.margin) == (verdict, 0.05)


def test_a_system_that_does_not_tell_its_memory_gets_no_verdict_about_it() -> None:
    assert not list(judged_memory([replace(measurement("xnli", 1.0), peak_bytes=())]))


def test_directions_of_memory_are_corrected_for_their_number() -> None:
    def holding(more: float) -> Measurement:
        b_bytes = [round(1e9 * np.exp(more + 0.26 * (-1) ** at)) for at in range(16)]
        held = replace(measurement("xnli", 1.0), weight_bytes=(0, 0))
        return replace(held, peak_bytes=tuple((10**9, each) for each in b_bytes))

    more = holding(0.2)
    (alone,) = judged_memory([more])
    among = next(judged_memory([more, *(holding(0.0) for _ in range(39))]))
    assert (alone.judged.verdict, among.judged.verdict) == ("SLOWER", "INCONCLUSIVE")
    assert 0.05 / 40 < alone.judged.p_differs < 0.05


def test_a_table_shows_every_cell_and_its_verdict() -> None:
    output = io.StringIO()
    print_speed(comparison(), Console(file=output, width=160))
    assert output.getvalue().count("EQUIVALENT") >= 2
    assert "structurally identical" in output.getvalue()
