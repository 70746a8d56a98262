"""Tests for stiltwalk.report.weighed and page_verdicts: what paired comparisons come to."""

from dataclasses import replace

import pytest
from synthetic import make_run

from stiltwalk.measure.controls import Controls
from stiltwalk.measure.profiles import Figure
from stiltwalk.measure.speed import VOID, Cell, Control, Cost, Design, Quality, Speed
from stiltwalk.measure.summary import summarise
from stiltwalk.measure.verdicts import Judged, Verdict
from stiltwalk.report.page_verdicts import verdicts, weighing
from stiltwalk.report.rows import RunRows
from stiltwalk.report.weighed import weighed

FIGURES = {Figure.P50: "SingleStream", Figure.TIME: "Offline"}


def judged(ratio: float, verdict: Verdict) -> Judged:
    return Judged(
        verdict=verdict, ratio=ratio, low=ratio - 0.01, high=ratio + 0.01, margin=0.03,
        num_blocks=24, spread=0.01, p_equivalent=0.01, p_differs=0.5, differs=False,
    )  # fmt: skip


def compared(b: str, ratio: float, verdict: str, *, a_s: float = 0.01, quality: float) -> Speed:
    seen = Verdict(verdict) if verdict != VOID else Verdict.INCONCLUSIVE
    void = ("The controls failed.",) * (verdict == VOID)
    cells = tuple(
        Cell(
            task="xnli", language="", scenario=scenario, figure=figure, verdict=verdict, a_s=a_s,
            b_s=a_s * ratio, judged=judged(ratio, seen), wanted_blocks=24,
        )
        for figure, scenario in FIGURES.items()
    )  # fmt: skip
    controls = Controls(
        aa=judged(1.0, Verdict.EQUIVALENT),
        delay_5=judged(1.05, Verdict.SLOWER),
        delay_2=judged(1.02, Verdict.INCONCLUSIVE),
    )
    costs = tuple(
        Cost(
            task="xnli", language="", scenario="Offline", model=model, tokenise_s=0.0,
            forward_s=a_s, decode_s=0.0, real_tokens=30.0, padded_tokens=31.0,
            weight_bytes=4_000_000, peak_bytes=None,
        )
        for model in "ab"
    )  # fmt: skip
    return Speed(
        a="mini:none",
        b=b,
        question=f"What does {b} cost at inference time, against mini:none?",
        design=Design(
            profile="quick", device="cpu", num_threads=1, precision="fp32", seed=1,
            margins={Figure.P50: 0.03}, most_blocks=200, most_s=60.0,
        ),
        controls=(Control(scenario="Offline", figure=Figure.TIME, found=controls),),
        void=void,
        structure={"xnli": ()},
        cells=cells,
        languages=(),
        costs=costs,
        quality=(
            Quality(task="xnli", language="de", metric="accuracy", a=0.8, b=quality),
        ),
        machine=(),
        time_s=100.0,
        summary=tuple(summarise(cells, void, "mini:none", b)),
    )  # fmt: skip


def run_with(*comparisons: Speed) -> RunRows:
    return replace(make_run(arms=("none", "mnli"), targets=("xnli",)), comparisons=comparisons)


def test_every_verdict_stands_with_its_interval_and_margin() -> None:
    text = verdicts(run_with(compared("mini:mnli", 1.0, "EQUIVALENT", quality=0.82)))
    assert text.count('<span class="badge yes">EQUIVALENT</span>') == 2 + 1
    assert "0.990 to 1.010" in text
    assert "3 %" in text
    assert "all 2 EQUIVALENT" in text
    assert "structurally identical" in text


def test_a_void_measurement_says_so_first() -> None:
    text = verdicts(run_with(compared("mini:mnli", 1.0, VOID, quality=0.82)))
    assert text.index("VOID: the instrument failed") < text.index("<table")
    assert "The controls failed." in text


def test_a_void_measurement_is_not_weighed() -> None:
    assert weighing(run_with(compared("mini:mnli", 1.0, VOID, quality=0.82))) == ""


def test_names_of_models_stay_text() -> None:
    text = verdicts(run_with(compared("<b>x</b>", 1.2, "SLOWER", quality=0.8)))
    assert "<b>x</b>" not in text
    assert "&lt;b&gt;x&lt;/b&gt;" in text


def test_models_of_several_comparisons_meet_over_their_common_first() -> None:
    rows = list(
        weighed(
            run_with(
                compared("mini:mnli", 1.0, "EQUIVALENT", quality=0.82),
                compared("mini:lora", 1.25, "SLOWER", a_s=0.02, quality=0.81),
            )
        )
    )
    assert [each.model for each in rows] == ["mini:none", "mini:mnli", "mini:lora"]
    lora = rows[2].system
    assert lora.latency == pytest.approx(0.0125)  # by its ratio, not by its own session's clock
    assert lora.throughput == pytest.approx(80.0)
    assert [each.is_on_front for each in rows] == [False, True, False]
    assert rows[0].anchored == 1.0
    assert rows[2].anchored == pytest.approx((0.81 / 0.8 / 1.25 / 1.25) ** 0.25)


def test_a_run_without_comparisons_has_no_such_part() -> None:
    run = run_with()
    assert verdicts(run) == weighing(run) == ""
