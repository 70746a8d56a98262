"""Targets and languages: maps, bars, gains, and groups of languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stiltwalk.metrics.aggregate import mean
from stiltwalk.records import BASELINE_ARM, Split
from stiltwalk.reports.charts import (
    Point,
    gain_map,
    gains,
    in_percent,
    language_bars,
    lengths,
    score_map,
)
from stiltwalk.reports.data import RunRows
from stiltwalk.reports.findings import Findings
from stiltwalk.reports.parts import Folded, Heading, Section, SideBySide, charts_of, chosen_by
from stiltwalk.reports.scores import (
    GROUPED,
    GROUPINGS,
    ScoreBook,
    Spread,
    group_score,
    language_groups,
    spread,
    trained_seeds,
)
from stiltwalk.reports.significance import PairedTest, paired_tests
from stiltwalk.reports.wording import (
    MISSING,
    label,
    ordered_languages,
    percent,
    points,
    points_spread,
)
from stiltwalk.tables.table import PAGE, Cell, Table, heads
from stiltwalk.wording import rounded


def languages(found: Findings) -> Section:
    """Return scores and gains language by language."""
    run, arm = found.run, found.first_arm
    drawn = language_points(run, paired_tests(run, found.drawn))
    maps = charts_of(score_map(run, drawn, arm), gain_map(run, drawn, arm))
    bars = charts_of(language_bars(run, drawn), gains(run, drawn), lengths(run, drawn))
    numbers = _language_table(run, drawn)
    return Section(
        name="languages",
        link="Languages",
        title="Targets and languages",
        parts=(
            *chosen_by("arm", "Arm", run.arms, [*maps, numbers.name], arm),
            SideBySide(maps),
            Folded("The numbers: every language of this arm", (numbers,)),
            Heading("One target, language by language"),
            *chosen_by("task", "Target", run.targets, bars),
            SideBySide(bars),
            Heading("Groups of languages"),
            *chosen_by("grouping", "By", tuple(GROUPINGS), ["groups"]),
            groups(run),
        ),
        formats=PAGE,
        is_folded=True,
    )


def _language_table(run: RunRows, points: Sequence[Point]) -> Table:
    by_cell = {(p["arm"], p["name"], p["task"]): p for p in points}
    return Table(
        name="language-scores",
        title="Scores by language",
        note="Score in percent; below it the gain over the baseline in points. * marks a gain that "
        "a paired test confirms (5 %, Holm over all arms, targets and languages of the run); with "
        "one seed it knows only the noise of test examples. Hover over it for p.",
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
    if language not in run.languages_of(task):
        return Cell("")
    point = found[arm, label(language), task]
    if point["score"] is None:
        return Cell(MISSING, tone="missing", note=point["missing"])
    gain = ""
    if point["gain"] is not None:
        gain = point["gained"] + "*" * point["clear"]
    return Cell(rounded(point["score"], 1), point["score"], gain, note=point["test"])


def groups(run: RunRows) -> Table:
    """Return score and gain per group of languages and arm, to be filtered by sort of group."""
    book = ScoreBook(run.rows, Split.TEST, trained_seeds(run.rows), run.languages_of)
    rows = [
        (
            Cell(group, below=" ".join(languages)),
            Cell(grouping),
            *(_group(*group_score(run, book, arm, languages)) for arm in run.arms),
        )
        for grouping, group, languages in language_groups(run)
    ]
    note = (
        "Score in percent, the mean over targets of the mean over the group's languages, without "
        "English; below it the gain over the baseline in points. Groups cover different targets: "
        "compare within a row, not down a column. Resources are the classes of Joshi et al. (2020)."
    )
    without = {code for task in run.targets for code in run.languages_of(task)} - GROUPED
    if without:
        note += f" {len(without)} languages of targets outside XTREME are in no group."
    return Table(
        name="groups",
        title="Groups of languages",
        note=note,
        columns=heads("languages", "by", *run.arms),
        rows=tuple(row for row in rows if any(cell.tone != "missing" for cell in row[2:])),
        filtered=("grouping", 1),
        formats=PAGE,
    )


def _group(score: Spread | None, gain: Spread | None) -> Cell:
    if score is None:
        return Cell(MISSING, tone="missing")
    return Cell(percent(score.mean), score.mean, points_spread(gain) if gain else "")


def language_points(
    run: RunRows, tests: Mapping[tuple[str, str, str], PairedTest]
) -> tuple[Point, ...]:
    """Return score and gain per arm, task and language; `missing` holds a reason or None."""
    book = ScoreBook(run.rows, Split.TEST, trained_seeds(run.rows))
    test_rows = {
        (each.row.task, each.row.language): each.row.num_examples
        for each in run.rows
        if each.row.split == Split.TEST
    }
    found = []
    for place, arm in enumerate(run.arms):
        for task in run.targets:
            for language in ordered_languages(run, [task]):
                score = spread(book.language_scores(arm, task, language).values())
                gains = list(book.language_gains(arm, BASELINE_ARM, task, language).values())
                first = spread(book.language_scores(run.arms[0], task, language).values())
                has_gain = gains and arm != BASELINE_ARM
                found.append(
                    {
                        "arm": arm,
                        "place": place,
                        "task": task,
                        "name": label(language),
                        "score": in_percent(score.mean if score else None),
                        "sd": in_percent(score.sd if score else None),
                        "gain": in_percent(mean(gains) if has_gain else None),
                        "gained": points(mean(gains)) if has_gain else None,
                        **_tested(tests.get((arm, task, language))),
                        "rank": in_percent(first.mean if first else 0.0),
                        "num_examples": test_rows.get((task, language)),
                        "missing": None if score else run.why_missing(arm, task, [language]),
                    }
                )
    english_first = {label(code): i for i, code in enumerate(ordered_languages(run, run.targets))}
    return tuple(sorted(found, key=lambda p: english_first[p["name"]]))


def _tested(test: PairedTest | None) -> Point:
    if test is None:
        return {"clear": False, "test": ""}
    said = f"{test.test}: p = {test.p:.2g}, {test.p_holm:.2g} after Holm"
    return {"clear": test.is_clear, "test": said}
