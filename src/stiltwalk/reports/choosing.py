"""Which system of a workspace is the cheapest that is good enough, in words and as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite, nan
from typing import Any

import numpy as np

from stiltwalk.metrics.efficiency import RatedSystem
from stiltwalk.reports.leaderboard import front_among
from stiltwalk.reports.scores import trained_seeds
from stiltwalk.reports.systems import Known, known, systems
from stiltwalk.reports.wording import DASH, figures, notices, percent, plural, points
from stiltwalk.selection.choose import (
    PRICE,
    SURE,
    Appraisal,
    Demands,
    Place,
    appraise,
    cheapest,
    nearest,
    undecided,
    unreachable,
)
from stiltwalk.selection.requirements import MEMORY, TAIL, Requirements
from stiltwalk.store.workspace import Workspace
from stiltwalk.tables.table import Cell, Table, heads

_HUNDRED = 100
_FEW = 5
"""More systems are counted, not named."""
_WORDS = {TAIL: ("p95 latency", 1e3, "ms"), MEMORY: ("memory", 1e-6, "MB")}


def choose(store: Workspace, needs: Requirements, only: str | None = None) -> dict[str, Any]:
    """Return which system is the cheapest that is good enough, how surely, and what is not known.

    Args:
        store: the workspace; every arm of every run is a system, earlier designs apart.
        needs: floors and limits.
        only: a run, to choose among its arms.

    Returns:
        `chosen`, the name RUN:ARM or None; `says`, sentences; `systems`, a row each.
    """
    found = known(store, only)
    demands = needs.demands(found.tested)
    appraised = appraise(list(systems(found, demands.floors, store)), demands)
    front, chosen = _front(appraised), cheapest(appraised)
    says = [*_said(appraised, chosen), *_how(appraised, chosen, store)]
    return {
        "chosen": chosen.system.name if chosen else None,
        "says": [*says, *_remarks(found, needs, demands, chosen)],
        "systems": [
            _row(each, each.system.name in front)
            for each in sorted(appraised, key=lambda each: _rank(each, chosen))
        ],
    }


def _rank(found: Appraisal, chosen: Appraisal | None) -> tuple[bool, int, int, float]:
    misses = len(found.failed), len(found.unknown)
    return found is not chosen, *misses, found.system.price


def _front(found: Sequence[Appraisal]) -> tuple[str, ...]:
    """Return the systems that no other beats in mean score, p50 latency and memory."""
    return front_among(
        {
            each.system.name: RatedSystem(
                quality=_mean(each),
                latency=each.system.price,
                memory=each.system.costs[MEMORY][1],
                throughput=1.0,
            )
            for each in found
            if len(each.margins) == len(each.demands.floors)
            and {PRICE, MEMORY} <= each.system.costs.keys()
        }
    )


def _mean(found: Appraisal) -> float:
    return float(np.mean(list(found.system.scores.values()))) if found.system.scores else nan


def _named(what: Place | str) -> str:
    return _WORDS[what][0] if isinstance(what, str) else " ".join(what)


def _row(found: Appraisal, is_on_front: bool) -> dict[str, Any]:
    costs = found.system.costs
    low, high = costs.get(TAIL, (None, None))
    return {
        "system": found.system.name,
        "made_of": dict(found.system.made_of),
        "meets": found.meets,
        "misses": [_named(each) for each in found.failed],
        "not_known": [_named(each) for each in found.unknown],
        "margin_points": _HUNDRED * found.margin if found.tightest else None,
        "least_margin_in": _named(found.tightest) if found.tightest else None,
        "share_of_resamples": found.share,
        "mean_percent": _HUNDRED * _mean(found) if found.system.scores else None,
        "p50_s": costs[PRICE][1] if PRICE in costs else None,
        "p95_at_least_s": low,
        "p95_at_most_s": high if high is not None and isfinite(high) else None,
        "memory_bytes": costs[MEMORY][1] if MEMORY in costs else None,
        "is_on_front": is_on_front,
    }


def _said(found: Sequence[Appraisal], chosen: Appraisal | None) -> Iterator[str]:
    if chosen is None:
        yield from _why_none(found)
    else:
        yield from _why(found, chosen)
    others = undecided(found, chosen)
    could = "take its place" if chosen else "do it"
    for each in others[:_FEW]:
        lacks = [_named(what) for what in each.unknown]
        lacks += ["its latency"] * (PRICE not in each.system.costs)
        yield f"{each.system.name} could {could}; not measured: {', '.join(lacks)}."
    if others[_FEW:]:
        yield f"So could {plural(len(others) - _FEW, 'other')}."


def _why(found: Sequence[Appraisal], chosen: Appraisal) -> Iterator[str]:
    name, costs = chosen.system.name, chosen.system.costs
    where = f"least margin {points(chosen.margin)} points, in {_named(chosen.tightest or '')}"
    if PRICE in costs:
        yield (
            f"{name} is the cheapest system that meets all: p50 {figures(1e3 * costs[PRICE][1])} "
            f"ms, {where}."
        )
    else:
        yield f"{name} meets all, {where}; no such system is timed, so which is cheapest is open."
    if chosen.share is None:
        yield "Its risk is not known: how single test rows came out is not kept everywhere."
        return
    yield f"It meets the floors in {percent(chosen.share)} % of resamples of its test rows."
    if chosen.share >= SURE:
        return
    if more := chosen.times_the_rows:
        yield (
            f"About {figures(more)} times as many test rows of {_named(chosen.tightest or '')} "
            "would make it sure, if its score there stays."
        )
    surer = cheapest(found, surely=SURE)
    if surer is not None:
        ratio = surer.system.price / chosen.system.price
        times = f", at {figures(ratio)} times its latency" if isfinite(ratio) else ""
        yield f"Surer is {surer.system.name}, in {percent(surer.share or 0)} %{times}."


def _why_none(found: Sequence[Appraisal]) -> Iterator[str]:
    missed = list(unreachable(found))
    for what, best in missed:
        if best is None:
            how = "timed, see [measure] of the recipe" if isinstance(what, str) else "tested"
            yield f"No system has a figure for {_named(what)}: it must be {how}."
        elif isinstance(what, str):
            name, factor, unit = _WORDS[what]
            most, least = found[0].demands.limits[what], best.costs[what][0]
            yield (
                f"No system keeps {name} within {figures(factor * most)} {unit}: the least has "
                f"{best.name}, {figures(factor * least)} {unit}."
            )
        else:
            floor = found[0].demands.floors[what]
            yield (
                f"No system reaches {percent(floor)} in {_named(what)}: the best is {best.name} "
                f"with {percent(best.scores[what])}."
            )
    close = nearest(found)
    if close is not None and close.failed:
        each = "" if missed else "Each demand is met by some system, all at once by none. "
        lacks = ", ".join(
            _named(what) if isinstance(what, str)
            else f"{_named(what)} ({points(close.margins[what])} points)"
            for what in close.failed
        )  # fmt: skip
        yield f"{each}Nearest is {close.system.name}, which misses {lacks}."


def _how(found: Sequence[Appraisal], chosen: Appraisal | None, store: Workspace) -> Iterator[str]:
    """Yield what would measure the first system that is undecided."""
    others = undecided(found, chosen)
    if not others:
        return
    name = others[0].system.name
    lacks_scores = any(not isinstance(each, str) for each in others[0].unknown)
    timed = [each.system.name for each in found if PRICE in each.system.costs] or [
        each.system.name for each in found if each.system.name != name
    ]
    if lacks_scores:
        yield f"To be sure, carry out the recipe of {name.partition(':')[0]} to its end."
    elif timed:
        tasks = ",".join(dict.fromkeys(task for task, _ in found[0].demands.floors))
        against = chosen.system.name if chosen else timed[0]
        yield f"To be sure: stiltwalk compare {against} {name} -w {store.place} --on {tasks}"


def _remarks(
    found: Known, needs: Requirements, demands: Demands, chosen: Appraisal | None
) -> Iterator[str]:
    """Yield what must be known to read the answer."""
    yield from found.left_out
    for task in dict.fromkeys(task for task, _ in demands.floors):
        without = [code for code in needs.languages or () if (task, code) not in demands.floors]
        if without:
            yield f"{task} was not tested in {', '.join(without)}: nothing is known there."
    if len(found.machines) > 1:
        yield "Not all was timed on one machine: compare costs with care."
    for run in found.runs:
        is_its = chosen is not None and chosen.system.name.startswith(f"{run.name}:")
        if is_its and len(trained_seeds(run.rows.rows)) < 2:  # noqa: PLR2004 - seeds differ
            yield f"{run.name} has one seed: what training again would change is in no share."
    yield from dict.fromkeys(notice for run in found.runs for notice in notices(run.rows))


def choice_table(document: Mapping[str, Any]) -> Table:
    """Return a row per system, what was chosen first."""
    return Table(
        name="choice",
        title="Systems against what is asked",
        note="Costs are the highest over the tasks with a floor; p95 lies between its two figures "
        "where it was not measured itself. Share: resamples in which all floors hold at once.",
        columns=heads(
            *("system", "verdict", "least margin, points", "resamples, %", "mean score, %"),
            *("p50, ms", "p95, ms", "memory, MB", "front"),
        ),
        rows=tuple(_cells(each) for each in document["systems"]),
    )


def _cells(row: Mapping[str, Any]) -> tuple[Cell, ...]:
    missed, open_ = (", ".join(row[key]) for key in ("misses", "not_known"))
    said = [f"misses {missed}"] * bool(missed) + [f"not measured: {open_}"] * bool(open_)
    low, high = row["p95_at_least_s"], row["p95_at_most_s"]
    tail = " to ".join(dict.fromkeys(figures(1e3 * each) for each in (low, high) if each))
    if low and high is None:
        tail = f"{tail} or more"
    share, margin = row["share_of_resamples"], row["margin_points"]
    return (
        Cell(row["system"], below=", ".join(row["made_of"].values())),
        Cell("; ".join(said) or "meets all"),
        Cell(points(margin / _HUNDRED), margin, row["least_margin_in"])
        if row["least_margin_in"]
        else Cell(DASH),
        Cell(DASH) if share is None else Cell(percent(share), share),
        *(_figure(row[key], factor) for key, factor in (("mean_percent", 1.0), ("p50_s", 1e3))),
        Cell(tail or DASH, low),
        _figure(row["memory_bytes"], 1e-6),
        Cell("yes" if row["is_on_front"] else DASH),
    )


def _figure(value: float | None, factor: float) -> Cell:
    return Cell(DASH) if value is None else Cell(figures(factor * value), value)
