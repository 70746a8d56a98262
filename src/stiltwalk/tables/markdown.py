"""Tables and text as GitHub's Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from stiltwalk.tables.table import Table, visible

_ESCAPED = str.maketrans({char: f"\\{char}" for char in "\\`*_{}[]<>#|"} | {"\n": " ", "\r": " "})


def render(table: Table) -> str:
    """Return the table under its note, its footnotes below."""
    rule = ["---:" if number else "---" for number in table.numeric]
    rows = (table.columns, *table.rows, *table.foot)
    top, *body = (_line(text(cell.line) for cell in row) for row in rows)
    parts = (text(table.note), "\n".join([top, _line(rule), *body]), items(table.reasons))
    return "\n\n".join(filter(None, parts))


def items(texts: Iterable[str]) -> str:
    """Return a list."""
    return "\n".join(f"- {text(each)}" for each in texts)


def text(words: str) -> str:
    """Return text that Markdown takes for text."""
    return visible(words).translate(_ESCAPED)


def fenced(words: str, language: str) -> str:
    """Return a block that nothing inside it can end."""
    words, fence = visible(words), "```"
    while fence in words:
        fence += "`"
    return f"{fence}{language}\n{words.rstrip()}\n{fence}"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
