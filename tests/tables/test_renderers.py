"""Tests for stiltwalk.tables: one table, rendered every way."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from stiltwalk.tables import html, latex, markdown, terminal
from stiltwalk.tables.table import Cell, Range, Table, heads

ROW = (
    Cell("a|b_[red]<i>"),
    Cell("84.2", 0.842, "+1.8", note="Chosen.", tone="better", strength=0.5),
    Cell("missing", tone="missing", reason="Nobody ran it."),
)
TABLE = Table(
    name="gains", title="Gains", note="In points.", columns=heads("arm", "xnli", "pawsx"),
    rows=(ROW,), foot=((Cell("all"), Cell("80.0", 0.8), Cell("")),), filtered=("arm", 0),
)  # fmt: skip


def test_markdown_has_one_line_a_row_and_footnotes_below() -> None:
    assert markdown.render(TABLE).splitlines() == [
        "In points.",
        "",
        "| arm | xnli | pawsx |",
        "| --- | ---: | --- |",
        r"| a\|b\_\[red\]\<i\> | 84.2 (+1.8) | missing |",
        "| all | 80.0 |  |",
        "",
        "- Nobody ran it.",
    ]


def test_html_keeps_text_text_and_sorts_by_values() -> None:
    text = str(html.render(TABLE))
    assert "<bdi>a|b_[red]&lt;i&gt;</bdi>" in text
    assert 'data-arm="a|b_[red]&lt;i&gt;"' in text
    cell = 'class="num better" style="--gain:50%" data-v="0.842" title="Chosen."'
    assert f"<td {cell}>84.2<small>+1.8</small></td>" in text
    assert '<a href="#gains-1">[1]</a>' in text
    assert '<li id="gains-1">Nobody ran it.</li>' in text


def test_pictures_are_drawn_on_the_page_alone() -> None:
    drawn = Cell("1.0", 1.0, drawn=Range(0.9, 1.0, 1.1, 0.03, 0.2))
    table = Table(name="t", title="", note="", columns=heads("a"), rows=((drawn,),))
    text = str(html.render(table))
    assert 'd="M34.0 8H86.0"' in text
    assert 'class="end"' not in text
    assert "| 1.0 |" in markdown.render(table)


@pytest.mark.parametrize(
    ("low", "high", "numbers"),
    [
        (0.1, 1.01, ["0.10"]),
        (0.99, 9.0, ["9.00"]),
        (0.1, 9.0, ["0.10", "9.00"]),
        (1.5, 2, ["2.00"]),
    ],
)
def test_what_goes_beyond_a_picture_has_an_arrow_and_a_number(
    low: float, high: float, numbers: list[str]
) -> None:
    cell = Cell("r", 1.0, drawn=Range(low, (low + high) / 2, high, 0.03, 0.25))
    table = Table(name="t", title="", note="", columns=heads("a"), rows=((cell,),))
    text = str(html.render(table))
    assert re.findall(r'class="end".*?<text[^>]*>([\d.]+)<', text) == numbers


def test_tiles_on_the_page_are_a_table_elsewhere() -> None:
    tiles = replace(TABLE, has_tiles=True)
    assert markdown.render(tiles) == markdown.render(TABLE)


def test_latex_escapes_what_it_would_take_for_commands() -> None:
    text = latex.render(TABLE)
    assert r"a|b\_[red]<i> & 84.2 (+1.8) & missing \\" in text
    assert r"\begin{tabular}{lrl}" in text
    assert r"\label{tab:gains}" in text


def test_the_terminal_shows_brackets_as_they_are() -> None:
    output = io.StringIO()
    Console(file=output, width=80).print(terminal.render(TABLE))
    assert "a|b_[red]<i>" in output.getvalue()
    assert "84.2 (+1.8)" in output.getvalue()


def test_a_row_of_another_width_is_our_mistake() -> None:
    with pytest.raises(AssertionError, match="gains: 1 cells in a row"):
        Table(name="gains", title="", note="", columns=heads("a", "b"), rows=((Cell("x"),),))


@pytest.mark.parametrize("num_rows", [1, 400])
def test_the_terminal_gets_every_row_under_the_title(num_rows: int) -> None:
    said = io.StringIO()
    rows = tuple((Cell(f"arm {n} [b]"), Cell(str(n), n)) for n in range(num_rows))
    table = Table(name="t", title="T" * 60, note="", columns=heads("arm", "score"), rows=rows)
    terminal.show(table, Console(file=said, width=80))
    title, head, *lines = said.getvalue().splitlines()
    assert title.strip() == "T" * 60
    assert head.split() == ["arm", "score"]
    assert [line.split() for line in lines] == [
        ["arm", str(n), "[b]", str(n)] for n in range(num_rows)
    ]


def test_a_table_whose_columns_have_no_names_has_no_head() -> None:
    said = io.StringIO()
    table = Table(
        name="t", title="", note="", columns=heads("", ""), rows=((Cell("a"), Cell("b")),)
    )
    terminal.show(table, Console(file=said, width=80))
    assert said.getvalue().split() == ["a", "b"]
