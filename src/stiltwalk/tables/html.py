"""HTML from values. Everything that comes from rows passes through `escape`."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


def escape(text: str) -> str:
    """Return text that stays text inside an element or a quoted attribute.

    Example:
        >>> escape("<b>" + chr(0))
        '&lt;b&gt;\N{REPLACEMENT CHARACTER}'
    """
    return html.escape(visible(text), quote=True)


def name(text: str) -> str:
    """Return a name from the rows, kept from turning the direction of its neighbours."""
    return f"<bdi>{escape(text)}</bdi>"


def json_block(ident: str, value: Any) -> str:  # noqa: ANN401 - whatever JSON can hold
    """Return a block of data for the page's script; nothing in it can end the block."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    safe = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return f'<script type="application/json" id="{escape(ident)}">{safe}</script>'


@dataclass(frozen=True, kw_only=True)
class Td:
    """One cell: its HTML, the value it is sorted by, and how it looks."""

    html: str
    key: float | str | None = None
    css: str = ""
    style: str = ""
    head: bool = False


def number(text: str, key: float) -> Td:
    """Return a cell with a number, sorted by `key`."""
    return Td(html=escape(text), key=key, css="num")


@dataclass(frozen=True, kw_only=True)
class Tr:
    """One row; `tags` are the values by which choices on the page filter it, `ident` its id."""

    cells: Sequence[Td]
    css: str = ""
    ident: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


def table(
    ident: str, caption: str, head: Sequence[Td], body: Sequence[Tr], foot: Sequence[Tr] = ()
) -> str:
    """Return a table that can be sorted by its columns; `foot` keeps its place.

    Args:
        ident: the id on the page.
        caption: HTML that says what the table holds and in which unit.
        head: one cell per column.
        body: the rows that sorting moves.
        foot: rows of means.
    """
    top = "".join(f'<th scope="col" class="{each.css}">{each.html}</th>' for each in head)
    rest = f"<tfoot>{_rows(foot)}</tfoot>" if foot else ""
    said = f"{escape(ident)}-caption"
    # the caption stays outside the table, or it would be as wide and scroll away with it
    return (
        f'<p class="caption" id="{said}">{caption}</p>'
        f'<div class="scroll" tabindex="0" role="region" aria-labelledby="{said}">'
        f'<table id="{escape(ident)}" class="sortable" aria-labelledby="{said}">'
        f"<thead><tr>{top}</tr></thead><tbody>{_rows(body)}</tbody>{rest}</table></div>"
    )


def select(ident: str, label: str, options: Sequence[str], chosen: str, drives: str) -> str:
    """Return a labelled choice; `drives` lists the ids of what it changes."""
    items = "".join(
        f'<option value="{escape(each)}"{" selected" * (each == chosen)}>{escape(each)}</option>'
        for each in options
    )
    return (
        f'<label class="choice">{escape(label)} '
        f'<select data-key="{escape(ident)}" data-drives="{escape(drives)}">{items}</select>'
        "</label>"
    )


def _rows(rows: Sequence[Tr]) -> str:
    """Return the rows of a part of a table."""
    parts = []
    for row in rows:
        tags = "".join(f' data-{key}="{escape(value)}"' for key, value in row.tags.items())
        cells = "".join(_cell(each) for each in row.cells)
        ident = f' id="{escape(row.ident)}"' if row.ident else ""
        parts.append(f'<tr{ident} class="{row.css}"{tags}>{cells}</tr>')
    return "\n".join(parts)


def _cell(cell: Td) -> str:
    """Return one cell of a body or a foot."""
    tag, scope = ("th", ' scope="row"') if cell.head else ("td", "")
    key = "" if cell.key is None else f' data-v="{escape(str(cell.key))}"'
    css = f' class="{cell.css}"' if cell.css else ""
    style = f' style="{cell.style}"' if cell.style else ""
    return f"<{tag}{scope}{css}{style}{key}>{cell.html}</{tag}>"


_CONTROLS = (*range(32), *range(127, 160), 0x2028, 0x2029, *range(0xD800, 0xE000), 0xFFFE, 0xFFFF)
_VISIBLE = {code: "\N{REPLACEMENT CHARACTER}" for code in _CONTROLS if chr(code) not in "\n\t"}


def visible(text: str) -> str:
    """Return text with a visible sign in place of every control character."""
    return text.translate(_VISIBLE)
