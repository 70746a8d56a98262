"""Verdicts about speed, their controls and PER as rows of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stiltwalk.measure.combined import by_task, has_parts, pairs_of
from stiltwalk.measure.speed import Speed
from stiltwalk.metrics.efficiency import per_warning
from stiltwalk.report.numbers import DASH, asked_figure, figures, interval, percent, timed
from stiltwalk.report.plain_table import PlainTable
from stiltwalk.report.weighed import weighed, why_not_weighed


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
        f"{why_not_weighed(comparisons)}".strip(),
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
    rows = list(weighed(comparisons))
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
