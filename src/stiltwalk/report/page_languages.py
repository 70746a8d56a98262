"""The page's table of every language: the numbers that the heat maps draw."""

from __future__ import annotations

from collections.abc import Mapping

from stiltwalk.report.markup import Td, Tr, escape, name, table
from stiltwalk.report.numbers import points
from stiltwalk.report.rows import RunRows
from stiltwalk.report.series import Point, label, language_points, ordered_languages


def languages(run: RunRows) -> str:
    """Return score and gain per arm, language and target, to be filtered by arm."""
    found = {(p["arm"], p["name"], p["task"]): p for p in language_points(run)}
    body = [
        Tr(
            cells=[
                Td(html=escape(label(language)), key=label(language), head=True),
                Td(html=name(arm), key=arm),
                *(_cell(run, found, arm, language, task) for task in run.targets),
            ],
            tags={"arm": arm},
        )
        for arm in run.arms
        for language in ordered_languages(run, run.targets)
    ]
    head = [
        Td(html="language"),
        Td(html="arm"),
        *(Td(html=name(task), css="num") for task in run.targets),
    ]
    caption = "Score in percent; below it the gain over “none” in points."
    return table("language-scores", caption, head, body)


def _cell(
    run: RunRows, found: Mapping[tuple[str, str, str], Point], arm: str, language: str, task: str
) -> Td:
    """Return one score; empty where the target does not have the language."""
    if language not in run.languages_of(task):
        return Td(html="", key=-1.0, css="num")
    point = found[arm, label(language), task]
    if point["score"] is None:
        reason = escape(point["missing"])
        return Td(
            html=f'<span class="missing" title="{reason}">missing</span>', key=-1.0, css="num"
        )
    gain = ""
    if point["gain"] is not None:
        gain = f"<small>{points(point['gain'] / 100)}</small>"
    return Td(html=f"{point['score']:.1f}{gain}", key=point["score"], css="num")
