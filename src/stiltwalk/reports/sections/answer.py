"""The answer of a run."""

from __future__ import annotations

from stiltwalk.reports.findings import Findings
from stiltwalk.reports.parts import Points, Section, Words
from stiltwalk.reports.sections.targets import gain_of
from stiltwalk.reports.transfer import ScoreCell, TransferTable
from stiltwalk.reports.wording import percent_spread
from stiltwalk.tables.table import PAGE, Bar, Cell, Table, heads


def answer(found: Findings) -> Section:
    """Return what the run says in a few sentences."""
    said = found.said
    return Section(
        name="answer",
        link="Answer",
        title="The answer of this run",
        parts=(
            Words(said.answer, "big"),
            means(found.table),
            Points(said.details),
            Words(said.caution, "caution"),
        ),
    )


def means(table: TransferTable) -> Table:
    """Return the arms with their mean score and a bar of their mean gain; no rows without one."""
    row = table.comparison
    cells = [each for each in row.cells if each.score] if row else []
    largest = max([0.01, *(abs(c.gain.mean) for c in cells if c.gain)])
    return Table(
        name="means",
        title="Means",
        note=f"Score of every arm ({row.name if row else ''}).",
        columns=heads("arm", "mean, %", "gain over “none”, points"),
        rows=tuple(
            (Cell(each.arm), Cell(percent_spread(each.score), each.score.mean), _bar(each, largest))
            for each in cells
            if each.score
        ),
        formats=PAGE,
    )


def _bar(cell: ScoreCell, largest: float) -> Cell:
    gain = cell.gain.mean if cell.gain else 0.0
    return Cell(gain_of(cell) or "reference", gain, drawn=Bar(gain / largest, cell.is_noise))
