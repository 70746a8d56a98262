"""Tables for the terminal."""

from __future__ import annotations

import rich.table
from rich.console import Console
from rich.text import Text

from stiltwalk.tables.table import Table, visible

_LONG_ROWS = 300
"""From here on nobody reads a table whole: it is written fast, for a search, and not folded."""


def show(table: Table, console: Console) -> None:
    """Print a table under its title."""
    if len(table.rows) < _LONG_ROWS:
        console.print(render(table), highlight=False)
    else:
        console.out(_lines(table), highlight=False)


def render(table: Table) -> rich.table.Table:
    """Return the table under its title; text stays text, whatever brackets are in it."""
    shown = rich.table.Table(
        title=Text(table.title, no_wrap=True, overflow="ignore"),
        title_justify="left",
        box=None,
        show_header=any(column.text for column in table.columns),
    )
    for column, number in zip(table.columns, table.numeric, strict=True):
        shown.add_column(Text(column.line), justify="right" if number else "left", overflow="fold")
    for row in (*table.rows, *table.foot):
        shown.add_row(*(Text(cell.line) for cell in row))
    return shown


def _lines(table: Table) -> str:
    """Return a line per row, columns aligned."""
    rows = [
        [visible(cell.line).replace("\n", " ") for cell in row]
        for row in (table.columns, *table.rows, *table.foot)
    ]
    columns = [
        (max(map(len, cells)), number)
        for cells, number in zip(zip(*rows, strict=True), table.numeric, strict=True)
    ]
    lines = [
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, (width, number) in zip(row, columns, strict=True)
        ).rstrip()
        for row in rows
    ]
    return "\n".join(filter(None, (table.title, *lines)))
