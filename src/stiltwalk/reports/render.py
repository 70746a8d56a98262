"""A report as one self-contained page, as Markdown and as LaTeX."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha256
from importlib.resources import files

import vl_convert

from stiltwalk.reports.claims import ClaimVerdict
from stiltwalk.reports.parts import Code, Document, Facts, Heading, Part, Points, Words
from stiltwalk.tables import latex as latex_table
from stiltwalk.tables import markdown as md
from stiltwalk.tables.html import environment, json_block
from stiltwalk.tables.table import Cell, Table, Tone, heads, visible

_BADGES: dict[ClaimVerdict, tuple[Tone, str]] = {
    ClaimVerdict.SUPPORTED: ("better", "\N{CHECK MARK} supported"),
    ClaimVerdict.CONTRADICTED: ("worse", "\N{BALLOT X} contradicted"),
    ClaimVerdict.UNDECIDED: ("open", "? not decidable from these runs"),
    ClaimVerdict.NOT_TESTED: ("open", "not tested here"),
    ClaimVerdict.FACT: ("open", "told as fact"),
}


def html(document: Document) -> str:
    """Return a whole page: one file that needs nothing else and asks the network for nothing."""
    made = environment("stiltwalk.reports")
    made.filters["kind"] = lambda part: type(part).__name__
    made.globals["badges"] = _BADGES
    scripts = (_vega(), _text("script.js"))
    return made.get_template("page.html").render(
        document=document,
        policy=_policy(scripts),
        style=_text("style.css"),
        specs=[json_block(f"spec-{each.name}", each.spec) for each in document.charts],
        scripts=scripts,
    )


def _policy(scripts: Sequence[str]) -> str:
    """Return a policy under which a browser runs these scripts only and requests nothing."""
    hashes = " ".join(
        f"'sha256-{b64encode(sha256(each.encode()).digest()).decode()}'" for each in scripts
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:"
    )


@cache
def _vega() -> str:
    """Return the one bundle that draws every figure."""
    bundle: str = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # its stub lacks the default
    return bundle.replace("\r", "").replace("<!--", r"\x3c!--").replace("</script", r"<\/script")


def _text(file: str) -> str:
    """Return a text that is shipped beside this module."""
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
    """Yield what Markdown has for a part; nothing for what only a page can show."""
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
