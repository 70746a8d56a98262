"""What must be said before any number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stiltwalk.records import Split
from stiltwalk.report.rows import RunRows
from stiltwalk.tasks import TASKS

SAME_TRAINING_ROWS = {"squad_v1", "squad_v2"}
"""SQuAD 2.0's training paragraphs are those of 1.1."""

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
        *_about_dev(run),
        *run.remarks,
    )


def _about_dev(run: RunRows) -> Iterator[str]:
    """Yield where choosing on English dev rows is no clean choice."""
    learned = {target: TASKS[target].train_task for target in run.targets}
    cut = [target for target, name in learned.items() if TASKS[name].dev_overlaps_test]
    if run.miniature or not cut:  # its dev rows are nobody's test rows
        return
    if run.dev == "published":
        yield (
            f"Dev sets as in the paper: checkpoints for {_listed(cut)} are chosen on published "
            "English dev rows that test rows overlap (TyDiQA's are its English test rows, SQuAD's "
            "dev set holds XQuAD's English paragraphs)."
        )
        return
    shared = [target for target in cut if learned[target] in SAME_TRAINING_ROWS]
    seen = [arm for arm, made in run.walked.items() if SAME_TRAINING_ROWS & {*made.tasks}]
    if shared and seen:
        arms = _listed([f"“{arm}”" for arm in seen])
        yield (
            f"Dev rows of {_listed(shared)} are training rows of SQuAD, held out of the target "
            f"phase alone. The intermediate phase of {arms} trained on them, so dev scores there "
            "are too high beside those of other arms; and it was itself chosen on SQuAD's own dev "
            "set, which holds XQuAD's English paragraphs."
        )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
