"""The report's tables as rows of text, from which Markdown and LaTeX are made."""

from __future__ import annotations

from collections.abc import Iterator

from stiltwalk.records import BASELINE_ARM
from stiltwalk.report.choice import guard_cost
from stiltwalk.report.english import english_and_rest
from stiltwalk.report.few_shot import Accuracy, few_shot
from stiltwalk.report.findings import Findings
from stiltwalk.report.numbers import (
    ABOUT_ZERO,
    DASH,
    count,
    duration,
    figures,
    percent,
    percent_spread,
    points,
    points_spread,
)
from stiltwalk.report.plain_table import PlainTable
from stiltwalk.report.plain_verdicts import speed_tables
from stiltwalk.report.published import published_for
from stiltwalk.report.rows import RunRows
from stiltwalk.report.speed import speed_per_arm
from stiltwalk.report.tables import ScoreCell, TransferRow
from stiltwalk.report.training import training_costs

MISSING = "missing"


def plain_tables(found: Findings) -> Iterator[PlainTable]:
    """Yield the tables that have something to show, in the order of the page."""
    for each in (
        _matrix(found),
        _claims(found),
        _english(found.run),
        few_shot_table(found.run),
        _guard(found.run),
        _speed(found.run),
        _training(found.run),
        *speed_tables(found.run.comparisons),
    ):
        if each.rows:
            yield each


def _matrix(found: Findings) -> PlainTable:
    table = found.table
    columns = (*table.tasks, *table.means)
    rows = [
        (arm, *(_cell(column.cells[place]) + _mark(column, arm) for column in columns))
        for place, arm in enumerate(table.arms)
    ]
    rows.append(("chosen on dev", *(_cell(c.chosen) if c.chosen else DASH for c in columns)))
    for system in published_for(found.run.model):
        figures_ = [
            system.average / 100 if column.name == "overall" else system.score(column.name)
            for column in columns
        ]
        shown = (DASH if each is None else percent(each) for each in figures_)
        rows.append((f"{system.system} (published)", *shown))
    for place, name in enumerate(table.baselines):
        scores = [column.baselines[place].score for column in columns]
        rows.append((f"{name} (baseline)", *(percent(s.mean) if s else DASH for s in scores)))
    return PlainTable(
        name="transfer",
        title="Targets and arms",
        note="Task score in percent, in brackets the gain over “none” in points; (d) marks the arm "
        "that is best on English dev, (m) the one that is best on the mean dev score of the "
        f"others, {ABOUT_ZERO} a gain inside the noise, * one that is clear even when corrected "
        "for all gains of the table.",
        head=("arm", *(column.name for column in columns)),
        rows=tuple(rows),
    )


def _cell(cell: ScoreCell) -> str:
    """Return a score with its gain."""
    if not cell.score:
        return MISSING
    sign = f"{ABOUT_ZERO} " * cell.is_noise
    star = "*" * cell.is_clear
    gain = f" ({sign}{points_spread(cell.gain)}{star})" if cell.gain else ""
    return f"{percent_spread(cell.score)}{gain}"


def _mark(column: TransferRow, arm: str) -> str:
    """Return the sign of the arm chosen on dev."""
    if not column.choice or column.choice.arm != arm:
        return ""
    return " (d)" if column.choice.own_dev else " (m)"


def _claims(found: Findings) -> PlainTable:
    return PlainTable(
        name="claims",
        title="Claims",
        note="A claim of the paper is about XLM-R Large on full test sets; what another run shows "
        "of the same predicate is about its own model. Intervals cover 95 %, over seeds and test "
        "examples together, corrected where one of many decides.",
        head=("claim", "says", "predicate", "verdict", "why"),
        rows=tuple(
            (
                each.name,
                f"{each.says} ({each.source})" if each.source else each.says,
                each.predicate or DASH,
                f"{each.verdict} (this model: {each.here})" if each.here else str(each.verdict),
                " ".join(filter(None, [each.untested, each.why, "; ".join(each.breaches)])) or DASH,
            )
            for each in found.claims
        ),
        num_left=5,
        prose=True,
    )


def _english(run: RunRows) -> PlainTable:
    found = english_and_rest(run)
    return PlainTable(
        name="english",
        title="English → mean of the other languages",
        note="Percent, in brackets the difference in points.",
        head=("target", *run.arms),
        rows=tuple(
            (
                task,
                *(
                    f"{percent(c.english.mean)} → {percent(c.rest.mean)} ({points(-c.lost.mean)})"
                    if (c := found.get((arm, task)))
                    else MISSING
                    for arm in run.arms
                ),
            )
            for task in run.targets
            if any((arm, task) in found for arm in run.arms)
        ),
    )


def few_shot_table(run: RunRows) -> PlainTable:
    """Return prompts and few examples side by side; without rows where there are none."""
    return PlainTable(
        name="few-shot",
        title="Prompts and few examples",
        note="Accuracy in percent: all classes, then the rows of those that were not learned, "
        "answered among these alone. After ± the standard deviation over seeds, each of which "
        "draws its own rows; 0 seeds: nothing was trained.",
        head=(
            *("arm", "target", "answered by", "rows a class", "seeds"),
            *("chance", "English", "mean of languages"),
            *("unseen: chance", "English", "mean of languages"),
        ),
        rows=tuple(
            (
                each.arm,
                each.task,
                each.answers,
                each.rows,
                count(each.seeds),
                *_accuracy(each.every),
                *_accuracy(each.unseen),
            )
            for each in few_shot(run)
        ),
        num_left=3,
    )


def _accuracy(found: Accuracy | None) -> tuple[str, str, str]:
    if found is None:
        return DASH, DASH, DASH
    english = percent_spread(found.english) if found.english else DASH
    return percent(found.chance), english, percent_spread(found.languages)


def _guard(run: RunRows) -> PlainTable:
    return PlainTable(
        name="guard",
        title="What choosing on dev cost",
        note="Test score of the arm chosen on English dev against that of the arm that a look at "
        "the test scores would have chosen, the luckiest of several: the difference is the most "
        "that the rule can have cost. No choice in this report looks at test scores.",
        head=("target", "by dev", "score", "by test", "score", "difference"),
        rows=tuple(
            (
                each.task,
                each.by_dev,
                percent(each.dev_choice),
                each.by_test,
                percent(each.test_choice),
                points(each.dev_choice - each.test_choice),
            )
            for each in guard_cost(run)
        ),
    )


def _speed(run: RunRows) -> PlainTable:
    return PlainTable(
        name="speed",
        title="Speed seen during prediction",
        note="Unpaired: observed while predicting, no verdict.",
        head=("arm", "tokens/s", "ms per example", "padding, %", "tokens per example", "examples"),
        rows=tuple(
            (
                each.arm,
                figures(each.tokens_per_s),
                figures(each.ms_per_example),
                percent(each.padding),
                figures(each.tokens_per_example),
                count(each.num_examples),
            )
            for each in speed_per_arm(run)
        ),
    )


def _training(run: RunRows) -> PlainTable:
    return PlainTable(
        name="training",
        title="What training took",
        note="All seeds together; a stage that several arms share counts in each.",
        head=("arm", "stages", "real tokens", "time", f"time more than “{BASELINE_ARM}”"),
        rows=tuple(
            (
                each.arm,
                count(each.num_stages),
                count(each.num_tokens),
                duration(each.time_s),
                DASH if each.more_s is None else duration(each.more_s),
            )
            for each in training_costs(run)
        ),
    )
