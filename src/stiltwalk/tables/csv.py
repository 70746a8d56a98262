"""Rows as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from io import StringIO


def render(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """Return rows of whatever can be written, under their names."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()
