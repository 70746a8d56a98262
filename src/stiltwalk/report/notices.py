"""What must be said before any number."""

from __future__ import annotations

from stiltwalk.records import Split
from stiltwalk.report.rows import RunRows

MINIATURE = (
    "Embedded miniature benchmark: not a research result. Its base encoder was pretrained on "
    "exercises close to its own questions and inferences."
)


def notices(run: RunRows) -> tuple[str, ...]:
    """Return the sentences for the banners of a report."""
    limited = f"Limited: {run.limited.rstrip('.')}."
    there = {(each.arm, each.row.task) for each in run.rows if each.row.split == Split.TEST}
    wanted = [(arm, task) for arm in run.arms for task in run.targets]
    absent = sum(each not in there for each in wanted)
    partial = f"Not everything is here: {absent} of {len(wanted)} pairs of arm and target "
    partial += "have no score."
    return (
        *(MINIATURE,) * run.miniature,
        *(limited,) * bool(run.limited),
        *(partial,) * bool(absent),
    )
