"""Arms that answer at a mask or learn from few rows: how well, also on classes they never saw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stiltwalk.metrics.aggregate import mean
from stiltwalk.records import Kind, Split
from stiltwalk.report.choice import ENGLISH
from stiltwalk.report.rows import RunRows
from stiltwalk.report.totals import ScoreBook, Spread, spread
from stiltwalk.tasks import TASKS

_ALL, _UNSEEN = "accuracy", "accuracy_unseen"
_KINDS = {Kind.TEXT, Kind.PAIR}
"""Of targets with one class per row."""


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Over seeds: English, and the mean over languages; `chance` is that of guessing evenly."""

    chance: float
    english: Spread | None
    languages: Spread


@dataclass(frozen=True, kw_only=True)
class FewShot:
    """One arm on one target.

    Args:
        arm: its name.
        task: the target.
        answers: what does, in words.
        rows: English rows of a class that it learned from, in words.
        seeds: that trained it, 0 where nothing was trained.
        every: over all classes.
        unseen: over the rows of those that it did not learn, answered among these.
    """

    arm: str
    task: str
    answers: str
    rows: str
    seeds: int
    every: Accuracy
    unseen: Accuracy | None


def few_shot(run: RunRows) -> Iterator[FewShot]:
    """Yield every arm on every target with classes; nothing where all arms are plain heads."""
    if not any(each.prompt or each.rows_per_class for each in run.walked.values()):
        return
    book = ScoreBook(run.rows, Split.TEST)
    for task in (each for each in run.targets if TASKS[each].kind in _KINDS):
        for arm, made in run.walked.items():
            every = _accuracy(book, arm, task, _ALL, len(TASKS[task].labels))
            if every is None:
                continue
            yield FewShot(
                arm=arm,
                task=task,
                answers=made.prompt or "head",
                rows="all" if made.rows_per_class is None else str(made.rows_per_class),
                seeds=sum(seed > 0 for seed in book.by_seed(arm, task)),
                every=every,
                unseen=_accuracy(book, arm, task, _UNSEEN, made.unseen.get(task, 0)),
            )


def _accuracy(
    book: ScoreBook, arm: str, task: str, metric: str, num_classes: int
) -> Accuracy | None:
    """Return one figure of an arm; None where it has none."""
    by_seed = [_figure(scores, metric) for scores in book.by_seed(arm, task).values()]
    languages = spread(mean(list(each.values())) for each in by_seed if each)
    if languages is None or not num_classes:
        return None
    english = spread(each[ENGLISH] for each in by_seed if ENGLISH in each)
    return Accuracy(chance=1 / num_classes, english=english, languages=languages)


def _figure(scores: Mapping[str, Mapping[str, float]], metric: str) -> dict[str, float]:
    return {language: each[metric] for language, each in scores.items() if metric in each}
