"""Tests for stiltwalk.reports.wording, observed speed, and data for the page's script."""

import json
import re
from dataclasses import replace

import pytest
from synthetic import make_run

from stiltwalk.reports.costs import speed_per_arm, speed_per_language
from stiltwalk.reports.wording import (
    duration,
    figures,
    language_name,
    notices,
    percent,
    points,
)
from stiltwalk.tables.html import json_block


def test_percent_and_points_carry_a_real_minus() -> None:
    assert percent(0.8424) == "84.2"
    assert points(-0.0123) == "\N{MINUS SIGN}1.2"
    assert points(0.018) == "+1.8"


def test_a_gain_too_small_to_see_has_no_sign() -> None:
    assert points(-0.0004) == points(0.0004) == "0.0"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(3.21, "3.2 s"), (59.96, "1 min 0 s"), (95, "1 min 35 s"), (7325, "2 h 2 min")],
)
def test_durations_read_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_measured_quantities_keep_three_figures() -> None:
    assert [figures(each) for each in (57240.4, 99.96, 32.0, 0.5601)] == [
        "57,240", "100", "32.0", "0.560",
    ]  # fmt: skip


def test_unknown_languages_keep_their_code() -> None:
    assert language_name("sw") == "Swahili"
    assert language_name("q1") == "q1"


def test_a_data_block_cannot_be_ended_from_inside() -> None:
    value = {"name": "</script><!--&\u2028"}
    block = json_block("x", value)
    assert block.count("<") == 2
    inside = re.fullmatch(r"<script [^>]*>(.*)</script>", block)
    assert inside is not None
    assert json.loads(inside[1]) == value


def test_speed_is_summed_over_stages_and_counts_real_tokens() -> None:
    run = make_run(arms=("none",), targets=("xnli",), seeds=(1, 2))
    (speed,) = speed_per_arm(run)
    rows = [each.row for each in run.timings]
    real, time_s = sum(r.real_tokens for r in rows), sum(r.time_s for r in rows)
    assert speed.num_examples == 2 * 15 * 200
    assert speed.tokens_per_s == pytest.approx(real / time_s)
    assert speed.padding == pytest.approx(1 - real / sum(r.padded_tokens for r in rows))
    assert [each.language for each in speed_per_language(run)] == sorted(
        {row.language for row in rows}
    )


RUN = replace(make_run(), miniature=False, limited="")


def test_the_papers_own_dev_sets_are_flagged() -> None:
    (said,) = notices(replace(RUN, dev="published"))
    assert said.startswith("Dev sets as in the paper: checkpoints for xquad, mlqa, tydiqa are")


def test_an_intermediate_phase_that_saw_a_targets_held_out_rows_is_flagged() -> None:
    (said,) = notices(RUN)
    assert said.startswith("Dev rows of xquad, mlqa are training rows of SQuAD, held out")
    assert "The intermediate phase of “squad_v1”, “all” trained on them" in said


def test_a_clean_choice_needs_no_notice() -> None:
    assert not notices(replace(RUN, targets=("xnli", "tydiqa")))
    assert not notices(replace(RUN, targets=("xnli",), dev="published"))
    assert not notices(replace(make_run(), limited="", dev="published"))[1:]
