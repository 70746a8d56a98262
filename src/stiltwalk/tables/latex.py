"""Tables as LaTeX, with booktabs and graphicx."""

from __future__ import annotations

from collections.abc import Sequence

from stiltwalk.tables.table import Cell, Table, visible

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
    "\N{BLACK DIAMOND}": r"$\bullet$",
    "\N{WHITE DIAMOND}": r"$\circ$",
    "\N{DAGGER}": r"$\dagger$",
    "\N{EN DASH}": "--",
    "\N{LEFT DOUBLE QUOTATION MARK}": "``",
    "\N{RIGHT DOUBLE QUOTATION MARK}": "''",
} | {sign: f"\\{sign}" for sign in "&%$#"}
_ESCAPED = str.maketrans(_SIGNS)
_WIDTH_OF_WORDS = 0.9
"""Share of the line that columns of whole sentences fill together."""


def render(table: Table) -> str:
    """Return one table, scaled down where it is wider than the text."""
    words = rf"p{{{_WIDTH_OF_WORDS / len(table.columns):.2f}\linewidth}}"
    columns = "".join("r" if each else words if table.is_prose else "l" for each in table.numeric)
    body = [
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        _line(table.columns),
        r"\midrule",
        *map(_line, (*table.rows, *table.foot)),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    if not table.is_prose:
        body = [r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%", *body, "}"]
    return "\n".join(
        [
            "",
            r"\begin{table*}",
            r"\centering\small",
            rf"\caption{{{text(table.title)}. {text(table.note)}}}",
            rf"\label{{tab:{table.name}}}",
            *body,
            r"\end{table*}",
        ]
    )


def _line(cells: Sequence[Cell]) -> str:
    return " & ".join(text(cell.line) for cell in cells) + r" \\"


def text(words: str) -> str:
    """Return text that LaTeX takes for text."""
    return visible(words).translate(_ESCAPED)
