"""Tests for stiltwalk.reports.pair_page: the page of two models."""

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

import stiltwalk
from compared import compared, judged
from stiltwalk import cli
from stiltwalk.reports.pair_page import pair_report
from stiltwalk.reports.wording import DASH, MINUS
from stiltwalk.reports.write import html, write_comparison
from stiltwalk.timing.record import (
    VOID,
    LanguageText,
    LoadGenRun,
    Memory,
    Quality,
    Speed,
    read_speed,
    write_speed,
)
from stiltwalk.timing.tost import Verdict

EQUAL = compared("mini:mnli", 1.0, "EQUIVALENT", quality=0.82)


def pair_page(speed: Speed) -> str:
    return html(pair_report(speed))


@pytest.fixture(scope="module")
def equal_page() -> str:
    return pair_page(EQUAL)


class Tables(HTMLParser):
    """The text of every cell of a page, row by row."""

    def __init__(self, text: str) -> None:
        """Read a whole page."""
        super().__init__(convert_charrefs=True)
        self.rows: list[list[str]] = []
        self._open = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        """Begin a row or a cell."""
        if tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"}:
            self.rows[-1].append("")
            self._open = True

    def handle_endtag(self, tag: str) -> None:
        """End a cell."""
        self._open = self._open and tag not in {"td", "th"}

    def handle_data(self, data: str) -> None:
        """Keep the text of a cell."""
        if self._open:
            self.rows[-1][-1] += data


def test_the_page_is_written_beside_the_record_and_says_the_same_each_time(
    equal_page: str, tmp_path: Path
) -> None:
    page = write_comparison(EQUAL, tmp_path)
    assert page == tmp_path / "speed.html"
    write_speed(EQUAL, tmp_path / "speed.json")
    assert read_speed((tmp_path / "speed.json").read_text()) == EQUAL
    assert equal_page == page.read_text()
    assert page.stat().st_size < 2_000_000


def test_speed_and_quality_answer_side_by_side(equal_page: str) -> None:
    text = equal_page
    assert "mini:mnli is as fast as mini:none within the margin everywhere" in text
    assert "xnli: mini:mnli scores 82.0 against 80.0 of mini:none (+2.0 points)" in text
    rows = Tables(text).rows
    assert ["xnli", "80.0", "82.0", "+2.0", "1", "0", "1"] in rows
    assert ["German (de)", "xnli", "80.0", "82.0", "+2.0"] in rows


def test_questions_show_the_mean_of_exact_match_and_f1() -> None:
    pairs = {"f1": (0.8, 0.7), "exact_match": (0.6, 0.5)}
    quality = tuple(
        Quality(task="xquad", language="th", metric=m, a=a, b=b) for m, (a, b) in pairs.items()
    )
    assert ["Thai (th)", "xquad", "70.0", "60.0", f"{MINUS}10.0"] in Tables(
        pair_page(replace(EQUAL, quality=quality))
    ).rows


def test_models_of_no_run_have_no_quality_and_the_page_says_so() -> None:
    text = pair_page(replace(EQUAL, quality=()))
    assert "no scores of both models are known" in text
    assert "PER and the Pareto plot are missing: no task has a score of both models" in text


def test_what_is_said_beside_void_verdicts_is_no_answer_about_speed() -> None:
    void = compared("mini:mnli", 1.0, VOID, quality=0.82)
    beside = "This is attempt 3 at this measurement; before it: 2 VOID in part or in all."
    text = pair_page(replace(void, summary=(*void.summary, beside)))
    assert text.count(beside) == 1
    assert "No answer about speed: the measurement failed its own tests." in text


def test_a_void_comparison_answers_nothing() -> None:
    text = pair_page(compared("mini:mnli", 1.0, VOID, quality=0.82))
    assert "No answer about speed: the measurement failed its own tests." in text


def test_the_miniature_is_told() -> None:
    banner = "Embedded miniature benchmark: not a research result."
    assert banner in pair_page(replace(EQUAL, data="mini"))
    assert banner not in pair_page(replace(EQUAL, data="hub"))


def test_a_model_against_itself_has_a_page_too() -> None:
    assert "mini:none again against mini:none" in pair_page(replace(EQUAL, b="mini:none"))


def test_what_stands_behind_the_verdicts_is_there() -> None:
    run = LoadGenRun(
        scenario="Server", num_queries=64, percentiles_s={"p50": 0.0021}, requests_per_s=400.0,
        rate_per_s=400.0, bound_s=0.01, kept_bound=True, task="xnli", model="b",
    )  # fmt: skip
    rows = Tables(pair_page(replace(EQUAL, loadgen=(run,)))).rows
    dashes = [DASH] * 3
    asked = ["xnli", "Server, p99 under 10.0 ms kept", "mini:mnli", "64", "2.10", *dashes, "400"]
    assert asked in rows
    assert ["xnli", "Offline", "mini:none", "0.00", "10.0", "0.00", "30.0", "31.0", "4.00",
            "unknown"] in rows  # fmt: skip
    throughput = "Offline throughputabove 1 is better"
    assert ["delayed by 5 %", throughput, "0.952", "0.943 to 0.962", "0.10", "20",
            "SLOWER"] in rows  # fmt: skip


def test_memory_and_tokens_of_every_language_are_there() -> None:
    more = replace(judged(1.5, Verdict.SLOWER), margin=0.05)
    memory = Memory(
        task="xnli", language="", scenario="Offline", a_bytes=4_000_000, b_bytes=6_000_000,
        judged=more,
    )  # fmt: skip
    text = LanguageText(
        task="xnli", language="th", model="a", tokens_per_example=35.7,
        subwords_per_character=0.28, subwords_per_word=None,
    )  # fmt: skip
    rows = Tables(pair_page(replace(EQUAL, memory=(memory,), texts=(text,)))).rows
    assert ["xnli", "Offline", "MORE", "4.00", "6.00", "1.500", "1.490 to 1.510", "5 %"] in rows
    assert ["xnli", "Thai", "mini:none", "35.7", "0.28", DASH] in rows


def test_compare_leaves_record_and_page_in_the_workspace_under_the_name_of_the_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stiltwalk, "compare", lambda *_: EQUAL)
    words = ["compare", "mini:none", "mini:mnli", "-w", str(tmp_path), "--json"]
    called = CliRunner().invoke(cli.app, words)
    assert called.exit_code == 0
    folder = tmp_path / "comparisons" / "mini-none_vs_mini-mnli"
    assert f"Report: {folder / 'speed.html'}" in called.stderr
    assert json.loads(called.stdout)["b"] == "mini:mnli"
    assert (folder / "speed.html").exists()
    assert (folder / "speed.json").exists()


def test_what_was_not_timed_failed_no_test() -> None:
    text = pair_page(replace(EQUAL, cells=(), instrument_tests=(), costs=(), summary=()))
    assert "No answer about speed: nothing was timed." in text
    assert "failed its own tests" not in text
