"""The page of two models: quality per language, verdicts about speed, and what stands behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stiltwalk.metrics.aggregate import mean
from stiltwalk.records import Split
from stiltwalk.reports.charts.figures import language_bars, pareto
from stiltwalk.reports.charts.series import label, language_points, ordered_languages
from stiltwalk.reports.costs import efficiency
from stiltwalk.reports.data import RunRows, rows_of_pair, with_visible_names
from stiltwalk.reports.frame import choice, framed, place
from stiltwalk.reports.scores import ScoreBook
from stiltwalk.reports.sections import instrument, verdicts
from stiltwalk.reports.sections import scores as page_tables
from stiltwalk.reports.sections.details import provenance
from stiltwalk.reports.sections.instrument import footprint, splits
from stiltwalk.reports.wording import duration, notices, percent, plural, points
from stiltwalk.tables.html import Td, Tr, escape, name, number, table
from stiltwalk.timing.record import VOID, Speed

Differences = Mapping[str, Mapping[str, tuple[float, float]]]
"""Target to language to the scores of A and B, fractions."""


def pair_page(speed: Speed) -> str:
    """Return the page of one comparison: the same record gives the same page."""
    run = with_visible_names(rows_of_pair(speed))
    scores = _scores(run)
    bars = [language_bars(run, list(language_points(run, {})))] if run.targets else []
    front = [each for each in (pareto([speed]),) if each]
    compared = tuple(dict.fromkeys(each.task for each in efficiency([speed])))
    parts = {
        **_words(run, speed, scores),
        "verdicts": verdicts.together(0, [speed]) + verdicts.verdict_table(0, speed),
        "weighing": verdicts.weighing([speed]),
        "pareto_choice": choice("task", "Target", compared, "", front),
        "pareto_figures": "".join(map(place, front)),
        "quality": _quality(run, scores),
        "english": page_tables.english(run),
        "bars_choice": choice("task", "Target", run.targets, "", [*bars, "quality-languages"]),
        "bars_figures": "".join(map(place, bars)),
        "languages": _languages(run, scores),
        "structure": _structure(speed),
        "controls": instrument.blocks(0, speed) + instrument.controls(0, speed),
        "behind": footprint(0, speed)
        + splits(0, speed)
        + instrument.languages(0, speed)
        + instrument.costs(0, speed)
        + instrument.loadgen(0, speed),
        "machine": instrument.machine(0, speed),
        "design": escape(instrument.design(speed)),
        "provenance": provenance(run),
        "time": escape(duration(speed.time_s)),
    }
    return framed("pair_page.html", parts, [*bars, *front])


def _scores(run: RunRows) -> Differences:
    """Return the scores of both models where both have one."""
    book = ScoreBook(run.rows, Split.TEST)
    return {
        task: {
            language: (ours[0], theirs[0])
            for language in ordered_languages(run, [task])
            if (ours := book.language_scores(run.arms[0], task, language))
            and (theirs := book.language_scores(run.arms[1], task, language))
        }
        for task in run.targets
    }


def _words(run: RunRows, speed: Speed, scores: Differences) -> Mapping[str, str]:
    """Return the parts that are sentences."""
    languages = {each.language for each in speed.languages} | set(run.languages or ())
    chips = (
        plural(len(speed.structure), "target"),
        plural(len(languages), "language") if languages else "",
        f"profile {speed.design.profile}",
        speed.design.device,
    )
    banners = "".join(f'<p class="banner"><b>{escape(each)}</b></p>' for each in notices(run))
    answer = "No answer about speed: the instrument failed its own controls."
    if any(cell.verdict != VOID for cell in speed.cells):
        answer = next(each for each in speed.summary if not each.startswith(VOID))
    return {
        "title": escape(run.title),
        "question": escape(speed.question),
        "chips": "".join(f"<li>{escape(each)}</li>" for each in chips if each),
        "banners": banners + verdicts.banner(speed),
        "answer": escape(answer),
        "summary": verdicts.summary(speed),
        "better": "".join(f"<li>{escape(each)}</li>" for each in _said(run, scores)),
    }


def _said(run: RunRows, scores: Differences) -> Sequence[str]:
    """Return how the quality of the second model compares, a sentence per target."""
    if not scores:
        return ("Quality: no score of both models is at hand; arms of a run, RUN:ARM, have them.",)
    return [
        f"{task}: {run.arms[1]} scores {percent(mean([b for _, b in pairs]))} against "
        f"{percent(mean([a for a, _ in pairs]))} of {run.arms[0]} "
        f"({points(mean([b - a for a, b in pairs]))} points), higher in "
        f"{sum(b > a for a, b in pairs)} of {plural(len(pairs), 'language')}."
        for task, found in scores.items()
        for pairs in [list(found.values())]
        if pairs
    ]


def _quality(run: RunRows, scores: Differences) -> str:
    """Return the score of both models per target; "" where none is known."""
    body = [
        Tr(
            cells=[
                Td(html=name(task), key=task, head=True),
                *_pair(mean([a for a, _ in pairs]), mean([b for _, b in pairs])),
                number(str(sum(b > a for a, b in pairs)), float(sum(b > a for a, b in pairs))),
                number(str(sum(b < a for a, b in pairs)), float(sum(b < a for a, b in pairs))),
                number(str(len(pairs)), float(len(pairs))),
            ]
        )
        for task, found in scores.items()
        for pairs in [list(found.values())]
        if pairs
    ]
    heads = ("difference, points", "languages higher", "lower", "of")
    head = [Td(html="target"), *_heads(run)]
    head += [Td(html=each, css="num") for each in heads]
    caption = (
        "Score in percent, the plain mean over languages. No test stands behind a difference of "
        "quality here: the page of a run holds its gains against their noise."
    )
    return table("quality", caption, head, body) if body else ""


def _languages(run: RunRows, scores: Differences) -> str:
    """Return the score of both models in every language, to be filtered by target."""
    body = [
        Tr(
            cells=[
                Td(html=escape(label(language)), key=label(language), head=True),
                Td(html=name(task), key=task),
                *_pair(*pair),
            ],
            tags={"task": task},
        )
        for task, found in scores.items()
        for language, pair in found.items()
    ]
    head = [Td(html="language"), Td(html="target"), *_heads(run)]
    head += [Td(html="difference, points", css="num")]
    caption = "Score in percent, for questions the mean of exact match and F1."
    return table("quality-languages", caption, head, body) if body else ""


def _heads(run: RunRows) -> list[Td]:
    return [Td(html=name(arm), css="num") for arm in run.arms]


def _pair(a: float, b: float) -> tuple[Td, Td, Td]:
    return number(percent(a), a), number(percent(b), b), number(points(b - a), b - a)


def _structure(speed: Speed) -> str:
    """Return the structural fingerprint's differences as a list of terms."""
    items = "".join(
        f"<div><dt>{name(task)}</dt><dd>{escape('; '.join(each) or 'structurally identical')}</dd>"
        "</div>"
        for task, each in speed.structure.items()
    )
    return f"<dl>{items}</dl>"
