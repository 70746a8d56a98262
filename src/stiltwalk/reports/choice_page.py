"""The page on which a reader says what is good enough, and sees the cheapest system that is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import exp, inf, log
from statistics import fmean
from typing import Any

import numpy as np

from stiltwalk.metrics.score import checkpoint_score
from stiltwalk.records import ExampleScoreRow, Split
from stiltwalk.reports.data import RunRows
from stiltwalk.reports.parts import Document, Graphic, Part, Section, Sliders, Words
from stiltwalk.reports.scores import ScoreBook, trained_seeds
from stiltwalk.reports.systems import costs_of
from stiltwalk.reports.wording import notices, plural
from stiltwalk.selection.choose import EQUAL, PRICE
from stiltwalk.tables.html import escape
from stiltwalk.timing.record import Speed
from stiltwalk.wording import rounded

_COLOURS = {True: "#0072b2", False: "#999999"}
_WIDTH, _HEIGHT, _EDGE = 640, 300, 48
_DIGITS = 5
Row = Mapping[str, Any]
Spot = tuple[float, float, str, bool]
"""Across, up, what it is, and whether it stands out."""


def choice_report(
    title: str, runs: Mapping[str, RunRows], comparisons: Sequence[Speed]
) -> Document | None:
    """Return the page; None where nothing has a score.

    Args:
        title: of the page.
        runs: what stands before an arm's name in that of a system, and the run of its arms.
        comparisons: their models named as the systems are.
    """
    found = [each for before, run in runs.items() for each in _systems(before, run, comparisons)]
    tasks = tuple(dict.fromkeys(task for each in found for task in each["scores"]))
    if not tasks:
        return None
    return Document(
        brand="choice",
        title=title,
        lead="Which system is the cheapest that is good enough?",
        chips=(plural(len(found), "system"), plural(len(tasks), "task")),
        banners=tuple(dict.fromkeys(each for run in runs.values() for each in notices(run))),
        sections=(
            Section(
                name="answer",
                link="Choice",
                title="What is good enough",
                parts=_parts(found, tasks),
            ),
        ),
    )


def _parts(found: Sequence[Row], tasks: Sequence[str]) -> tuple[Part, ...]:
    asked = {
        "tasks": list(tasks),
        "languages": sorted({e for s in found for of in s["scores"].values() for e in of}),
        "systems": found,
        "equal": EQUAL,
    }
    parts: list[Part] = [
        Words(
            "A floor holds in each language that is ticked and that its task was tested in: a mean "
            "that hides one does not pass. Costs are the highest over the tasks with a floor. The "
            "share of resamples is a lower bound, from errors; “stiltwalk choose” counts it.",
            look="aid",
        ),
        Sliders(asked),
    ]
    if spots := list(lost_and_gained(found)):
        parts += [
            Graphic(
                "Quality lost per speed gained",
                scatter(
                    spots,
                    "times as fast as the best system (p50)",
                    "points against it; blue loses none",
                ),
            ),
            Words(
                "All that was timed, against the system of the highest mean score: a base, an arm, "
                "a format, an engine, and for retrieval a layer (retrieval.relative_depth). Heads "
                "always read the last block, so no system classifies from an earlier one.",
                look="aid",
            ),
        ]
    return tuple(parts)


def _systems(before: str, run: RunRows, comparisons: Sequence[Speed]) -> Iterator[Row]:
    """Yield every arm with any score: costs and scores by task, a score per seed with its error."""
    book = ScoreBook(run.rows, Split.TEST, trained_seeds(run.rows), run.languages_of)
    rows = {(e.arm, e.row.task, e.row.language, e.row.seed): e.row for e in run.example_scores}
    costs = {task: costs_of(comparisons, [task]) for task in run.targets}
    for arm in run.arms:
        scores: dict[str, dict[str, list[Any]]] = {}
        for task in run.targets:
            for seed, languages in book.by_seed(arm, task).items():
                for code, figures in languages.items():
                    row = rows.get((arm, task, code, seed)) or rows.get((arm, task, code, 0))
                    each = [round(checkpoint_score(figures), _DIGITS), row and _error(row)]
                    scores.setdefault(task, {}).setdefault(code, []).append(each)
        name = before + arm
        made = run.made_of.get(arm)
        if scores:
            yield {
                "name": name,
                "says": ", ".join(filter(None, [run.model, made.says if made else ""])),
                "scores": scores,
                "costs": {task: _bounded(of[name]) for task, of in costs.items() if name in of},
            }


def _bounded(costs: Mapping[str, tuple[float, float]]) -> dict[str, list[float | None]]:
    """Return costs as JSON can tell them: None for no upper bound."""
    return {key: [low, None if high == inf else high] for key, (low, high) in costs.items()}


def _error(row: ExampleScoreRow) -> float:
    """Return the standard error of a score that rests on these examples."""
    won_N, of_N = np.array(row.won), np.array(row.of)
    score = won_N.sum() / max(of_N.sum(), 1e-9)
    return round(float(np.sqrt(((won_N - score * of_N) ** 2).sum()) / of_N.sum()), _DIGITS)


def lost_and_gained(found: Sequence[Row]) -> Iterator[Spot]:
    """Yield every timed system: how many times as fast as the best, and its points against it.

    Scores are means over what all of them were tested in, speeds geometric means over tasks.
    """
    timed = [each for each in found if any(PRICE in of for of in each["costs"].values())]
    if len(timed) < 2:  # noqa: PLR2004 - one is compared with nothing
        return
    places = set.intersection(
        *({(task, code) for task, of in e["scores"].items() for code in of} for e in timed)
    )
    tasks = set.intersection(*({t for t, of in e["costs"].items() if PRICE in of} for e in timed))
    if not (places and tasks):
        return
    rated = [
        (
            fmean(score for task, code in places for score, _ in each["scores"][task][code]),
            fmean(log(each["costs"][task][PRICE][1]) for task in tasks),
            each["name"],
        )
        for each in timed
    ]
    best, slow, _ = max(rated)
    for quality, time, name in rated:
        yield exp(slow - time), 100 * (quality - best), name, quality == best


def scatter(spots: Sequence[Spot], across: str, upwards: str) -> str:
    """Return points as SVG; the captions tell what the axes are."""
    lefts, tops = _scale([x for x, *_ in spots]), _scale([y for _, y, *_ in spots])

    def at(x: float, y: float) -> tuple[float, float]:
        left, up = ((v - low) / (high - low) for v, (low, high) in ((x, lefts), (y, tops)))
        return _EDGE + left * (_WIDTH - 4 * _EDGE), _HEIGHT - _EDGE - up * (_HEIGHT - 2 * _EDGE)

    marks = []
    for x, y, name, is_first in spots:
        left, top = map(round, at(x, y))
        marks.append(
            f'<circle cx="{left}" cy="{top}" r="5" fill="{_COLOURS[is_first]}"/>'
            f'<text x="{left + 8}" y="{top + 4}" font-size="11" fill="currentColor">'
            f"{escape(name)} ({rounded(y, 1)}, {x:.3g})</text>"
        )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" role="img">{"".join(marks)}'
        f'<text x="{_EDGE}" y="{_HEIGHT - 12}" font-size="12" fill="currentColor">{across}, '
        f"{lefts[0]:.3g} to {lefts[1]:.3g}; upwards {upwards}, {rounded(tops[0], 1)} to "
        f"{rounded(tops[1], 1)}</text></svg>"
    )


def _scale(values: Sequence[float]) -> tuple[float, float]:
    """Return where an axis begins and ends, a tenth beyond its values."""
    low, high = min(values), max(values)
    room = 0.1 * (high - low) or 0.1 * abs(high) or 1.0
    return low - room, high + room
