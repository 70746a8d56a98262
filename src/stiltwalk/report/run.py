"""Write a report: the one entrance of this room."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import vl_convert

from stiltwalk.records import BASELINE_ARM
from stiltwalk.report.chart_style import Figure
from stiltwalk.report.figures import all_figures
from stiltwalk.report.headline import headline
from stiltwalk.report.markdown import markdown
from stiltwalk.report.page import page
from stiltwalk.report.row_files import scores_csv, timings_csv
from stiltwalk.report.rows import RunRows
from stiltwalk.report.tables import TransferTable, transfer_table
from stiltwalk.report.visible import with_visible_names

FIGURES = "figures"


def write_report(run: RunRows, folder: Path) -> Path:
    """Write the report of a run and return the path of its page.

    Writes report.html, report.md, scores.csv, timings.csv, and figures/ with every figure as
    SVG and the heat maps as PNG too. The same rows give the same bytes, but for the ids inside
    the figure files.

    Args:
        run: the rows.
        folder: where to write; made if it is not there, files of an earlier report replaced.
    """
    shown = with_visible_names(run)
    table = transfer_table(shown)
    said = headline(shown, table)
    arm = first_arm(shown, table)
    figures = all_figures(shown, arm)
    texts = {
        "report.html": page(shown, table, said, figures, arm),
        "report.md": markdown(shown, table, said),
        "scores.csv": scores_csv(run),
        "timings.csv": timings_csv(run),
    }
    (folder / FIGURES).mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    _write_figures(figures, folder / FIGURES)
    return folder / "report.html"


def first_arm(run: RunRows, table: TransferTable) -> str:
    """Return the arm a reader wants to see first: the one with the largest mean gain."""
    cells = [cell for cell in table.comparison.cells if cell.gain] if table.comparison else []
    if cells:
        return max(cells, key=lambda cell: cell.gain.mean if cell.gain else 0.0).arm
    return next((arm for arm in run.arms if arm != BASELINE_ARM), run.arms[0])


def _write_figures(figures: Sequence[Figure], folder: Path) -> None:
    """Write the figures as they look before anyone chooses another arm or target."""
    for figure in figures:
        svg = vl_convert.vegalite_to_svg(figure.alone())
        (folder / f"{figure.name}.svg").write_text(svg, encoding="utf-8")
        if figure.name.endswith("-map"):
            (folder / f"{figure.name}.png").write_bytes(vl_convert.svg_to_png(svg, scale=2))
