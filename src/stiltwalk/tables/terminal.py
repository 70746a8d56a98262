"""Tables for the terminal."""

from __future__ import annotations

import rich.table
from rich.text import Text

from stiltwalk.tables.table import Table


def render(table: Table) -> rich.table.Table:
    """Return the table under its title; text stays text, whatever brackets are in it."""
    shown = rich.table.Table(title=Text(table.title), title_justify="left", box=None)
    for column, number in zip(table.columns, table.numeric, strict=True):
        shown.add_column(Text(column.line), justify="right" if number else "left", overflow="fold")
    for row in (*table.rows, *table.foot):
        shown.add_row(*(Text(cell.line) for cell in row))
    return shown
