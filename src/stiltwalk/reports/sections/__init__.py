"""The sections of a run's report, each told once for every format, in the order of the page."""

from __future__ import annotations

from collections.abc import Callable

from stiltwalk.reports.findings import Findings
from stiltwalk.reports.parts import Document, Section
from stiltwalk.reports.sections import answer, cost, languages, run, selection, targets
from stiltwalk.reports.wording import notices, ordered_languages, plural

SECTIONS: list[Callable[[Findings], Section]] = [
    answer.answer,
    targets.targets,
    answer.claims,
    selection.selection,
    languages.languages,
    cost.cost,
    run.what_was_run,
    answer.reading,
]


def run_report(found: Findings) -> Document:
    """Return the whole report of what the rows say."""
    rows = found.run
    return Document(
        brand="report",
        title=rows.title,
        lead="What does training a multilingual model on an English task change, in every "
        "language?",
        chips=(
            plural(len(rows.arms), "arm"),
            plural(len(rows.targets), "target"),
            plural(len(ordered_languages(rows, rows.targets)), "language"),
            plural(found.table.num_seeds, "seed"),
        ),
        banners=notices(rows),
        sections=tuple(section for make in SECTIONS if (section := make(found)).parts),
    )
