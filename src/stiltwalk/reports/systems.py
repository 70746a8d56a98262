"""The systems that a workspace knows: arms of runs, with their scores and costs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

import numpy as np

from stiltwalk.errors import NoSuchRun, StiltwalkError
from stiltwalk.reports.data import RunRows, rows_of
from stiltwalk.reports.significance import Resamples
from stiltwalk.selection.choose import PRICE, Compared, KnownSystem, Place, chained
from stiltwalk.selection.requirements import MEMORY, TAIL
from stiltwalk.stages.predict import FORMAT
from stiltwalk.store.manifest import RunRecord, design_of, read_record, run_folders
from stiltwalk.store.workspace import Workspace
from stiltwalk.timing.combined import by_task, pairs_of
from stiltwalk.timing.record import COMPARISONS, FILE, VOID, Speed, read_speed
from stiltwalk.timing.sample_size import OFFLINE, SINGLE_STREAM, Figure
from stiltwalk.wording import rounded

_RANKS = {Figure.P50: 50, Figure.P90: 90, Figure.P99: 99}
Machine = tuple[str, str]
Seconds = dict[int, float]
"""By percentile."""


@dataclass(frozen=True, kw_only=True)
class KnownRun:
    """A run that systems come from."""

    name: str
    record: RunRecord
    rows: RunRows


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a workspace knows: runs, comparisons whose models have a system's name, and what not."""

    runs: tuple[KnownRun, ...]
    comparisons: tuple[Speed, ...]
    left_out: tuple[str, ...]

    @property
    def tested(self) -> dict[str, dict[str, None]]:
        """Every task that some run is to be tested on, and in which languages."""
        found: dict[str, dict[str, None]] = {}
        for stage in (each for run in self.runs for each in run.record.stages if each.target):
            found.setdefault(stage.target, {}).update(dict.fromkeys(stage.languages))
        return found

    @property
    def machines(self) -> set[Machine]:
        """Where anything was timed."""
        return {machine_of(each) for each in self.comparisons}


def known(store: Workspace, only: str | None = None) -> Known:
    """Return what a workspace knows, a design once; of one run alone where that is named.

    Raises:
        NoSuchRun: if there is no run that can be read.
        StiltwalkError: if the one that is named cannot be read.
    """
    runs, left_out, seen = list[KnownRun](), list[str](), set[str]()
    for folder in run_folders(store):
        if (only is None and "~" in folder.name) or only not in (None, folder.name):
            continue
        try:
            record = read_record(folder)
            if design_of(record) not in seen:
                runs.append(KnownRun(name=record.name, record=record, rows=rows_of(record, store)))
                seen.add(design_of(record))
        except StiltwalkError as error:
            if only is not None:
                raise
            left_out.append(f"{folder.name} is left out. {error}")
    if not runs:
        why = " ".join(left_out) or "Run a recipe first."
        raise NoSuchRun(f"{store.place} holds no run that can be read. {why}")
    ours = [
        replace(each, a=f"{run.name}:{each.a}", b=f"{run.name}:{each.b}")
        for run in runs
        for each in run.rows.comparisons
    ]
    theirs, unread = _compared(store)
    return Known(runs=tuple(runs), comparisons=(*ours, *theirs), left_out=(*left_out, *unread))


def _compared(store: Workspace) -> tuple[list[Speed], list[str]]:
    """Return what `stiltwalk compare` kept, and what of it cannot be read."""
    found, unread = list[Speed](), list[str]()
    store.fetch(COMPARISONS, FILE)
    for file in sorted((store.root / COMPARISONS).glob(f"*/{FILE}")):
        try:
            found.append(read_speed(file.read_text(encoding="utf-8")))
        except (StiltwalkError, OSError, ValueError) as error:
            unread.append(f"{COMPARISONS}/{file.parent.name} is left out. {error}")
    return found, unread


def machine_of(speed: Speed) -> Machine:
    """Return where a comparison was timed."""
    return speed.design.device, speed.made_by.get("machine", "")


def systems(found: Known, places: Iterable[Place], store: Workspace) -> Iterator[KnownSystem]:
    """Yield every arm of every run, with what is known of it at some tasks and languages."""
    places = tuple(places)
    costs = costs_of(found.comparisons, dict.fromkeys(task for task, _ in places))
    for run in found.runs:
        drawn = _resampled(run.rows, places)
        for arm in run.rows.arms:
            scores, again = {}, {}
            for task, language in places:
                here = drawn.get(task)
                if not here or language not in here.languages(task) or not here.has(arm, [task]):
                    continue
                scores[task, language] = float(here.per_seed(arm, task, [language]).mean())
                if here.has_examples(arm, task, [language]):
                    again[task, language] = np.concatenate(
                        [here.over_examples(arm, task, [language], s)[1:] for s in here.seeds]
                    )
            name = f"{run.name}:{arm}"
            yield KnownSystem(
                name=name,
                scores=scores,
                resampled=again,
                costs=costs.get(name, {}),
                made_of=made_of(run.record, arm, {task for task, _ in places}, store),
            )


def _resampled(rows: RunRows, places: Sequence[Place]) -> dict[str, Resamples]:
    by_task: dict[str, list[str]] = {}
    for task, language in places:
        if task in rows.targets:
            by_task.setdefault(task, []).append(language)
    return {
        task: Resamples(replace(rows, targets=(task,), languages=tuple(languages)))
        for task, languages in by_task.items()
    }


def made_of(record: RunRecord, arm: str, tasks: Iterable[str], store: Workspace) -> dict[str, str]:
    """Return what tells a system from others: its base model, adapters, format, engine, layer."""
    made = record.made_of.get(arm)
    found: dict[str, dict[str, None]] = {"base": {record.model: None}}
    found["adapters"] = dict.fromkeys(filter(None, [made.adapters if made else ""]))
    evaluated = [each for each in record.stages if each.arm == arm and each.target in tasks]
    for name in store.marked([each.fingerprint for each in evaluated]):
        asked = store.marker(name)["stage"]
        kept: dict[str, Any] = store.told(name, FORMAT, json.loads) or {}
        engine = kept.get("engine") or {}
        depth = asked.get("relative_depth")
        for key, value in {
            "format": engine.get("format") or kept.get("precision") or asked.get("precision"),
            "engine": engine.get("name") or asked.get("backend"),
            "layer": depth and f"{rounded(depth, 2)} of the depth",
        }.items():
            if value:
                found.setdefault(key, {})[str(value)] = None
    return {key: ", ".join(sorted(values)) for key, values in found.items() if any(values)}


def costs_of(
    comparisons: Sequence[Speed], tasks: Iterable[str]
) -> dict[str, dict[str, tuple[float, float]]]:
    """Return every system's costs where the clock counted, the highest over tasks.

    Latency between percentiles that were measured lies between these.
    """
    tasks = tuple(tasks)
    timed, held = _latencies(comparisons), _memory(comparisons)
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for name in dict.fromkeys(name for name, _ in (*timed, *held)):
        here = found.setdefault(name, {})
        for key, rank in ((PRICE, 50), (TAIL, 95)):
            each = [_bounds(timed.get((name, task), {}), rank) for task in tasks]
            low, high = max(low for low, _ in each), max(high for _, high in each)
            if low or high < inf:
                here[key] = low, high
        if here.get(PRICE, (0.0, inf))[1] == inf:
            here.pop(PRICE, None)
        if all((name, task) in held for task in tasks):
            here[MEMORY] = (max(held[name, task] for task in tasks),) * 2
    return found


def _bounds(timed: Mapping[int, float], rank: int) -> tuple[float, float]:
    below = [time_s for each, time_s in timed.items() if each <= rank]
    above = [time_s for each, time_s in timed.items() if each >= rank]
    return max(below, default=0.0), min(above, default=inf)


def _latencies(comparisons: Sequence[Speed]) -> dict[tuple[str, str], Seconds]:
    """Return (system, task) to percentile to seconds, of one machine each; see `chained`."""
    found = chained(
        [
            Compared((where, pairs[0].a), (where, pairs[0].b), each.a_s, each.ratio)
            for pairs in pairs_of(comparisons)
            for each in by_task(pairs)
            if each.verdict != VOID and each.scenario == SINGLE_STREAM.name
            for rank in filter(None, [_RANKS.get(each.figure)])
            for where in [(machine_of(pairs[0]), each.task, rank)]
        ]
    )
    for speed in comparisons:
        for load in speed.loadgen:
            if load.scenario == SINGLE_STREAM.name and TAIL in load.percentiles_s:
                where = (machine_of(speed), load.task, 95)
                name = speed.a if load.model == "a" else speed.b
                found.setdefault((where, name), load.percentiles_s[TAIL])
    by_system: dict[tuple[str, str], tuple[Machine, Seconds]] = {}
    for ((machine, task, rank), name), time_s in found.items():
        first, times = by_system.setdefault((name, task), (machine, {}))
        if machine == first:
            times[rank] = time_s
    return {key: times for key, (_, times) in by_system.items()}


def _memory(comparisons: Sequence[Speed]) -> dict[tuple[str, str], float]:
    """Return (system, task) to the most bytes held, weights and all, with all requests at once."""
    found: dict[tuple[str, str], float] = {}
    for speed in comparisons:
        for cost in (each for each in speed.costs if each.scenario == OFFLINE.name):
            key = (speed.a if cost.model == "a" else speed.b, cost.task)
            held = float(cost.weight_bytes + (cost.peak_bytes or 0))
            found[key] = max(found.get(key, 0.0), held)
    return found
