"""Every row as CSV: what a spreadsheet or pandas reads. Scores are fractions."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from io import StringIO

from stiltwalk.report.rows import RunRows

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
