"""Tests for stiltwalk.reports.answers: what the page says first, and that its rows say so."""

import re
from dataclasses import replace
from math import exp, log, sqrt

import pytest
from synthetic import make_run, table_of

from compared import compared, timed
from stiltwalk.reports.answers import ArmAnswer, answers, how_to_time, summed, told
from stiltwalk.reports.data import RunRows
from stiltwalk.reports.findings import findings
from stiltwalk.reports.sections.answer import arms
from stiltwalk.reports.write import report_texts
from stiltwalk.timing.record import VOID, MachineState, Speed
from stiltwalk.timing.sample_size import Figure

TARGETS = ("xnli", "pawsx")
RUN = make_run(arms=("none", "mnli", "squad_v1"), targets=TARGETS)
SAME: dict[str, tuple[str, ...]] = dict.fromkeys(TARGETS, ())


def speed(arm: str, ratio: float, verdict: str) -> Speed:
    return replace(compared(arm, ratio, verdict, quality=0.82), a="none", structure=SAME)


def by_structure(arm: str) -> Speed:
    return replace(
        speed(arm, 1.0, "EQUIVALENT"), cells=(), instrument_tests=(), costs=(), summary=()
    )


def answered(*comparisons: Speed, run: RunRows = RUN) -> tuple[tuple[ArmAnswer, ...], str]:
    run = replace(run, comparisons=comparisons)
    found = answers(run, table_of(run))
    return found, told(found, run, table_of(run))


def test_equal_speed_is_said_to_be_unchanged_with_ratio_interval_and_margin() -> None:
    _, text = answered(speed("mnli", 1.002, "EQUIVALENT"))
    assert text.startswith(
        "Intermediate training on mnli did not change latency or throughput: the same computation "
        "on 2 targets, latency ratio 1.002 (0.992\N{EN DASH}1.012), throughput ratio 0.998 "
        "(0.988\N{EN DASH}1.008), EQUIVALENT at 3 %, timed on xnli, the rest by structure alone; "
        "quality "
    )
    assert "squad_v1 was not measured: neither timed nor compared by structure" in text


def test_the_ratio_is_the_geometric_mean_over_tasks_and_throughput_its_inverse() -> None:
    one = speed("mnli", 1.0, "INCONCLUSIVE")
    cells = tuple(
        replace(cell, task=task, judged=timed(ratio))
        for cell in one.cells
        for task, ratio in zip(TARGETS, (1.1, 1.3), strict=True)
    )
    (mnli, *_), _ = answered(replace(one, cells=cells))
    assert mnli.latency
    assert mnli.throughput
    assert mnli.latency.ratio == pytest.approx(sqrt(1.1 * 1.3))
    assert mnli.throughput.ratio == pytest.approx(1 / sqrt(1.1 * 1.3))
    half = log(1.005) * sqrt(2) / 2
    assert mnli.latency.high == pytest.approx(mnli.latency.ratio * exp(half))
    assert mnli.throughput.low < mnli.throughput.ratio < mnli.throughput.high


def test_one_slower_task_among_equal_ones_is_not_equivalent() -> None:
    equal, slow = speed("mnli", 1.0, "EQUIVALENT"), speed("mnli", 1.04, "SLOWER")
    other = tuple(replace(cell, task="pawsx") for cell in slow.cells)
    (mnli, *_), text = answered(replace(equal, cells=(*equal.cells, *other)))
    assert mnli.latency
    assert mnli.latency.verdict == "1 EQUIVALENT, 1 SLOWER"
    assert "changed latency or throughput" in text


@pytest.mark.parametrize("verdict", ["INCONCLUSIVE", VOID])
def test_what_shows_nothing_is_no_evidence_of_equality(verdict: str) -> None:
    _, text = answered(speed("mnli", 1.0, verdict))
    assert "did not change latency or throughput" not in text


def test_one_figure_alone_is_answered_alone() -> None:
    record = speed("mnli", 1.0, "EQUIVALENT")
    (mnli, *_), text = answered(replace(record, cells=record.cells[:1]))
    assert "did not change latency: the same computation" in text
    assert "throughput not timed;" in text
    assert not mnli.void
    latency, offline = record.cells
    half = replace(record, cells=(latency, replace(offline, verdict=VOID)), void=("It failed.",))
    (mnli, *_), text = answered(half)
    assert "throughput VOID: It failed;" in text
    assert mnli.void == (Figure.TIME,)


def test_a_void_measurement_gives_its_reason_in_the_answer() -> None:
    void = speed("mnli", 1.0, VOID)
    (mnli, *_), text = answered(void)
    assert mnli.why == "The controls failed"
    assert "no answer about speed by the clock, VOID: The controls failed; by structure" in text
    state = MachineState(
        task="xnli", language="", scenario="Offline", load=2.0, elsewhere=0.8, steal_time=0.07,
        clock_mhz=None, temperature_c=None, energy_j=None, energy_counter="unavailable",
    )  # fmt: skip
    _, text = answered(replace(void, machine_states=(state,)))
    assert "VOID: the machine was 87 % busy: run again when idle" in text


def test_arms_that_nobody_timed_are_answered_by_structure_and_the_page_says_how_to_time() -> None:
    found, text = answered(by_structure("mnli"), by_structure("squad_v1"))
    assert text.startswith(
        "Intermediate training on mnli or squad_v1 did not change the computation: the same "
        "computation on 2 targets; not timed; quality "
    )
    assert "inside the noise in 1 other arm" in text
    (how,) = how_to_time(found, RUN)
    assert "stiltwalk compare mini:none mini:mnli" in how


def test_another_structure_is_summed_up() -> None:
    lora = (
        "x.*.lora_A (weight none → 8x64), 12 times: +1.95 % FLOPs, +24,576 bytes of weights",
    ) * 2
    _, text = answered(replace(by_structure("mnli"), structure={"xnli": lora, "pawsx": ()}))
    assert (
        "mnli changed the computation: another computation on 1 of 2 targets: LoRA adds 24 "
        "matrices, +3.9 % operations; not timed" in text
    )
    assert summed(
        ["another tokenizer, so other numbers of tokens for a text: no cost of its own"]
    ) == ("1 other difference")


def test_a_decoder_that_learnt_to_stop_is_not_said_to_do_the_same_work() -> None:
    written = {"none": 30, "mnli": 6, "squad_v1": 30}
    timings = tuple(
        replace(e, row=replace(e.row, written_tokens=written[e.arm] * e.row.num_examples))
        for e in RUN.timings
    )
    run = replace(RUN, timings=timings)
    found, text = answered(by_structure("mnli"), by_structure("squad_v1"), run=run)
    assert text.startswith(
        "Intermediate training on mnli changed how much is written: 6.0 written tokens an answer "
        "in place of 30.0, the same computation in each pass on 2 targets; not timed; quality "
    )
    assert "Intermediate training on squad_v1 did not change the computation" in text
    cells = arms(findings(replace(run, comparisons=(by_structure("mnli"),))), found[:1]).rows[0]
    assert [cell.text for cell in cells[2:]] == ["other answers"] * 2


def test_a_run_without_any_measurement_says_so_and_how_to_get_one() -> None:
    found, text = answered()
    assert "was not measured: neither timed nor compared by structure" in text
    assert list(how_to_time(found, RUN))


def test_quality_says_what_is_noise() -> None:
    for each in answered()[0]:
        assert each.gain
        assert each.gain.estimate
    assert "inside the noise" in answered()[1]


def test_tiles_paragraph_and_markdown_say_what_the_record_says() -> None:
    record = speed("mnli", 1.25, "SLOWER")
    _, texts = report_texts(replace(RUN, comparisons=(record,)))
    (p50,) = (cell for cell in record.cells if cell.figure is Figure.P50)
    for name in ("report.html", "report.md"):
        text = texts[name].partition("<script")[0]
        assert f"{p50.judged.ratio:.3f}" in text, name
        assert f"{1 / p50.judged.ratio:.3f}" in text, name
        assert f"{p50.judged.low:.3f}\N{EN DASH}{p50.judged.high:.3f}" in text, name
    assert re.findall(r'<div class="tile (\w+)"', texts["report.html"])[1:3] == ["worse", "worse"]
