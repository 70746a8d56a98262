"""Write a report: one self-contained page, Markdown, LaTeX, CSV, and every figure."""

from __future__ import annotations

import csv
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha256
from importlib.resources import files
from io import StringIO
from pathlib import Path
from typing import Any

import vl_convert

from stiltwalk.errors import WorkspaceError
from stiltwalk.reports.changes import Change, changes
from stiltwalk.reports.choice_page import choice_report
from stiltwalk.reports.claims import ClaimVerdict, claims_json
from stiltwalk.reports.data import RunRows, rows_of, with_visible_names
from stiltwalk.reports.findings import findings
from stiltwalk.reports.pair_page import pair_report
from stiltwalk.reports.parts import Code, Document, Facts, Heading, Part, Points, Sliders, Words
from stiltwalk.reports.sections import run_report
from stiltwalk.reports.sections.changes import changes_report
from stiltwalk.store.manifest import read_record, run_folder, run_folders
from stiltwalk.store.remote import workspace_at
from stiltwalk.store.workspace import Workspace
from stiltwalk.tables import latex as latex_table
from stiltwalk.tables import markdown as md
from stiltwalk.tables.html import environment, json_block
from stiltwalk.tables.table import Cell, Table, Tone, heads, visible
from stiltwalk.timing.record import FILE, Speed, write_speed

PAGE, CHANGES, CHOICE = "report.html", "changes.html", "choice.html"
FIGURES = "figures"
_BADGES: dict[ClaimVerdict, tuple[Tone, str]] = {
    ClaimVerdict.SUPPORTED: ("better", "\N{CHECK MARK} supported"),
    ClaimVerdict.CONTRADICTED: ("worse", "\N{BALLOT X} contradicted"),
    ClaimVerdict.UNDECIDED: ("open", "? not decidable from these runs"),
    ClaimVerdict.NOT_TESTED: ("open", "not tested here"),
    ClaimVerdict.FACT: ("open", "a fact of the recipe"),
}


def write_report(run: RunRows, folder: Path, changed: Sequence[Change] = ()) -> Path:
    """Write the report of a run and return the path of its page.

    Writes report.html, report.md, report.tex, claims.json, scores.csv, timings.csv, and figures/
    with every figure as SVG and PNG. The same rows give the same bytes, but for the ids inside
    the figure files.
    """
    (folder / FIGURES).mkdir(parents=True, exist_ok=True)
    document, texts = report_texts(run, changed)
    for name in (CHANGES, CHOICE):
        (folder / name).unlink(missing_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    for figure in document.charts:  # as they look before anyone chooses another arm or target
        svg = vl_convert.vegalite_to_svg(figure.alone())
        (folder / FIGURES / f"{figure.name}.svg").write_text(svg, encoding="utf-8")
        (folder / FIGURES / f"{figure.name}.png").write_bytes(vl_convert.svg_to_png(svg, scale=2))
    return folder / PAGE


def report_texts(run: RunRows, changed: Sequence[Change] = ()) -> tuple[Document, dict[str, str]]:
    """Return the report of a run, and its files but for the figures: name to content."""
    run = with_visible_names(run)
    found = findings(run)
    made = {
        (CHANGES, "Changed answers"): changes_report(run, changed) if changed else None,
        (CHOICE, "Good enough?"): choice_report(run.title, {"": run}, run.comparisons),
    }
    pages = {page: html(each) for page, each in made.items() if each}
    document = replace(run_report(found), pages=tuple(pages))
    return document, {file: text for (file, _), text in pages.items()} | {
        PAGE: html(document),
        "report.md": markdown(document),
        "report.tex": latex(document),
        "claims.json": claims_json(found.claims),
        "scores.csv": _scores_csv(run),
        "timings.csv": _csv(TIMING_COLUMNS, ({**vars(e.row), "arm": e.arm} for e in run.timings)),
    }


def write_comparison(speed: Speed, folder: Path) -> Path:
    """Write the page of two models that were compared, speed.html, and return its path."""
    file = folder / "speed.html"
    file.write_text(html(pair_report(speed)), encoding="utf-8", newline="\n")
    return file


def keep_comparison(speed: Speed, store: Workspace, folder: Path) -> Path:
    """Keep a comparison and its page in a folder of the workspace, and return the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    write_speed(speed, folder / FILE)
    page = write_comparison(speed, folder)
    store.publish(folder)
    return page


SCORE_COLUMNS = (
    "kind arm intermediate task language split metric value seed num_examples stage".split()
)
TIMING_COLUMNS = (
    "arm task language num_examples real_tokens padded_tokens written_tokens time_s stage".split()
)


def _scores_csv(run: RunRows) -> str:
    rows = (
        {**vars(each), **vars(each.row), "kind": kind}
        | {"intermediate": " ".join(each.row.intermediate)}
        for kind, found in (("arm", run.rows), ("baseline", run.reference_points))
        for each in found
    )
    return _csv(SCORE_COLUMNS, rows)


def _csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    text = StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def report_runs(place: str | Path, name: str | None = None) -> list[Path]:
    """Write the report of one run of a workspace, or of each, and return where the pages are.

    Raises:
        WorkspaceError: if the folder holds no run, or a stage's files are not what it wrote.
    """
    workspace, pages, damaged = workspace_at(place), [], []
    for folder in run_folders(workspace) if name is None else [run_folder(workspace, name)]:
        try:
            record = read_record(folder)
            run = rows_of(record, workspace)
        except WorkspaceError as error:
            damaged.append(str(error))
            continue
        pages.append(write_report(run, folder, changes(run, record, workspace)))
        workspace.publish(folder)
    if damaged:
        written = f" The reports of {len(pages)} other runs were written." if pages else ""
        raise WorkspaceError(" ".join(damaged) + written)
    return pages


def html(document: Document) -> str:
    """Return a whole page: one file that needs nothing else and asks the network for nothing."""
    made = environment("stiltwalk.reports")
    made.filters["kind"] = lambda part: type(part).__name__
    made.globals["badges"] = _BADGES
    made.globals["json_block"] = json_block
    slides = any(isinstance(each, Sliders) for each in document.parts_for("html"))
    scripts = (
        *(_vega(),) * bool(document.charts),
        _text("script.js"),
        *(_text("choice.js"),) * slides,
    )
    return made.get_template("page.html").render(
        document=document,
        policy=_policy(scripts),
        style=_text("style.css"),
        specs=[json_block(f"spec-{each.name}", each.spec) for each in document.charts],
        scripts=scripts,
    )


def _policy(scripts: Sequence[str]) -> str:
    hashes = " ".join(
        f"'sha256-{b64encode(sha256(each.encode()).digest()).decode()}'" for each in scripts
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


@cache
def _vega() -> str:
    bundle: str = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # its stub lacks the default
    return bundle.replace("\r", "").replace("<!--", r"\x3c!--").replace("</script", r"<\/script")


def _text(file: str) -> str:
    return files("stiltwalk.reports").joinpath("templates", file).read_text(encoding="utf-8")


def markdown(document: Document) -> str:
    """Return the report as Markdown."""
    blocks = [f"# {md.text(document.title)}"]
    blocks += (f"> **{md.text(each)}**" for each in document.banners)
    for section in document.sections:
        if "markdown" in section.formats:
            head = f"## {md.text(section.title)}"
            parts = replace(document, sections=(section,)).parts_for("markdown")
            found = (block for part in parts for block in _block(part))
            blocks += [head, *(block for block in found if block != f"#{head}")]
    return "\n\n".join(filter(None, blocks)) + "\n"


_LOOKS = {"big": "**{}**", "caution": "*{}*", "banner": "> {}", "missing": "*{}*"}


def _block(part: Part) -> Iterator[str]:
    match part:
        case Table(rows=rows, formats=formats) if rows and "markdown" in formats:
            yield f"### {md.text(part.title)}"
            yield md.render(part)
        case Heading():
            yield f"### {md.text(part.text)}"
        case Words(formats=formats) if "markdown" in formats:
            yield _LOOKS.get(part.look, "{}").format(md.text(part.text))
        case Points():
            yield md.items(part.items)
        case Facts(pairs=pairs):
            columns, rows = heads("", ""), tuple((Cell(a), Cell(b)) for a, b in pairs)
            yield md.render(Table(name="facts", title="", note="", columns=columns, rows=rows))
        case Code():
            yield md.fenced(part.text, part.language)


def latex(document: Document) -> str:
    """Return the report's tables as LaTeX; what must be said of the data stands above them."""
    title = " ".join(visible(document.title).split())
    head = [
        f"% {title}: made by stiltwalk from rows alone.",
        r"% Needs \usepackage{booktabs,graphicx}.",
        *(f"% {' '.join(visible(each).split())}" for each in document.banners),
    ]
    tables = (
        latex_table.render(part)
        for part in document.parts_for("latex")
        if isinstance(part, Table) and part.rows and "latex" in part.formats
    )
    return "\n".join([*head, *tables]) + "\n"
