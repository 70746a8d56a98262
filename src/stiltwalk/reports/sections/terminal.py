"""A comparison of speed as tables for people."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean

from rich.console import Console
from rich.table import Table

from stiltwalk.timing.attribution import (
    SAME_WORK,
    language_attribution,
    shares_of_time,
    uneven_costs,
)
from stiltwalk.timing.combined import Combined, by_task, has_parts
from stiltwalk.timing.record import Cell, LoadGenRun, Speed
from stiltwalk.timing.sample_size import Figure
from stiltwalk.timing.tost import MEMORY_WORDS, Judged


def print_speed(speed: Speed, console: Console) -> None:
    """Show controls, verdicts, what stands beside them, and the summary."""
    console.print(f"{speed.question} ({speed.design.style})", highlight=False)
    for table in (
        _controls(speed),
        _together(speed),
        _verdicts(speed),
        _loadgen(speed),
        _costs(speed),
        _memory(speed),
        _languages(speed),
        _causes(speed),
        _quality(speed),
    ):
        if table.row_count:
            console.print(table)
    for task, found in speed.structure.items():
        console.print(f"{task}: {'; '.join(found) or 'structurally identical'}", highlight=False)
    for sentence in speed.summary:
        console.print(sentence, highlight=False, markup=False, soft_wrap=True)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=None)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number > 1 else "left")
    return table


def _controls(speed: Speed) -> Table:
    table = _table("Controls", "scenario", "figure", "A/A", "+5 %", "+2 %", "resolvable")
    for control in speed.controls:
        found = control.found
        judged = [_judged(each) for each in (found.aa, found.delay_5, found.delay_2)]
        table.add_row(control.scenario, control.figure, *judged, f"{found.resolvable:.1%}")
    return table


def _judged(judged: Judged) -> str:
    return f"{judged.verdict} {judged.ratio:.3f} ({judged.low:.3f}-{judged.high:.3f})"


def _verdicts(speed: Speed) -> Table:
    columns = ("task", "figure", "A", "B", "B/A", "90 % interval", "margin", "blocks", "verdict")
    table = _table(f"A = {speed.a}, B = {speed.b} (blocks: in brackets their worth)", *columns)
    for cell in speed.cells:
        judged = cell.judged
        table.add_row(
            f"{cell.task} {cell.language}".strip(),
            _figure(cell),
            *_values(cell),
            f"{judged.ratio:.3f}",
            f"{judged.low:.3f}-{judged.high:.3f}",
            f"{judged.margin:.0%}",
            f"{judged.num_blocks} ({judged.effective_blocks:.0f})",
            cell.verdict,
        )
    return table


def _together(speed: Speed) -> Table:
    """Return every task's verdicts over its languages, where these are cells of their own."""
    columns = ("task", "figure", "B/A", "90 % interval", "margin", "verdict", "of languages")
    table = _table("All languages together", *columns)
    for each in by_task([speed]) if has_parts([speed]) else ():
        table.add_row(
            each.task,
            _figure(each),
            f"{each.ratio:.3f}",
            f"{each.low:.3f}-{each.high:.3f}",
            f"{each.margin:.0%}",
            each.verdict,
            each.counts,
        )
    return table


def _figure(cell: Cell | Combined) -> str:
    name = "throughput" if cell.figure is Figure.TIME else cell.figure
    return f"{cell.scenario} {name}"


def _values(cell: Cell) -> Iterator[str]:
    for time_s in (cell.a_s, cell.b_s):
        if cell.figure is Figure.TIME:
            yield f"{1 / time_s:,.0f}/s"
        else:
            yield f"{1000 * time_s:.2f} ms"


def _loadgen(speed: Speed) -> Table:
    columns = ("task", "scenario", "model", "queries", "p50", "p90", "p95", "p99", "requests/s")
    title = "By LoadGen, ms: its estimates, raw percentiles in brackets; compared with nothing"
    table = _table(title, *columns)
    for run in speed.loadgen:
        bound = ""
        if run.bound_s is not None:
            kept = "kept" if run.kept_bound else "missed"
            bound = f", p99 ≤ {1000 * run.bound_s:.1f} {kept}"
        table.add_row(
            run.task,
            run.scenario + bound,
            run.model,
            str(run.num_queries),
            *(_percentile(run, name) for name in columns[4:8]),
            f"{run.requests_per_s:,.0f}",
        )
    return table


def _percentile(run: LoadGenRun, name: str) -> str:
    estimate = f"{1000 * run.estimates_s[name]:.2f}" if name in run.estimates_s else ""
    raw = f"({1000 * run.percentiles_s[name]:.2f})" if name in run.percentiles_s else ""
    return f"{estimate} {raw}".strip()


def _costs(speed: Speed) -> Table:
    columns = ("task", "scenario", "model", "tokenise", "forward", "decode", "tokens", "padded")
    table = _table("Per request: ms by part, tokens; memory in MB", *columns, "weights", "beyond")
    for cost in speed.costs:
        parts_s = (cost.tokenise_s, cost.forward_s, cost.decode_s)
        peak = "unknown" if cost.peak_bytes is None else f"{cost.peak_bytes / 1e6:.1f}"
        table.add_row(
            f"{cost.task} {cost.language}".strip(),
            cost.scenario,
            cost.model,
            *(f"{1000 * each:.3f}" for each in parts_s),
            f"{cost.real_tokens:.1f}",
            f"{cost.padded_tokens:.1f}",
            f"{cost.weight_bytes / 1e6:.1f}",
            peak,
        )
    return table


def _memory(speed: Speed) -> Table:
    columns = ("task", "scenario", "A, MB", "B, MB", "B/A", "90 % interval", "margin", "verdict")
    table = _table("Memory at its peak, weights included", *columns)
    for each in speed.memory:
        judged = each.judged
        table.add_row(
            f"{each.task} {each.language}".strip(),
            each.scenario,
            *(f"{held / 1e6:.1f}" for held in (each.a_bytes, each.b_bytes)),
            f"{judged.ratio:.3f}",
            f"{judged.low:.3f}-{judged.high:.3f}",
            f"{judged.margin:.0%}",
            MEMORY_WORDS[judged.verdict],
        )
    return table


def _languages(speed: Speed) -> Table:
    columns = ("task", "cost", "model", "cheapest", "dearest", "ratio", "Gini")
    table = _table("What the language costs, at equal content", *columns)
    for each in uneven_costs(speed):
        found = each.found
        table.add_row(
            each.task,
            each.cost,
            each.model,
            found.cheapest,
            found.dearest,
            f"{found.ratio:.2f}",
            f"{found.gini:.3f}",
        )
    if shares := shares_of_time(speed):
        told = ", ".join(f"{name} {share:.1%}" for name, share in shares.items())
        table.caption, table.caption_justify = f"Variance of log(p50 latency): {told}.", "left"
    return table


def _causes(speed: Speed) -> Table:
    """Return every language's time beside the work behind it, where the two models' differs."""
    columns = ("language", "scenario", "A", "B", "B/A", "90 % interval", "operations B/A", "tokens")
    table = _table("Median request by language, and its cause", "task", *columns)
    for cause in language_attribution(speed):
        if cause.work is None or abs(cause.work - 1) < SAME_WORK:
            continue
        assert cause.tokens is not None  # counted with the work
        each, (ours, theirs) = cause.time, cause.tokens
        table.add_row(
            each.task,
            each.language,
            f"{each.scenario} {cause.verdict}".strip(),
            *(f"{1000 * time_s:.2f} ms" for time_s in (each.a_s, each.b_s)),
            f"{each.ratio:.3f}",
            f"{each.low:.3f}-{each.high:.3f}",
            f"{cause.work:.3f}",
            f"{ours:.1f} → {theirs:.1f}",
        )
    return table


def _quality(speed: Speed) -> Table:
    table = _table("Quality, mean over languages, %", "task", "metric", "A", "B")
    for task, metric in dict.fromkeys((each.task, each.metric) for each in speed.quality):
        found = [each for each in speed.quality if (each.task, each.metric) == (task, metric)]
        means = (fmean(each.a for each in found), fmean(each.b for each in found))
        table.add_row(task, metric, *(f"{100 * each:.1f}" for each in means))
    return table
