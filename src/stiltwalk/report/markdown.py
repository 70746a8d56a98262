"""The same tables as text that reads well in a terminal, a pull request or an editor."""

from __future__ import annotations

from collections.abc import Sequence

from stiltwalk.report.findings import Findings
from stiltwalk.report.notices import notices
from stiltwalk.report.numbers import count, duration
from stiltwalk.report.plain_tables import plain_tables
from stiltwalk.report.rows import RunRows
from stiltwalk.report.tables import TransferTable
from stiltwalk.report.visible import visible

_ESCAPED = str.maketrans({char: f"\\{char}" for char in "\\`*_{}[]<>#|"} | {"\n": " ", "\r": " "})


def markdown(found: Findings) -> str:
    """Return the report as Markdown."""
    run, said = found.run, found.said
    parts = [
        f"# {_text(run.title)}",
        *(f"> **{_text(each)}**" for each in notices(run)),
        f"**{_text(said.answer)}**",
        "\n".join(f"- {_text(each)}" for each in said.details),
        f"*{_text(said.caution)}*",
    ]
    for each in plain_tables(found):
        parts += [f"## {_text(each.title)}", _text(each.note)]
        parts.append(_table(each.head, each.rows, each.num_left))
        if each.name == "transfer":
            parts.append(_notes(found.table))
    parts += [
        "## What was run",
        _table(["", ""], [[key, value] for key, value in run.provenance.items()], left=2),
        _stages(run),
        _fenced(run.recipe),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _notes(table: TransferTable) -> str:
    """Return what is missing, and why."""
    rows = (*table.tasks, *table.means)
    notes = dict.fromkeys(cell.reason for row in rows for cell in row.cells if cell.reason)
    return "\n".join(f"- {_text(note)}" for note in notes)


def _stages(run: RunRows) -> str:
    """Return every stage with what it took."""
    rows = [
        [
            each.what,
            "not run" if each.time_s is None else duration(each.time_s),
            count(each.num_tokens),
            each.fingerprint,
        ]
        for each in run.stages
    ]
    return _table(["stage", "time", "real tokens", "fingerprint"], rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Return a table whose first columns are words; "" without rows."""
    if not rows:
        return ""
    rule = ["---" if place < left else "---:" for place in range(len(head))]
    lines = [[_text(each) for each in head], rule, *([_text(c) for c in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _text(text: str) -> str:
    """Return text that Markdown takes for text."""
    return visible(text).translate(_ESCAPED)


def _fenced(text: str) -> str:
    """Return a block that nothing inside it can end."""
    text, fence = visible(text), "```"
    while fence in text:
        fence += "`"
    return f"{fence}toml\n{text.rstrip()}\n{fence}"
