"""A section is one function in one list."""

from __future__ import annotations

import pytest
from synthetic import make_run

from stiltwalk.reports.findings import Findings
from stiltwalk.reports.parts import Section, Words
from stiltwalk.reports.sections import SECTIONS
from stiltwalk.reports.write import report_texts
from stiltwalk.tables.table import Cell, Table, heads


def colours(found: Findings) -> Section:
    row = (Cell(found.run.arms[0]), Cell("12.5", 12.5))
    table = Table(
        name="colours", title="Colours", note="In nm.", columns=heads("arm", "hue"), rows=(row,)
    )
    return Section(
        name="colour", link="Colour", title="Of colours", parts=(table, Words("As seen."))
    )


def test_a_section_in_the_list_is_in_every_format(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stiltwalk.reports.sections.SECTIONS", [*SECTIONS, colours])
    _, texts = report_texts(make_run(arms=("none",), targets=("pawsx",)))
    page, text, tex = (texts[f"report.{end}"] for end in ("html", "md", "tex"))
    assert '<a href="#colour">Colour</a>' in page
    assert 'data-v="12.5">12.5</td>' in page
    assert "| none | 12.5 |" in text
    assert "As seen." in text
    assert r"none & 12.5 \\" in tex


def test_sections_have_names_of_their_own() -> None:
    assert len({make.__name__ for make in SECTIONS}) == len(SECTIONS)
