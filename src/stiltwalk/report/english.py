"""How much of the English score is left in the other languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stiltwalk.metrics.aggregate import task_score
from stiltwalk.records import Split
from stiltwalk.report.choice import ENGLISH
from stiltwalk.report.rows import RunRows
from stiltwalk.report.totals import ScoreBook, Spread, spread


@dataclass(frozen=True, kw_only=True)
class EnglishAndRest:
    """One arm on one task: English, the mean of the other languages, and what is lost.

    Fractions over seeds; `lost` is English minus the rest, seed by seed.
    """

    english: Spread
    rest: Spread
    lost: Spread


def english_and_rest(run: RunRows) -> Mapping[tuple[str, str], EnglishAndRest]:
    """Return (arm, task) to English and the rest, where a task has both."""
    book = ScoreBook(run.rows, Split.TEST)
    found = {}
    for task in run.targets:
        others = [code for code in run.languages_of(task) if code != ENGLISH]
        for arm in run.arms:
            pairs = [
                (task_score(scores, [ENGLISH]).score, task_score(scores, others).score)
                for scores in book.by_seed(arm, task).values()
                if ENGLISH in scores and any(code in scores for code in others)
            ]
            english = spread(each for each, _ in pairs)
            rest = spread(each for _, each in pairs)
            lost = spread(ours - theirs for ours, theirs in pairs)
            if english and rest and lost:
                found[arm, task] = EnglishAndRest(english=english, rest=rest, lost=lost)
    return found
