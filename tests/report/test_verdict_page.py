"""Tests for stiltwalk.report.weighed and page_verdicts: what paired comparisons come to."""

import re
from dataclasses import replace

import pytest
from compared import compared

from stiltwalk.measure.speed import VOID
from stiltwalk.report.page_verdicts import banner, verdicts, weighing
from stiltwalk.report.weighed import weighed

EQUAL = compared("mini:mnli", 1.0, "EQUIVALENT", quality=0.82)
VOIDED = compared("mini:mnli", 1.0, VOID, quality=0.82)


def test_every_verdict_stands_with_its_interval_and_margin() -> None:
    text = verdicts([EQUAL])
    assert text.count('<span class="badge yes">EQUIVALENT</span>') == 2 + 1
    assert "0.990 to 1.010" in text
    assert "3 %" in text
    assert "all 2 EQUIVALENT" in text
    assert "structurally identical" in text


def test_an_interval_is_drawn_where_it_lies() -> None:
    slow = compared("mini:lora", 1.05, "SLOWER", quality=0.8)
    (first, *_) = re.findall(r'class="bar" d="M([\d.]+) 8H([\d.]+)"', verdicts([slow]))
    left, right = map(float, first)
    assert 60 < left < right <= 118  # to the right of 1, and inside the picture
    (band, *_) = re.findall(r'class="band" x="([\d.]+)" width="([\d.]+)"', verdicts([slow]))
    assert float(band[0]) < 60 < float(band[0]) + float(band[1]) < right


def test_an_interval_without_end_stays_inside_its_picture() -> None:
    (cell, *_) = EQUAL.cells
    wide = replace(cell, judged=replace(cell.judged, low=0.1, high=9.0))
    assert 'd="M2.0 8H118.0"' in verdicts([replace(EQUAL, cells=(wide,))])


def test_blocks_that_were_wanted_and_not_measured_are_told() -> None:
    (cell, *_) = EQUAL.cells
    text = verdicts([replace(EQUAL, cells=(replace(cell, wanted_blocks=194),))])
    assert "24<small>of 194 wanted</small>" in text
    assert "wanted" not in verdicts([EQUAL])


def test_a_verdict_that_may_not_be_quoted_alone_is_marked() -> None:
    (cell, *_) = EQUAL.cells
    weak = replace(cell, judged=replace(cell.judged, stands_alone=False))
    assert "EQUIVALENT</span> †" in verdicts([replace(EQUAL, cells=(weak,))])
    assert "†" not in verdicts([EQUAL])


def test_a_void_measurement_says_so_first() -> None:
    text = verdicts([VOIDED])
    assert text.index("VOID: the instrument failed") < text.index("<table")
    assert "The controls failed." in text
    half = replace(VOIDED, cells=(VOIDED.cells[0], EQUAL.cells[1]))
    assert "so no verdict counts" in banner(VOIDED)
    assert "so 1 of 2 verdicts do not count" in banner(half)


def test_a_void_measurement_is_not_weighed_and_the_page_says_why() -> None:
    assert weighing([VOIDED]) == (
        '<p class="missing">PER and the Pareto plot are missing: no comparison passed its own '
        "controls.</p>"
    )
    assert "no task has a score of both models" in weighing([replace(EQUAL, quality=())])


def test_names_of_models_stay_text() -> None:
    text = verdicts([compared("<b>x</b>", 1.2, "SLOWER", quality=0.8)])
    assert "<b>x</b>" not in text
    assert "&lt;b&gt;x&lt;/b&gt;" in text


def test_models_of_several_comparisons_meet_over_their_common_first() -> None:
    rows = list(weighed([EQUAL, compared("mini:lora", 1.25, "SLOWER", a_s=0.02, quality=0.81)]))
    assert [each.model for each in rows] == ["mini:none", "mini:mnli", "mini:lora"]
    lora = rows[2].system
    assert lora.latency == pytest.approx(0.0125)  # by its ratio, not by its own session's clock
    assert lora.throughput == pytest.approx(80.0)
    assert [each.is_on_front for each in rows] == [False, True, False]
    assert rows[0].anchored == 1.0
    assert rows[2].anchored == pytest.approx((0.81 / 0.8 / 1.25 / 1.25) ** 0.25)


def test_a_run_without_comparisons_has_no_such_part() -> None:
    assert verdicts([]) == weighing([]) == ""
