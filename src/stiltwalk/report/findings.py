"""Everything that a report derives from a run's rows before it shows anything."""

from __future__ import annotations

from dataclasses import dataclass

from stiltwalk.records import BASELINE_ARM
from stiltwalk.report.claims import Judged
from stiltwalk.report.headline import Headline, headline
from stiltwalk.report.nine_claims import judge_claims
from stiltwalk.report.noise import paired_tests
from stiltwalk.report.resampling import Resamples
from stiltwalk.report.rows import RunRows
from stiltwalk.report.series import Point, language_points
from stiltwalk.report.tables import TransferTable, transfer_table


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What the rows of a run say.

    `points` are the scores and gains per arm, target and language; `first_arm` is the one that a
    reader wants to see first.
    """

    run: RunRows
    table: TransferTable
    said: Headline
    claims: tuple[Judged, ...]
    points: tuple[Point, ...]
    first_arm: str


def findings(run: RunRows) -> Findings:
    """Return what the rows of a run say."""
    drawn = Resamples(run)
    table = transfer_table(run, drawn)
    return Findings(
        run=run,
        table=table,
        said=headline(run, table),
        claims=judge_claims(run, drawn),
        points=tuple(language_points(run, paired_tests(run, drawn))),
        first_arm=_first_arm(run, table),
    )


def _first_arm(run: RunRows, table: TransferTable) -> str:
    """Return the arm with the largest mean gain."""
    cells = [cell for cell in table.comparison.cells if cell.gain] if table.comparison else []
    if cells:
        return max(cells, key=lambda cell: cell.gain.mean if cell.gain else 0.0).arm
    return next((arm for arm in run.arms if arm != BASELINE_ARM), run.arms[0])
