"""Arms set against "none" in quality and cost at once, from paired comparisons of speed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from stiltwalk.measure.profiles import Figure
from stiltwalk.measure.speed import Cell, Speed
from stiltwalk.metrics.aggregate import task_score
from stiltwalk.metrics.efficiency import System, anchored_per, pareto_front, per
from stiltwalk.records import Scores


@dataclass(frozen=True, kw_only=True)
class Weighed:
    """One model on one task: what it does, PER in both forms, and whether another beats it.

    `exact` is None where all tie in something.
    """

    task: str
    model: str
    system: System
    exact: float | None
    anchored: float
    is_on_front: bool


def weighed(comparisons: Sequence[Speed]) -> Iterator[Weighed]:
    """Yield the models that were compared with one and the same, task by task.

    A measurement that its own controls made void takes no part. A's figures come from the first
    comparison, those of every B from its own ratio to A: times of two sessions are not
    comparable, ratios are.
    """
    standing = tuple(each for each in comparisons if not each.void)
    for task in dict.fromkeys(cell.task for each in standing for cell in each.cells):
        systems = _systems(standing, task)
        if len(systems) > 1:
            baseline = next(iter(systems))
            exact, anchored = per(systems), anchored_per(systems, baseline)
            front = pareto_front(systems)
            for model, system in systems.items():
                yield Weighed(
                    task=task,
                    model=model,
                    system=system,
                    exact=exact[model],
                    anchored=anchored[model],
                    is_on_front=model in front,
                )


def why_not_weighed(comparisons: Sequence[Speed]) -> str:
    """Return why no models of these comparisons are weighed; "" where there are none."""
    if not comparisons:
        return ""
    if all(each.void for each in comparisons):
        return "PER and the Pareto plot are missing: no comparison passed its own controls."
    return (
        "PER and the Pareto plot are missing: no task has a score of both models, latency and "
        "throughput."
    )


def _systems(comparisons: tuple[Speed, ...], task: str) -> Mapping[str, System]:
    """Return the models of the comparisons that share the first one's A."""
    found: dict[str, System] = {}
    for each in comparisons:
        latency, time = _cell(each, task, Figure.P50), _cell(each, task, Figure.TIME)
        quality = {side: _quality(each, task, side) for side in ("a", "b")}
        if each.a != comparisons[0].a or not (latency and time and quality["a"]):
            continue
        found.setdefault(
            each.a,
            System(
                quality=quality["a"],
                throughput=1 / time.a_s,
                memory=_memory(each, task, "a"),
                latency=latency.a_s,
            ),
        )
        anchor = found[each.a]
        found[each.b] = System(
            quality=quality["b"],
            throughput=anchor.throughput / time.judged.ratio,
            memory=_memory(each, task, "b"),
            latency=anchor.latency * latency.judged.ratio,
        )
    return found


def _cell(speed: Speed, task: str, figure: Figure) -> Cell | None:
    return next((c for c in speed.cells if (c.task, c.figure) == (task, figure)), None)


def _quality(speed: Speed, task: str, model: str) -> float:
    """Return the task score of one model, 0 where it was not evaluated."""
    scores: dict[str, Scores] = {}
    for each in speed.quality:
        if each.task == task:
            scores.setdefault(each.language, {})[each.metric] = getattr(each, model)
    return task_score(scores, list(scores)).score if scores else 0.0


def _memory(speed: Speed, task: str, model: str) -> float:
    """Return the bytes of weights and of the largest peak beyond them."""
    costs = [each for each in speed.costs if (each.task, each.model) == (task, model)]
    return float(max(each.weight_bytes + (each.peak_bytes or 0) for each in costs))
