"""Tests for the written report: files, equal bytes, escaping, no way out to the network."""

import csv
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from synthetic import ARMS, make_run

from compared import compared
from stiltwalk.reports.data import RunRows
from stiltwalk.reports.write import report_texts, write_report

TEXTS = "choice.html report.html report.md report.tex claims.json scores.csv timings.csv".split()
NASTY = '<script>alert("x")</script> & "q" \u202e\u05e9\u05dc\u05d5\u05dd 日本語\x07 | `a`'


class Page(HTMLParser):
    """What a browser would see: tags with their attributes, and the text outside scripts."""

    def __init__(self, text: str) -> None:
        """Read a whole page."""
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag."""
        self.tags.append((tag, dict(attrs)))
        self._open = tag

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - the name is HTMLParser's
        """Leave a script or a style."""
        self._open = ""

    def handle_data(self, data: str) -> None:
        """Keep what a reader sees."""
        if self._open not in {"script", "style"}:
            self.text += data


RUN = make_run(targets=("pawsx", "xquad"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("report") / "new" / "folder"
    write_report(RUN, place)
    return place


def texts_of(run: RunRows) -> dict[str, str]:
    _, texts = report_texts(run)
    return texts


def small(run: RunRows | None = None) -> RunRows:
    return run or make_run(arms=("none", "all"), targets=("pawsx", "xquad"))


def test_all_files_are_there(folder: Path) -> None:
    names = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    figures = {"score-map", "gain-map", "language-bars", "language-gains"}
    figures |= {"language-lengths", "dev-curves", "loss-curves"}
    assert names == {
        *TEXTS,
        *(f"figures/{name}.{form}" for name in figures for form in ("svg", "png")),
    }
    assert (folder / "report.html").stat().st_size < 6_000_000


def test_equal_rows_give_equal_bytes(folder: Path) -> None:
    texts = texts_of(make_run(targets=RUN.targets))
    assert list(texts) == TEXTS
    for name, text in texts.items():
        assert text.encode() == (folder / name).read_bytes(), name


def test_nothing_on_the_page_is_fetched(folder: Path) -> None:
    text = (folder / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    for tag, attributes in page.tags:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            value = attributes.get(name) or ""
            assert value in ("", "choice.html") or value.startswith(("#", "data:")), (tag, name)
    style = "".join(re.findall(r"<style>.*?</style>", text, re.DOTALL))
    assert "url(" not in style
    assert "@import" not in style
    policies = [a["content"] for _, a in page.tags if "http-equiv" in a]
    assert policies
    assert str(policies[0]).startswith("default-src 'none'; script-src 'sha256-")


def test_the_page_says_what_it_is_first(folder: Path) -> None:
    text = Page((folder / "report.html").read_text(encoding="utf-8")).text
    assert "Embedded miniature benchmark: not a research result." in text
    assert "Limited: 200 test rows per language." in text
    assert all(arm in text for arm in ARMS)


def test_no_time_is_told_that_was_not_measured_in_pairs(folder: Path) -> None:
    for name in ("report.html", "report.md", "report.tex"):
        text = (folder / name).read_text(encoding="utf-8")
        assert not re.search(r"[Uu]npaired|tokens/s|tokens_per_s|ms.per.example", text), name
    assert (folder / "timings.csv").stat().st_size


def test_a_real_run_has_no_miniature_banner() -> None:
    run = replace(small(), miniature=False, limited="")
    assert "Embedded miniature benchmark" not in texts_of(run)["report.html"]


def test_text_from_a_recipe_stays_text() -> None:
    run = make_run(arms=("none", NASTY), targets=("pawsx",), title=NASTY, recipe=NASTY)
    run = replace(run, provenance={NASTY: NASTY}, limited=NASTY)
    texts = texts_of(run)
    text = texts["report.html"]
    page = Page(text)
    assert text.count("<script") == 2 + len(re.findall(r'<script type="application/json"', text))
    shown = NASTY.replace("\x07", "\N{REPLACEMENT CHARACTER}")
    assert page.text.count(shown) > 5
    assert "\x07" not in text
    prose, _, recipe = texts["report.md"].partition("```toml")
    assert recipe.count("```") == 1
    assert not re.search(r"(?<!\\)<", prose)


def test_a_missing_score_is_shown_with_its_reason() -> None:
    run = small()
    rows = tuple(e for e in run.rows if (e.arm, e.row.task) != ("all", "xquad"))
    texts = texts_of(replace(run, rows=rows))
    text = Page(texts["report.html"]).text
    assert "xquad, “all”: every language missing. The run holds no row for it" in text
    assert "Incomplete: 1 of 4 pairs of arm and target have no score" in text
    assert "missing" in texts["report.md"]


@pytest.mark.parametrize(
    "run",
    [
        replace(small(), rows=(), timings=(), reference_points=(), stages=(), provenance={}),
        make_run(arms=("none",), targets=("tatoeba",)),
        make_run(arms=("mnli", "all"), targets=("pawsx",)),
    ],
    ids=["no rows yet", "one arm", "no reference arm"],
)
def test_a_partial_run_still_has_a_page(run: RunRows) -> None:
    assert "How to read this page" in texts_of(run)["report.html"]


def test_the_csv_files_hold_every_row_as_it_was(folder: Path) -> None:
    run = RUN
    with (folder / "scores.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(run.rows) + len(run.reference_points)
    assert [float(row["value"]) for row in rows if row["kind"] == "arm"] == [
        each.row.value for each in run.rows
    ]
    with (folder / "timings.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == len(run.timings)


def test_markdown_holds_the_verdicts_and_what_they_rest_on() -> None:
    speed = compared("mini:mnli", 1.25, "SLOWER", quality=0.82)
    text = texts_of(replace(small(), comparisons=(speed,)))["report.md"]
    assert "| SLOWER | 1.250 | 1.240 to 1.260 | 3 % | 10.0 ms | 12.5 ms | 24 |" in text
    assert "## A/A test and delay test" in text
    assert "| xnli | mini:mnli | 82.0 | 12.5 | 80.0 | 4.00 | 0.9" in text


def test_markdown_tables_have_as_many_cells_as_columns(folder: Path) -> None:
    lines = (folder / "report.md").read_text(encoding="utf-8").splitlines()
    table: list[str] = []
    for line in [*lines, ""]:
        if line.startswith("|"):
            table.append(line)
        elif table:
            assert len({len(re.split(r"(?<!\\)\|", each)) for each in table}) == 1, table[0]
            table = []
