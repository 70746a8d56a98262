"""The page's tables of languages: every one of them, and groups."""

from __future__ import annotations

from collections.abc import Mapping

from stiltwalk.report.findings import Findings
from stiltwalk.report.language_groups import GROUPED, GROUPINGS, GroupScore, group_scores
from stiltwalk.report.markup import Td, Tr, escape, name, table
from stiltwalk.report.numbers import percent, points, points_spread
from stiltwalk.report.rows import RunRows
from stiltwalk.report.series import Point, label, ordered_languages


def languages(found: Findings) -> str:
    """Return score and gain per arm, language and target, to be filtered by arm."""
    run = found.run
    by_cell = {(p["arm"], p["name"], p["task"]): p for p in found.points}
    body = [
        Tr(
            cells=[
                Td(html=escape(label(language)), key=label(language), head=True),
                Td(html=name(arm), key=arm),
                *(_cell(run, by_cell, arm, language, task) for task in run.targets),
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
    caption = (
        "Score in percent; below it the gain over “none” in points. * marks a gain that a paired "
        "test confirms (5 %, Holm over all arms, targets and languages of the run); with one seed "
        "it knows the noise of test examples alone. Point at it for p."
    )
    return table("language-scores", caption, head, body)


def groups(run: RunRows) -> str:
    """Return score and gain per group of languages and arm, to be filtered by kind of group."""
    rows: dict[tuple[str, str], dict[str, GroupScore]] = {}
    for each in group_scores(run):
        rows.setdefault((each.grouping, each.group), {})[each.arm] = each
    body = []
    for (grouping, group), arms in rows.items():
        codes = next(iter(arms.values())).languages
        shown = f"{escape(group)}<small>{escape(' '.join(codes))}</small>"
        cells = [Td(html=shown, key=group, head=True)]
        cells += [_group_cell(arms.get(arm)) for arm in run.arms]
        body.append(Tr(cells=cells, tags={"grouping": grouping}))
    head = [Td(html="languages"), *(Td(html=name(arm), css="num") for arm in run.arms)]
    caption = (
        "Score in percent, the mean over targets of the mean over the group's languages, without "
        "English; below it the gain over “none” in points. Groups meet different targets: compare "
        "along a row, not down a column. Resources are the classes of Joshi et al. (2020)."
    )
    without = {code for task in run.targets for code in run.languages_of(task)} - GROUPED
    if without:
        caption += f" {len(without)} languages of targets outside XTREME are in no group."
    return table("groups", caption, head, body) if body else ""


def grouping_names() -> tuple[str, ...]:
    """Return the ways in which languages are grouped."""
    return tuple(GROUPINGS)


def _group_cell(score: GroupScore | None) -> Td:
    if score is None:
        return Td(html='<span class="missing">missing</span>', key=-1.0, css="num")
    gain = f"<small>{points_spread(score.gain)}</small>" if score.gain else ""
    return Td(html=f"{percent(score.score.mean)}{gain}", key=score.score.mean, css="num")


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
        title = f' title="{escape(point["test"])}"' if point["test"] else ""
        gain = f"<small{title}>{points(point['gain'] / 100)}{'*' * point['clear']}</small>"
    return Td(html=f"{point['score']:.1f}{gain}", key=point["score"], css="num")
