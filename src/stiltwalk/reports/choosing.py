"""Which system of a workspace is the cheapest that is good enough, in words and as a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite, nan
from typing import Any

import numpy as np

from stiltwalk.errors import DataError, NoSuchRun, StiltwalkError
from stiltwalk.metrics.efficiency import RatedSystem
from stiltwalk.reports.costs import efficiency
from stiltwalk.reports.data import RunRows, rows_of
from stiltwalk.reports.leaderboard import front_among
from stiltwalk.reports.scores import trained_seeds
from stiltwalk.reports.significance import Resamples
from stiltwalk.reports.wording import DASH, figures, notices, percent, plural, points
from stiltwalk.selection.choose import (
    PRICE,
    SURE,
    Appraisal,
    Demands,
    KnownSystem,
    Place,
    appraise,
    cheapest,
    nearest,
    undecided,
    unreachable,
)
from stiltwalk.store.manifest import RunRecord, design_of, read_record, run_folders
from stiltwalk.store.workspace import Workspace
from stiltwalk.tables.table import Cell, Table, heads
from stiltwalk.timing.combined import by_task, pairs_of
from stiltwalk.timing.record import VOID, Speed
from stiltwalk.timing.sample_size import SINGLE_STREAM, Figure
from stiltwalk.wording import nearest as nearest_word
from stiltwalk.wording import shown

TAIL, MEMORY = "p95", "memory"
_HUNDRED = 100
_FEW = 5
"""More systems are counted, not named."""
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
_BYTES = {"kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 2.0**10, "mib": 2.0**20, "gib": 2.0**30}
_WORDS = {TAIL: ("p95 latency", 1e3, "ms"), MEMORY: ("memory", 1e-6, "MB")}
_RANKS = {Figure.P50: 50, Figure.P90: 90, Figure.P99: 99}


@dataclass(frozen=True, kw_only=True)
class Requirements:
    """What is asked of a system, as a person writes it.

    Args:
        floors: "xnli.sw" to the least percent there; "xnli" to that in each of the languages.
        max_latency_p95: such as "20ms", "" for any.
        max_memory: such as "1GB", "" for any.
        languages: that a floor without one holds in; None for all that its task was tested in.
    """

    floors: Mapping[str, float]
    max_latency_p95: str = ""
    max_memory: str = ""
    languages: Sequence[str] | None = None


def read_floors(texts: Iterable[str]) -> dict[str, float]:
    """Return what was written as xnli.sw=60,xquad=50.

    Raises:
        DataError: if it is written otherwise, or one is given twice.
    """
    found: dict[str, float] = {}
    for text in (each.strip() for given in texts for each in given.split(",")):
        key, _, number = text.partition("=")
        try:
            value = float(number.rstrip("% "))
        except ValueError:
            raise DataError(
                f"The floor {shown(text)} was not understood: it needs a task, maybe a language, "
                "and a percentage; write xnli.sw=60 or xnli=60."
            ) from None
        if key.strip() in found:
            raise DataError(f"The floor of {shown(key)} was given twice: give it once.")
        found[key.strip()] = value
    return found


def _quantity(name: str, text: str, units: Mapping[str, float]) -> float:
    match = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*([A-Za-z]+)\s*", text)
    factor = units.get(match[2].lower()) if match else None
    value = float(match[1]) * factor if match and factor else 0.0
    if not (value > 0 and isfinite(value)):
        raise DataError(
            f"The most {name} is {shown(text)}: it needs a number above 0 and one of the units "
            f"{', '.join(units)}, as in 20{list(units)[1]}."
        )
    return value


def demands_of(needs: Requirements, records: Sequence[RunRecord]) -> Demands:
    """Return needs with a floor per language, 0 in languages that are to be served without one.

    Raises:
        DataError: if no run was tested on a task, or in a language of it, or a number is none.
    """
    if not needs.floors:
        raise DataError("No floor was given: say at least one, such as --min xnli.sw=60.")
    tested: dict[str, dict[str, None]] = {}
    for stage in (stage for record in records for stage in record.stages if stage.target):
        tested.setdefault(stage.target, {}).update(dict.fromkeys(stage.languages))
    floors: dict[Place, float] = {}
    for key in sorted(needs.floors, key=lambda each: "." in each):  # what names a language wins
        value, (task, _, language) = needs.floors[key], key.partition(".")
        _require(task in tested, f"on {shown(task)}", task, tested)
        if not 0 <= value <= _HUNDRED:  # also refuses what is no number
            raise DataError(f"The floor of {key} is {value}: it must be from 0 to 100 percent.")
        if language and needs.languages is not None:
            for code in _within(tested[task], needs.languages):
                floors.setdefault((task, code), 0.0)
        asked = [language] if language else needs.languages
        served = _within(tested[task], asked)
        where = ", ".join(asked or ())
        _require(bool(served), f"on {task} in {shown(where)}", where, tested[task])
        floors |= dict.fromkeys(((task, code) for code in served), value / _HUNDRED)
    return Demands(floors=floors, limits=_limits(needs))


def _require(is_there: bool, what: str, word: str, known: Iterable[str]) -> None:
    if not is_there:
        raise DataError(f"No run here was tested {what}.{nearest_word(word, list(known))}")


def _within(tested: Iterable[str], asked: Sequence[str] | None) -> list[str]:
    return [code for code in tested if asked is None or code in asked]


def _limits(needs: Requirements) -> dict[str, float]:
    given = {TAIL: (needs.max_latency_p95, _SECONDS), MEMORY: (needs.max_memory, _BYTES)}
    return {
        key: _quantity(_WORDS[key][0], text, units) for key, (text, units) in given.items() if text
    }


@dataclass(frozen=True, kw_only=True)
class _Studied:
    """A run that systems come from."""

    name: str
    rows: RunRows

    def systems(self, demands: Demands) -> Iterator[KnownSystem]:
        tasks = tuple(dict.fromkeys(task for task, _ in demands.floors))
        costs = _costs(self.rows.comparisons, tasks)
        drawn = {
            task: Resamples(replace(self.rows, targets=(task,), languages=languages))
            for task in tasks
            if task in self.rows.targets
            and (languages := tuple(code for of, code in demands.floors if of == task))
        }
        for arm in self.rows.arms:
            scores, again = {}, {}
            for task, language in demands.floors:
                here = drawn.get(task)
                if not here or language not in here.languages(task) or not here.has(arm, [task]):
                    continue
                scores[task, language] = float(here.per_seed(arm, task, [language]).mean())
                if here.has_examples(arm, task, [language]):
                    again[task, language] = np.concatenate(
                        [here.over_examples(arm, task, [language], s)[1:] for s in here.seeds]
                    )
            yield KnownSystem(
                name=f"{self.name}:{arm}",
                scores=scores,
                resampled=again,
                costs=costs.get(arm, {}),
            )

    @property
    def machines(self) -> set[tuple[str, str]]:
        """Where it was timed."""
        found = self.rows.comparisons
        return {(each.design.device, each.made_by.get("machine", "")) for each in found}


def _costs(
    comparisons: Sequence[Speed], tasks: Sequence[str]
) -> dict[str, dict[str, tuple[float, float]]]:
    """Return every arm's costs where the clock counted, the highest over tasks.

    Latency between percentiles that were measured lies between these.
    """
    timed = _latencies(comparisons)
    held = {(each.model, each.task): each.system.memory for each in efficiency(comparisons)}
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for arm in {model for model, _ in timed}:
        here = found.setdefault(arm, {})
        if all((arm, task) in timed for task in tasks):
            for key, rank in ((PRICE, 50), (TAIL, 95)):
                each = [_bounds(timed[arm, task], rank) for task in tasks]
                here[key] = max(low for low, _ in each), max(high for _, high in each)
        if all((arm, task) in held for task in tasks):
            most = max(held[arm, task] for task in tasks)
            here[MEMORY] = most, most
    return found


def _bounds(timed: Mapping[int, float], rank: int) -> tuple[float, float]:
    below = [time_s for each, time_s in timed.items() if each <= rank]
    above = [time_s for each, time_s in timed.items() if each >= rank]
    return max(below, default=0.0), min(above, default=inf)


def _latencies(comparisons: Sequence[Speed]) -> dict[tuple[str, str], dict[int, float]]:
    """Return (arm, task) to percentile to seconds; those of B rest on its own ratios to A."""
    found: dict[tuple[str, str], dict[int, float]] = {}
    groups = pairs_of(comparisons)
    for pairs in groups:
        a, b, device = pairs[0].a, pairs[0].b, pairs[0].design.device
        if (a, device) != (groups[0][0].a, groups[0][0].design.device):
            continue
        for each in by_task(pairs):
            rank = _RANKS.get(each.figure)
            if rank and each.scenario == SINGLE_STREAM.name and each.verdict != VOID:
                a_s = found.setdefault((a, each.task), {}).setdefault(rank, each.a_s)
                found.setdefault((b, each.task), {}).setdefault(rank, a_s * each.ratio)
        for load in (load for pair in pairs for load in pair.loadgen):
            place = (a if load.model == "a" else b, load.task)
            if load.scenario == SINGLE_STREAM.name and TAIL in load.percentiles_s:
                found.setdefault(place, {}).setdefault(95, load.percentiles_s[TAIL])
    return found


def choose(store: Workspace, needs: Requirements, only: str | None = None) -> dict[str, Any]:
    """Return which system is the cheapest that is good enough, how surely, and what is not known.

    Args:
        store: the workspace; every arm of every run is a system, earlier designs apart.
        needs: floors and limits.
        only: a run, to choose among its arms.

    Returns:
        `chosen`, the name RUN:ARM or None; `says`, sentences; `systems`, a row each.
    """
    records = list(_records(store, only))
    demands = demands_of(needs, records)
    runs = [_Studied(name=record.name, rows=rows_of(record, store)) for record in records]
    found = appraise([each for run in runs for each in run.systems(demands)], demands)
    front, chosen = _front(found), cheapest(found)
    rows = [_row(each, each.system.name in front) for each in found]
    order = sorted(range(len(found)), key=lambda place: _rank(found[place], chosen))
    return {
        "chosen": chosen.system.name if chosen else None,
        "says": [*_said(found, chosen), *_remarks(runs, needs, demands, chosen)],
        "systems": [rows[place] for place in order],
    }


def _records(store: Workspace, only: str | None) -> Iterator[RunRecord]:
    seen = set[str]()
    for folder in run_folders(store):
        if (only is None and "~" in folder.name) or only not in (None, folder.name):
            continue
        try:
            record = read_record(folder)
        except StiltwalkError:
            if only is not None:
                raise
            continue  # as the leaderboard does: its own report says what is damaged
        if design_of(record) not in seen:
            seen.add(design_of(record))
            yield record
    if not seen:
        raise NoSuchRun(f"{store.place} holds no run that can be read: run a recipe first.")


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


def _remarks(
    runs: Sequence[_Studied], needs: Requirements, demands: Demands, chosen: Appraisal | None
) -> Iterator[str]:
    """Yield what must be known to read the answer."""
    for task in dict.fromkeys(task for task, _ in demands.floors):
        without = [code for code in needs.languages or () if (task, code) not in demands.floors]
        if without:
            yield f"{task} was not tested in {', '.join(without)}: nothing is known there."
    if len({place for run in runs for place in run.machines}) > 1:
        yield "Not all runs were timed on one machine: compare their costs with care."
    for run in runs:
        is_its = chosen is not None and chosen.system.name.startswith(f"{run.name}:")
        if is_its and len(trained_seeds(run.rows.rows)) < 2:  # noqa: PLR2004 - seeds differ
            yield f"{run.name} has one seed: what training again would change is in no share."
    yield from dict.fromkeys(notice for run in runs for notice in notices(run.rows))


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
        Cell(row["system"]),
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
