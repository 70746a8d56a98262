"""The report's tables as rows of text, from which Markdown and LaTeX are made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stiltwalk.metrics.efficiency import per_warning
from stiltwalk.records import BASELINE_ARM
from stiltwalk.reports.claims import published_for
from stiltwalk.reports.costs import efficiency, speed_per_arm, training_costs, why_no_efficiency
from stiltwalk.reports.data import RunRows
from stiltwalk.reports.findings import Findings
from stiltwalk.reports.scores import Accuracy, few_shot, oracle_gap, transfer_gap
from stiltwalk.reports.transfer import ScoreCell, TransferRow
from stiltwalk.reports.wording import (
    ABOUT_ZERO,
    DASH,
    asked_figure,
    count,
    duration,
    figures,
    interval,
    percent,
    percent_spread,
    points,
    points_spread,
    timed,
)
from stiltwalk.tables.table import PlainTable
from stiltwalk.timing.combined import by_task, has_parts, pairs_of
from stiltwalk.timing.record import Speed

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
    found = transfer_gap(run)
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
            for each in oracle_gap(run)
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


def speed_tables(comparisons: Sequence[Speed]) -> Iterator[PlainTable]:
    """Yield verdicts, controls and PER; tables without rows where nothing was compared."""
    yield _verdicts(comparisons)
    yield _together(comparisons)
    yield _controls(comparisons)
    yield _weighed(comparisons)


def _verdicts(comparisons: Sequence[Speed]) -> PlainTable:
    styles = dict.fromkeys(each.design.style for each in comparisons)
    return PlainTable(
        name="verdicts",
        title="Verdicts about speed",
        note="Paired on the same requests: time of B divided by that of A, above 1 is slower. "
        f"EQUIVALENT: the 90 % interval lies inside the margin. {' '.join(styles)}. "
        f"{why_no_efficiency(comparisons)}".strip(),
        head=(
            *("A", "B", "seed", "target", "figure", "verdict", "time ratio", "90 % interval"),
            *("margin", "of A", "of B", "blocks"),
        ),
        rows=tuple(
            (
                speed.a,
                speed.b,
                str(speed.design.seed),
                f"{cell.task} {cell.language}".strip(),
                asked_figure(cell.scenario, cell.figure),
                cell.verdict,
                f"{cell.judged.ratio:.3f}",
                interval(cell.judged.low, cell.judged.high),
                f"{100 * cell.judged.margin:g} %",
                timed(cell.figure, cell.a_s),
                timed(cell.figure, cell.b_s),
                str(cell.judged.num_blocks),
            )
            for speed in comparisons
            for cell in speed.cells
        ),
        num_left=6,
    )


def _together(comparisons: Sequence[Speed]) -> PlainTable:
    combined = [
        (pairs[0], len(pairs), each)
        for pairs in pairs_of(comparisons)
        if has_parts(pairs)
        for each in by_task(pairs)
    ]
    return PlainTable(
        name="verdicts_together",
        title="Verdicts about speed, languages and pairs together",
        note="Geometric means over the languages of a target and over pairs of checkpoints, one "
        "per seed, each timed in a process of its own; the interval of several pairs is Student's "
        "t over pairs.",
        head=(
            *("A", "B", "target", "figure", "verdict", "time ratio", "90 % interval", "margin"),
            *("pairs", "between pairs, sd", "combines"),
        ),
        rows=tuple(
            (
                speed.a,
                speed.b,
                each.task,
                asked_figure(each.scenario, each.figure),
                each.verdict,
                f"{each.ratio:.3f}",
                interval(each.low, each.high),
                f"{100 * each.margin:g} %",
                str(num_pairs),
                DASH if each.spread is None else f"{100 * each.spread:.2f} %",
                each.counts,
            )
            for speed, num_pairs, each in combined
        ),
        num_left=5,
    )


def _controls(comparisons: Sequence[Speed]) -> PlainTable:
    return PlainTable(
        name="controls",
        title="Controls of the instrument",
        note="What it said about known differences: time ratio, 90 % interval, verdict. Where the "
        "model against itself is not EQUIVALENT, or the one delayed by 5 % not SLOWER, verdicts "
        "are VOID.",
        head=("B", "figure", "against itself", "delayed by 5 %", "delayed by 2 %", "resolvable"),
        rows=tuple(
            (
                speed.b,
                asked_figure(each.scenario, each.figure),
                *(
                    f"{judged.ratio:.3f} ({interval(judged.low, judged.high)}) {judged.verdict}"
                    for judged in (each.found.aa, each.found.delay_5, each.found.delay_2)
                ),
                f"{percent(each.found.resolvable)} %",
            )
            for speed in comparisons
            for each in speed.controls
        ),
        num_left=2,
    )


def _weighed(comparisons: Sequence[Speed]) -> PlainTable:
    rows = list(efficiency(comparisons))
    warning = per_warning(len({each.model for each in rows}))
    return PlainTable(
        name="per",
        title="Quality against cost",
        note="PER: the geometric mean of quality, throughput, memory and latency, as ratios to the "
        f"first model and in its exact form; {DASH} where all tie in one of them. {warning}",
        head=(
            *("target", "model", "quality, %", "p50, ms", "requests/s", "memory, MB"),
            *("PER, first = 1", "PER, exact", "on the front"),
        ),
        rows=tuple(
            (
                each.task,
                each.model,
                percent(each.system.quality),
                figures(1000 * each.system.latency),
                figures(each.system.throughput),
                figures(each.system.memory / 1e6),
                f"{each.anchored:.3f}",
                DASH if each.exact is None else f"{each.exact:.3f}",
                "yes" if each.is_on_front else "no",
            )
            for each in rows
        ),
        num_left=2,
    )
