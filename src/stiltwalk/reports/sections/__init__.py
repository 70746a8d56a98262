"""The sections of a run's report, each told once for every format, in the order of the page."""

from __future__ import annotations

from collections.abc import Callable

from stiltwalk.reports.findings import Findings
from stiltwalk.reports.parts import Section
from stiltwalk.reports.sections import answer, claims, cost, languages, reading, run, targets

SECTIONS: list[Callable[[Findings], Section]] = [
    answer.answer,
    targets.targets,
    claims.claims,
    languages.languages,
    cost.cost,
    run.what_was_run,
    reading.reading,
]
