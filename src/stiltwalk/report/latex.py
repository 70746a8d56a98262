r"""The same tables for a paper: booktabs, one `table*` each, to be taken in with \input."""

from __future__ import annotations

from collections.abc import Sequence

from stiltwalk.report.findings import Findings
from stiltwalk.report.notices import notices
from stiltwalk.report.plain_table import PlainTable
from stiltwalk.report.plain_tables import plain_tables
from stiltwalk.report.visible import visible

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
_ESCAPED = str.maketrans(_SIGNS)
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
    return "\n".join([*head, *map(_table, plain_tables(found))]) + "\n"


def _table(table: PlainTable) -> str:
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
            rf"\caption{{{_text(table.title)}. {_text(table.note)}}}",
            rf"\label{{tab:{table.name}}}",
            *body,
            r"\end{table*}",
        ]
    )


def _line(cells: Sequence[str]) -> str:
    return " & ".join(map(_text, cells)) + r" \\"


def _text(text: str) -> str:
    """Return text that LaTeX takes for text."""
    return visible(text).translate(_ESCAPED)
