"""Write the report of a run, or of two models: the one entrance of this room."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import vl_convert

from stiltwalk.measure.speed import Speed
from stiltwalk.report.chart_style import Figure
from stiltwalk.report.claims import claims_json
from stiltwalk.report.figures import all_figures
from stiltwalk.report.findings import findings
from stiltwalk.report.latex import latex
from stiltwalk.report.markdown import markdown
from stiltwalk.report.page import page
from stiltwalk.report.page_pair import pair_page
from stiltwalk.report.row_files import scores_csv, timings_csv
from stiltwalk.report.rows import RunRows
from stiltwalk.report.visible import with_visible_names

FIGURES = "figures"


def write_report(run: RunRows, folder: Path) -> Path:
    """Write the report of a run and return the path of its page.

    Writes report.html, report.md, report.tex, claims.json, scores.csv, timings.csv, and figures/
    with every figure as SVG and PNG. The same rows give the same bytes, but for the ids inside
    the figure files.

    Args:
        run: the rows.
        folder: where to write; made if it is not there, files of an earlier report replaced.
    """
    found = findings(with_visible_names(run))
    figures = all_figures(found)
    texts = {
        "report.html": page(found, figures),
        "report.md": markdown(found),
        "report.tex": latex(found),
        "claims.json": claims_json(found.claims),
        "scores.csv": scores_csv(run),
        "timings.csv": timings_csv(run),
    }
    (folder / FIGURES).mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    _write_figures(figures, folder / FIGURES)
    return folder / "report.html"


def write_comparison(speed: Speed, folder: Path) -> Path:
    """Write the page of two models that were compared, speed.html, and return its path."""
    file = folder / "speed.html"
    file.write_text(pair_page(speed), encoding="utf-8", newline="\n")
    return file


def _write_figures(figures: Sequence[Figure], folder: Path) -> None:
    """Write the figures as they look before anyone chooses another arm or target."""
    for figure in figures:
        svg = vl_convert.vegalite_to_svg(figure.alone())
        (folder / f"{figure.name}.svg").write_text(svg, encoding="utf-8")
        (folder / f"{figure.name}.png").write_bytes(vl_convert.svg_to_png(svg, scale=2))
