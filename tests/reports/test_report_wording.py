"""Tests for stiltwalk.reports.wording, counted tokens, and data for the page's script."""

import ast
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from synthetic import make_run

import stiltwalk
from stiltwalk.reports.costs import tokens_per_arm, tokens_per_language
from stiltwalk.reports.wording import (
    MINUS,
    duration,
    figures,
    language_name,
    notices,
    percent,
    points,
)
from stiltwalk.tables.html import json_block
from stiltwalk.wording import rounded


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


def test_tokens_are_summed_over_stages_and_no_clock_takes_part() -> None:
    run = make_run(arms=("none",), targets=("xnli",), seeds=(1, 2))
    rows = [each.row for each in run.timings]
    real = sum(row.real_tokens for row in rows)
    slow = tuple(replace(e, row=replace(e.row, time_s=9 * e.row.time_s)) for e in run.timings)
    (found,) = tokens_per_arm(run)
    assert (found,) == tokens_per_arm(replace(run, timings=slow))
    assert found.num_examples == 2 * 15 * 200
    assert found.tokens_per_example == pytest.approx(real / found.num_examples)
    assert found.padding == pytest.approx(1 - real / sum(row.padded_tokens for row in rows))
    assert {language for _, _, language in tokens_per_language(run)} == {e.language for e in rows}


def test_nothing_is_rounded_but_by_the_one_function() -> None:
    """A format of its own shows minus zero, or a hyphen for a minus."""
    own = [
        f"{file.name}: {ast.unparse(node)}"
        for room in ("reports", "tables")
        for file in (Path(stiltwalk.__file__).parent / room).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FormattedValue)
        and re.search(r"\.\d[f%]'$", ast.unparse(node.format_spec or ast.Constant("")))
        and file.name not in {"html.py", "latex.py"}  # where things lie, not what they are
    ]
    assert not own


@pytest.mark.parametrize("value", [-0.0, -0.0004, -1e-12, 0.0004])
def test_what_rounds_to_zero_has_no_sign(value: float) -> None:
    for text in (percent(value), points(value), rounded(value, 2), rounded(value, 0, signed=True)):
        assert not {"-", "+", MINUS} & set(text)


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
