"""The points that figures draw, in percent: one record per arm, task and language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stiltwalk.records import BASELINE_ARM, Split
from stiltwalk.reports.costs import speed_per_language
from stiltwalk.reports.data import ArmScore, RunRows
from stiltwalk.reports.scores import ScoreBook, spread, trained_seeds
from stiltwalk.reports.significance import PairedTest
from stiltwalk.reports.transfer import why_missing
from stiltwalk.reports.wording import language_name

Point = dict[str, Any]
"""A record of a figure's data: names, and numbers rounded to what can be seen."""


def ordered_languages(run: RunRows, targets: Sequence[str]) -> tuple[str, ...]:
    """Return the languages that some targets were to be tested in: English, then by name."""
    found = {language for task in targets for language in run.languages_of(task)}
    return tuple(sorted(found, key=lambda code: (code != "en", language_name(code))))


Tests = Mapping[tuple[str, str, str], PairedTest]


def language_points(run: RunRows, tests: Tests) -> list[Point]:
    """Return score and gain per arm, task and language; `missing` holds a reason or None.

    Args:
        run: the rows.
        tests: (arm, target, language) to the test of the gain; `clear` tells where it holds.
    """
    book = ScoreBook(run.rows, Split.TEST, trained_seeds(run.rows))
    counts = _test_rows(run.rows)
    points = []
    for place, arm in enumerate(run.arms):
        for task in run.targets:
            for language in ordered_languages(run, [task]):
                score = spread(book.language_scores(arm, task, language).values())
                first = spread(book.language_scores(run.arms[0], task, language).values())
                reason = None if score else why_missing(run, arm, task, [language])
                points.append(
                    {
                        "arm": arm,
                        "place": place,
                        "task": task,
                        "name": label(language),
                        "score": _percent(score.mean) if score else None,
                        "sd": _percent(score.sd) if score and score.sd is not None else None,
                        "gain": _gain(book, arm, task, language),
                        **_tested(tests.get((arm, task, language))),
                        "rank": _percent(first.mean) if first else 0.0,
                        "num_examples": counts.get((task, language)),
                        "missing": reason,
                    }
                )
    english_first = {label(code): i for i, code in enumerate(ordered_languages(run, run.targets))}
    return sorted(points, key=lambda p: english_first[p["name"]])


def baseline_points(run: RunRows) -> list[Point]:
    """Return the baselines' scores per task and language."""
    book = ScoreBook(run.baselines, Split.TEST)
    first = ScoreBook(run.rows, Split.TEST)
    points = []
    for name in dict.fromkeys(each.arm for each in run.baselines):
        for task in run.targets:
            for language in ordered_languages(run, [task]):
                score = spread(book.language_scores(name, task, language).values())
                rank = spread(first.language_scores(run.arms[0], task, language).values())
                if score and rank:
                    points.append(
                        {
                            "arm": name,
                            "task": task,
                            "name": label(language),
                            "score": _percent(score.mean),
                            "rank": _percent(rank.mean),
                        }
                    )
    return points


def speed_points(run: RunRows) -> list[Point]:
    """Return tokens per second, time per example and padding per arm, task and language."""
    return [
        {
            "arm": each.arm,
            "task": each.task,
            "name": label(each.language),
            "tokens_per_s": round(each.tokens_per_s, 1),
            "ms_per_example": round(each.ms_per_example, 4),
            "padding": _percent(each.padding),
        }
        for each in speed_per_language(run)
    ]


def label(language: str) -> str:
    """Return a language's English name and its code."""
    return f"{language_name(language)} ({language})"


def _tested(test: PairedTest | None) -> Point:
    """Return whether a gain is confirmed, and by what."""
    if test is None:
        return {"clear": False, "test": ""}
    said = f"{test.test}: p = {test.p:.2g}, {test.p_holm:.2g} after Holm"
    return {"clear": test.is_clear, "test": said}


def _gain(book: ScoreBook, arm: str, task: str, language: str) -> float | None:
    """Return the mean gain in one language over the seeds that both arms have, in points."""
    if arm == BASELINE_ARM:
        return None
    gain = spread(book.language_gains(arm, BASELINE_ARM, task, language).values())
    return _percent(gain.mean) if gain else None


def _test_rows(rows: Sequence[ArmScore]) -> dict[tuple[str, str], int]:
    """Return (task, language) to the number of test rows."""
    return {
        (each.row.task, each.row.language): each.row.num_examples
        for each in rows
        if each.row.split == Split.TEST
    }


def _percent(fraction: float) -> float:
    """Return percent to a hundredth, which no eye tells from the full figure."""
    return round(100 * fraction, 2)
