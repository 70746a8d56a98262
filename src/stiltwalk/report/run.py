"""Write a report: the one entrance of this room."""

from __future__ import annotations

from pathlib import Path

from stiltwalk.report.figures import all_figures
from stiltwalk.report.headline import headline
from stiltwalk.report.page import page
from stiltwalk.report.rows import BASE_ARM, RunRows
from stiltwalk.report.tables import TransferTable, transfer_table


def write_report(run: RunRows, folder: Path) -> Path:
    """Write the report of a run and return the path of its page."""
    folder.mkdir(parents=True, exist_ok=True)
    table = transfer_table(run)
    arm = first_arm(run, table)
    figures = all_figures(run, arm)
    path = folder / "report.html"
    path.write_text(page(run, table, headline(run, table), figures, arm), encoding="utf-8")
    return path


def first_arm(run: RunRows, table: TransferTable) -> str:
    """Return the arm a reader wants to see first: the one with the largest mean gain."""
    cells = [cell for cell in table.means[-1].cells if cell.gain] if table.means else []
    if cells:
        return max(cells, key=lambda cell: cell.gain.mean if cell.gain else 0.0).arm
    return next((arm for arm in run.arms if arm != BASE_ARM), run.arms[0])
