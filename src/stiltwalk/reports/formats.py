"""The same tables as Markdown and LaTeX, and every row as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from io import StringIO

from stiltwalk.reports.data import RunRows
from stiltwalk.reports.findings import Findings
from stiltwalk.reports.sections.text import plain_tables
from stiltwalk.reports.transfer import TransferTable
from stiltwalk.reports.wording import count, duration, notices
from stiltwalk.tables.html import visible
from stiltwalk.tables.table import PlainTable

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


_SIGNS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "\n": " ",
    "\N{MINUS SIGN}": "$-$",
    "\N{PLUS-MINUS SIGN}": r"$\pm$",
    "\N{ALMOST EQUAL TO}": r"$\approx$",
    "\N{RIGHTWARDS ARROW}": r"$\rightarrow$",
    "\N{EN DASH}": "--",
    "\N{LEFT DOUBLE QUOTATION MARK}": "``",
    "\N{RIGHT DOUBLE QUOTATION MARK}": "''",
} | {sign: f"\\{sign}" for sign in "&%$#"}
_latex_ESCAPED = str.maketrans(_SIGNS)
_WIDTH_OF_WORDS = 0.9
"""Share of the line that columns of whole sentences fill together."""


def latex(found: Findings) -> str:
    """Return the report's tables as LaTeX; what must be said of the data stands above them."""
    title = " ".join(visible(found.run.title).split())
    head = [
        f"% {title}: made by stiltwalk from rows alone.",
        r"% Needs \usepackage{booktabs,graphicx}.",
        *(f"% {' '.join(visible(each).split())}" for each in notices(found.run)),
    ]
    return "\n".join([*head, *map(_latex_table, plain_tables(found))]) + "\n"


def _latex_table(table: PlainTable) -> str:
    """Return one table, scaled down where it is wider than the text."""
    words = rf"p{{{_WIDTH_OF_WORDS / table.num_left:.2f}\linewidth}}"
    columns = (words if table.prose else "l") * table.num_left
    columns += "r" * (len(table.head) - table.num_left)
    body = [
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        _line(table.head),
        r"\midrule",
        *(_line(row) for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    if not table.prose:
        body = [r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%", *body, "}"]
    return "\n".join(
        [
            "",
            r"\begin{table*}",
            r"\centering\small",
            rf"\caption{{{_latex_text(table.title)}. {_latex_text(table.note)}}}",
            rf"\label{{tab:{table.name}}}",
            *body,
            r"\end{table*}",
        ]
    )


def _line(cells: Sequence[str]) -> str:
    return " & ".join(map(_latex_text, cells)) + r" \\"


def _latex_text(text: str) -> str:
    """Return text that LaTeX takes for text."""
    return visible(text).translate(_latex_ESCAPED)


SCORE_COLUMNS = (
    "kind arm intermediate task language split metric value seed num_examples stage".split()
)
TIMING_COLUMNS = "arm task language num_examples real_tokens padded_tokens time_s stage".split()


def scores_csv(run: RunRows) -> str:
    """Return every score row, arms first, then baselines."""
    kinds = (("arm", run.rows), ("baseline", run.baselines))
    return _csv(
        SCORE_COLUMNS,
        (
            (
                kind,
                each.arm,
                " ".join(each.row.intermediate),
                each.row.task,
                each.row.language,
                each.row.split,
                each.row.metric,
                each.row.value,
                each.row.seed,
                each.row.num_examples,
                each.row.stage,
            )
            for kind, rows in kinds
            for each in rows
        ),
    )


def timings_csv(run: RunRows) -> str:
    """Return every timing row."""
    return _csv(
        TIMING_COLUMNS,
        (
            (
                each.arm,
                each.row.task,
                each.row.language,
                each.row.num_examples,
                each.row.real_tokens,
                each.row.padded_tokens,
                each.row.time_s,
                each.row.stage,
            )
            for each in run.timings
        ),
    )


def _csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table as CSV."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()
