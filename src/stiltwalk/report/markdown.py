"""The same tables as text that reads well in a terminal, a pull request or an editor."""

from __future__ import annotations

from collections.abc import Sequence

from stiltwalk.report.english import english_and_rest
from stiltwalk.report.headline import Headline
from stiltwalk.report.notices import notices
from stiltwalk.report.numbers import (
    DASH,
    count,
    duration,
    figures,
    percent,
    percent_spread,
    points,
    points_spread,
)
from stiltwalk.report.rows import RunRows
from stiltwalk.report.speed import speed_per_arm
from stiltwalk.report.tables import ScoreCell, TransferRow, TransferTable
from stiltwalk.report.visible import visible

_ESCAPED = str.maketrans({char: f"\\{char}" for char in "\\`*_{}[]<>#|"} | {"\n": " ", "\r": " "})


def markdown(run: RunRows, table: TransferTable, said: Headline) -> str:
    """Return the report as Markdown."""
    parts = [
        f"# {_text(run.title)}",
        *(f"> **{_text(each)}**" for each in notices(run)),
        f"**{_text(said.answer)}**",
        "\n".join(f"- {_text(each)}" for each in said.details),
        f"*{_text(said.caution)}*",
        "## Targets and arms",
        "Task score in percent, in brackets the gain over “none” in points; (d) marks the arm "
        "that is best on English dev, (m) the one that is best on the mean dev score of the "
        "others.",
        _transfer(table),
        _notes(table),
        "## English → mean of the other languages",
        _english(run),
        "## Speed seen during prediction",
        "Unpaired: observed while predicting, no verdict.",
        _speed(run),
        "## What was run",
        _table(["", ""], [[key, value] for key, value in run.provenance.items()], left=2),
        _stages(run),
        _fenced(run.recipe),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _transfer(table: TransferTable) -> str:
    """Return the table of targets by arms."""
    head = ["target", *table.arms, "chosen on dev", *table.baselines]
    rows = []
    for row in (*table.tasks, *table.means):
        arms = [_score(each) + _mark(row, each) for each in row.cells]
        floors = [percent(c.score.mean) if c.score else DASH for c in row.baselines]
        rows.append([row.name, *arms, _score(row.chosen) if row.chosen else DASH, *floors])
    return _table(head, rows)


def _score(cell: ScoreCell) -> str:
    """Return a score with its gain."""
    if not cell.score:
        return "missing"
    gain = f" ({points_spread(cell.gain)})" if cell.gain else ""
    return f"{percent_spread(cell.score)}{gain}"


def _mark(row: TransferRow, cell: ScoreCell) -> str:
    """Return the sign of the arm chosen on dev."""
    if not row.choice or row.choice.arm != cell.arm:
        return ""
    return " (d)" if row.choice.own_dev else " (m)"


def _notes(table: TransferTable) -> str:
    """Return what is missing, and why."""
    rows = (*table.tasks, *table.means)
    notes = dict.fromkeys(cell.reason for row in rows for cell in row.cells if cell.reason)
    return "\n".join(f"- {_text(note)}" for note in notes)


def _english(run: RunRows) -> str:
    """Return English against the rest."""
    found = english_and_rest(run)
    rows = []
    for task in run.targets:
        if any((arm, task) in found for arm in run.arms):
            cells = [found.get((arm, task)) for arm in run.arms]
            rows.append(
                [
                    task,
                    *(
                        f"{percent(c.english.mean)} → {percent(c.rest.mean)} "
                        f"({points(-c.lost.mean)})"
                        if c
                        else "missing"
                        for c in cells
                    ),
                ]
            )
    return _table(["target", *run.arms], rows)


def _speed(run: RunRows) -> str:
    """Return the speed of every arm."""
    head = ["arm", "tokens/s", "ms per example", "padding, %", "tokens per example", "examples"]
    return _table(
        head,
        [
            [
                each.arm,
                figures(each.tokens_per_s),
                figures(each.ms_per_example),
                percent(each.padding),
                figures(each.tokens_per_example),
                count(each.num_examples),
            ]
            for each in speed_per_arm(run)
        ],
    )


def _stages(run: RunRows) -> str:
    """Return every stage with what it took."""
    rows = [
        [each.what, duration(each.time_s), count(each.num_tokens), each.fingerprint]
        for each in run.stages
    ]
    return _table(["stage", "time", "real tokens", "fingerprint"], rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Return a table whose first columns are text; "" without rows."""
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
