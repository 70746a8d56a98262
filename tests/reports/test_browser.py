"""The page in a real browser, offline, as wide as a phone and as a desk."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from synthetic import make_run

from compared import compared
from stiltwalk.reports.data import RunRows
from stiltwalk.reports.write import report_texts, write_comparison
from stiltwalk.timing.sample_size import Figure

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs chromium on the path")
WIDTHS = {"phone": 390, "desk": 1280}
NASTY = (
    '<img src=x onerror="document.title=1"> \u202e\u05e9\u05dc\u05d5\u05dd 日本語\x07 ${x} {{y}}'
)


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield started
        started.close()


SLOW = replace(compared("mnli", 1.4, "SLOWER", quality=0.82), a="none")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a page whose every free text tries to be more than text."""
    run = make_run(arms=("none", "mnli", NASTY), targets=("pawsx", "xquad", "tatoeba"), title=NASTY)
    run = replace(run, recipe=NASTY, limited=NASTY, provenance={NASTY: NASTY})
    run = replace(run, comparisons=(SLOW, replace(SLOW, b=NASTY, cells=(), instrument_tests=())))
    return page_of(run, tmp_path_factory.mktemp("page"))


def page_of(run: RunRows, folder: Path) -> Path:
    """Write the page of a run without the files beside it."""
    _, texts = report_texts(run)
    file = folder / "report.html"
    file.write_text(texts["report.html"], encoding="utf-8", newline="\n")
    return file


GRID = ("none", "mnli", "squad_v1", "all", *(f"arm {number}" for number in range(5, 11)))
"""Ten arms: with nine targets, 40 languages and three seeds as much as a study has."""


def made(name: str, folder: Path) -> Path:
    """Return the page of two models, or of the largest run that a page must bear."""
    if name == "grid":
        return page_of(make_run(arms=GRID, seeds=(1, 2, 3)), folder)
    speed = compared("mini:mnli", 1.25, "SLOWER", quality=0.82)
    if name == "choice":
        run = make_run(arms=("none", "mnli", NASTY), targets=("xnli", "xquad"), title=NASTY)
        file = folder / "choice.html"
        text = report_texts(replace(run, comparisons=(SLOW,)))[1]["choice.html"]
        file.write_text(text, encoding="utf-8", newline="\n")
        return file
    return write_comparison(replace(speed, b=NASTY, data="mini"), folder)


class Opened:
    """A page that is open, and everything that it complained of or asked for."""

    def __init__(
        self, browser: playwright.Browser, file: Path, width: int, scheme: str = "dark"
    ) -> None:
        """Open a file as the given number of pixels wide, without a network."""
        self.context = browser.new_context(
            viewport={"width": width, "height": 844},
            offline=True,
            color_scheme="dark" if scheme == "dark" else "light",
        )
        self.page = self.context.new_page()
        self.width, self.scheme = width, scheme
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda said: self.complaints.append(f"{said.type}: {said.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda asked: self.requests.append(asked.url))
        self.page.goto(file.as_uri())
        self.folded_screens = self.page.evaluate(
            "document.documentElement.scrollHeight / innerHeight"
        )
        num_figures = self.page.locator("figure").count()
        self.page.wait_for_function(
            f"document.querySelectorAll('figure svg.marks').length === {num_figures}"
        )
        self.page.evaluate(
            "for (const each of document.querySelectorAll('details')) each.open = true"
        )


@pytest.fixture(scope="module", params=["phone dark", "phone light", "desk dark", "desk light"])
def opened(
    request: pytest.FixtureRequest, browser: playwright.Browser, file: Path
) -> Iterator[Opened]:
    width, scheme = request.param.split()
    opened = Opened(browser, file, WIDTHS[width], scheme)
    yield opened
    opened.context.close()


def test_nothing_goes_wrong_and_nothing_is_asked_of_the_network(opened: Opened) -> None:
    assert opened.complaints == []
    assert [url for url in opened.requests if not url.startswith(("file:", "data:", "blob:"))] == []


def test_the_page_is_no_wider_than_the_screen(opened: Opened) -> None:
    root = "document.documentElement"
    assert opened.page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth")
    wide = "e => e.filter(t => t.scrollWidth > t.clientWidth + 1).map(t => t.textContent)"
    assert opened.page.locator(".tile").evaluate_all(wide) == []


def test_the_page_runs_no_script_but_its_own(opened: Opened) -> None:
    made = "Object.assign(document.createElement('script'), {text: 'intruder = 1'})"
    opened.page.evaluate(f"document.head.append({made})")
    assert opened.page.evaluate("typeof intruder") == "undefined"
    assert len(opened.complaints) == 1, "the refusal"
    opened.complaints.clear()


def test_a_phone_shows_the_answer_and_the_targets_in_six_screens(opened: Opened) -> None:
    if opened.width == WIDTHS["phone"]:
        assert opened.folded_screens <= 6


def test_the_tiles_say_what_the_record_says(opened: Opened) -> None:
    tiles = opened.page.locator("#arms .arm").first.locator(".tile b").all_text_contents()
    record = {cell.figure: cell.judged.ratio for cell in SLOW.cells}
    assert tiles[1:] == [f"{record[Figure.P50]:.3f}", f"{1 / record[Figure.TIME]:.3f}"]


def test_a_table_wider_than_the_screen_says_so_and_keeps_its_first_column(opened: Opened) -> None:
    box = opened.page.locator(".scroll:has(#transfer)")
    is_wide = box.evaluate("e => e.scrollWidth > e.clientWidth + 4")
    assert ("more" in str(box.get_attribute("class")).split()) == is_wide
    name = box.locator("tbody th").first
    before = name.bounding_box()
    box.evaluate("e => { e.scrollLeft = e.scrollWidth; }")
    assert name.bounding_box() == before
    opened.page.wait_for_function("!document.querySelector('.scroll:has(#transfer).more')")
    box.evaluate("e => { e.scrollLeft = 0; }")


def test_a_cell_without_change_is_as_dark_or_light_as_the_page(opened: Opened) -> None:
    opened.page.locator("select[data-key=arm]").select_option("mnli")
    fills = opened.page.locator("#gain-map .gain_cells_marks path, #gain-map .gain_cells path")
    seen = fills.evaluate_all("e => e.map(p => p.getAttribute('fill'))")
    light = [sum(map(int, re.findall(r"\d+", each))) / 3 for each in seen if "rgb" in each]
    assert light
    assert min(light) < 80 if opened.scheme == "dark" else max(light) > 200


def test_text_stays_text(opened: Opened) -> None:
    assert opened.page.locator("img").count() == 0
    shown = NASTY.replace("\x07", "\N{REPLACEMENT CHARACTER}")
    assert opened.page.title() == f"{shown} · stiltwalk"
    assert opened.page.locator("h1").text_content() == shown
    assert opened.page.locator("#transfer tbody th bdi").nth(2).text_content() == shown
    assert shown in (opened.page.locator("pre code").text_content() or "")


def test_every_table_is_sorted_by_keyboard_and_says_how(opened: Opened) -> None:
    page = opened.page
    heading = page.locator("#transfer thead th").nth(2)
    column = page.locator("#transfer tbody tr td:nth-child(3)")
    heading.locator("button").focus()
    orders = []
    for way in ("descending", "ascending"):
        page.keyboard.press("Enter")
        assert heading.get_attribute("aria-sort") == way
        orders.append([float(str(v)) for v in column.evaluate_all("e => e.map(c => c.dataset.v)")])
    assert orders[0] == sorted(orders[0], reverse=True)
    assert orders[1] == sorted(orders[1])


def test_a_choice_changes_figure_and_table(opened: Opened) -> None:
    page = opened.page
    choice = page.locator("select[data-key=arm]")
    before = page.locator("#score-map svg.marks").inner_html()
    choice.select_option("none")
    page.wait_for_function("document.querySelector('#gain-map').hidden")
    assert page.locator("#score-map svg.marks").inner_html() != before
    shown = page.locator("#language-scores tbody tr:not([hidden]) td:nth-child(2)")
    assert set(shown.all_text_contents()) == {"none"}


def test_every_figure_has_a_title_and_a_reading_aid_and_every_control_a_name(
    opened: Opened,
) -> None:
    page = opened.page
    figures = page.locator("figure")
    for place in range(figures.count()):
        assert figures.nth(place).locator("h3").text_content()
        assert figures.nth(place).locator("figcaption").text_content()
        assert figures.nth(place).locator(".plot").get_attribute("aria-label")
    unnamed = "e => e.filter(s => !s.labels.length).length"
    assert page.locator("select").evaluate_all(unnamed) == 0
    hidden = "e => e.filter(s => s.tabIndex !== 0).length"
    assert page.locator(".scroll").evaluate_all(hidden) == 0
    assert page.locator("main h1, main h4").count() == 0


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize(
    "name", ["two models", "choice", pytest.param("grid", marks=pytest.mark.slow)]
)
def test_other_pages_are_as_quiet_and_as_narrow(
    name: str, width: int, browser: playwright.Browser, tmp_path: Path
) -> None:
    file = made(name, tmp_path)
    assert file.stat().st_size < 6_000_000
    opened = Opened(browser, file, width)
    root = "document.documentElement"
    assert opened.page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth")
    assert opened.complaints == []
    assert [u for u in opened.requests if not u.startswith(("file:", "data:", "blob:"))] == []
    assert opened.page.locator("img").count() == 0
    opened.context.close()


def test_sliders_choose_as_the_command_does(browser: playwright.Browser, tmp_path: Path) -> None:
    opened = Opened(browser, made("choice", tmp_path), WIDTHS["phone"])
    page = opened.page
    assert "Move a slider" in str(page.locator("#chosen").text_content())
    xnli = page.locator(".sliders input[type=range]").first
    xnli.fill("1")
    assert "none is the cheapest that meets all." in str(page.locator("#chosen").text_content())
    assert page.locator("#systems tbody tr").count() == 3
    assert "meets all" in str(page.locator("#systems tbody tr").first.text_content())
    xnli.fill("100")
    assert page.locator("#chosen").text_content() == "No system meets all."
    for tick in page.locator(".sliders input[type=checkbox]").all():
        tick.uncheck()
    assert "Move a slider" in str(page.locator("#chosen").text_content())
    assert opened.complaints == []
    opened.context.close()
