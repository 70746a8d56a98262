"""The report of a run, from its sections."""

from __future__ import annotations

from stiltwalk.reports.charts.series import ordered_languages
from stiltwalk.reports.findings import Findings
from stiltwalk.reports.parts import Document
from stiltwalk.reports.sections import SECTIONS
from stiltwalk.reports.wording import notices, plural


def run_report(found: Findings) -> Document:
    """Return the whole report of what the rows say."""
    run = found.run
    return Document(
        brand="report",
        title=run.title,
        lead="What does training a multilingual model on an English task change, in every "
        "language?",
        chips=(
            plural(len(run.arms), "arm"),
            plural(len(run.targets), "target"),
            plural(len(ordered_languages(run, run.targets)), "language"),
            plural(found.table.num_seeds, "seed"),
        ),
        banners=notices(run),
        sections=tuple(make(found) for make in SECTIONS),
    )
