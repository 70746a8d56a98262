"""Targets and languages: maps, bars, gains, and groups of languages."""

from __future__ import annotations

from collections.abc import Mapping

from stiltwalk.reports.charts.figures import gain_map, gains, language_bars, lengths, score_map
from stiltwalk.reports.charts.series import Point, label, ordered_languages
from stiltwalk.reports.data import RunRows
from stiltwalk.reports.findings import Findings
from stiltwalk.reports.parts import Beside, Folded, Heading, Section, charts_of, chosen_by
from stiltwalk.reports.scores import GROUPED, GROUPINGS, GroupScore, group_scores
from stiltwalk.reports.wording import MISSING, percent, points, points_spread
from stiltwalk.tables.table import PAGE, Cell, Table, heads


def languages(found: Findings) -> Section:
    """Return scores and gains language by language."""
    run, arm, drawn = found.run, found.first_arm, list(found.points)
    maps = charts_of(score_map(run, drawn, arm), gain_map(run, drawn, arm))
    bars = charts_of(language_bars(run, drawn), gains(run, drawn), lengths(run, drawn))
    numbers = language_table(found)
    return Section(
        name="languages",
        link="Languages",
        title="Targets and languages",
        parts=(
            *chosen_by("arm", "Arm", run.arms, [*maps, numbers.name], arm),
            Beside(maps),
            Folded("The numbers: every language of this arm", (numbers,)),
            Heading("One target, language by language"),
            *chosen_by("task", "Target", run.targets, bars),
            Beside(bars),
            Heading("Groups of languages"),
            *chosen_by("grouping", "By", tuple(GROUPINGS), ["groups"]),
            groups(run),
        ),
        formats=PAGE,
    )


def language_table(found: Findings) -> Table:
    """Return score and gain per arm, language and target, to be filtered by arm."""
    run = found.run
    by_cell = {(p["arm"], p["name"], p["task"]): p for p in found.points}
    return Table(
        name="language-scores",
        title="Scores by language",
        note="Score in percent; below it the gain over “none” in points. * marks a gain that a "
        "paired test confirms (5 %, Holm over all arms, targets and languages of the run); with "
        "one seed it knows the noise of test examples alone. Point at it for p.",
        columns=heads("language", "arm", *run.targets),
        rows=tuple(
            (
                *heads(label(language), arm),
                *(_language(run, by_cell, arm, language, task) for task in run.targets),
            )
            for arm in run.arms
            for language in ordered_languages(run, run.targets)
        ),
        filtered=("arm", 1),
        formats=PAGE,
    )


def _language(
    run: RunRows, found: Mapping[tuple[str, str, str], Point], arm: str, language: str, task: str
) -> Cell:
    """Return one score; empty where the target does not have the language."""
    if language not in run.languages_of(task):
        return Cell("")
    point = found[arm, label(language), task]
    if point["score"] is None:
        return Cell(MISSING, tone="missing", note=point["missing"])
    gain = ""
    if point["gain"] is not None:
        gain = points(point["gain"] / 100) + "*" * point["clear"]
    return Cell(f"{point['score']:.1f}", point["score"], gain, note=point["test"])


def groups(run: RunRows) -> Table:
    """Return score and gain per group of languages and arm, to be filtered by kind of group."""
    found: dict[tuple[str, str], dict[str, GroupScore]] = {}
    for each in group_scores(run):
        found.setdefault((each.grouping, each.group), {})[each.arm] = each
    note = (
        "Score in percent, the mean over targets of the mean over the group's languages, without "
        "English; below it the gain over “none” in points. Groups meet different targets: compare "
        "along a row, not down a column. Resources are the classes of Joshi et al. (2020)."
    )
    without = {code for task in run.targets for code in run.languages_of(task)} - GROUPED
    if without:
        note += f" {len(without)} languages of targets outside XTREME are in no group."
    return Table(
        name="groups",
        title="Groups of languages",
        note=note,
        columns=heads("languages", "by", *run.arms),
        rows=tuple(
            (
                Cell(group, below=" ".join(next(iter(arms.values())).languages)),
                Cell(grouping),
                *(_group(arms.get(arm)) for arm in run.arms),
            )
            for (grouping, group), arms in found.items()
        ),
        filtered=("grouping", 1),
        formats=PAGE,
    )


def _group(found: GroupScore | None) -> Cell:
    if found is None:
        return Cell(MISSING, tone="missing")
    gain = points_spread(found.gain) if found.gain else ""
    return Cell(percent(found.score.mean), found.score.mean, gain)
