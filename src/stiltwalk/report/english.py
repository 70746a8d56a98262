"""How much of the English score is left in the other languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from stiltwalk.records import Split
from stiltwalk.report.choice import ENGLISH
from stiltwalk.report.rows import RunRows
from stiltwalk.report.totals import ScoreBook, Spread, spread
from stiltwalk.tasks import TASKS


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
        for arm in run.arms:
            pairs = [
                (scores[ENGLISH], fmean(rest))
                for scores in book.by_seed(arm, task).values()
                if ENGLISH in scores
                and (
                    rest := [
                        scores[each]
                        for each in TASKS[task].languages
                        if each != ENGLISH and each in scores
                    ]
                )
            ]
            if pairs:
                found[arm, task] = EnglishAndRest(
                    english=spread([english for english, _ in pairs]),
                    rest=spread([rest for _, rest in pairs]),
                    lost=spread([english - rest for english, rest in pairs]),
                )
    return found
