"""Tokens that were predicted, what training took, and quality against cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import exp, hypot, inf, log, log1p, sqrt
from statistics import fmean

from stiltwalk.metrics.aggregate import mean, task_score
from stiltwalk.metrics.efficiency import RatedSystem, Sign, anchored_per, pareto_front, per
from stiltwalk.records import BASELINE_ARM, Phase, Scores, TimingRow
from stiltwalk.reports.data import RunRows
from stiltwalk.timing.combined import by_task, pairs_of
from stiltwalk.timing.record import VOID, Cost, Speed
from stiltwalk.timing.sample_size import OFFLINE, SINGLE_STREAM, TAIL_MARGIN, Figure
from stiltwalk.timing.tost import Verdict


@dataclass(frozen=True, kw_only=True)
class TokenCount:
    """What was fed while predicting, counted: summed over stages and seeds.

    `padding` is the share of the tokens that went through the model and were padding, a fraction.
    """

    arm: str
    num_examples: int
    tokens_per_example: float
    padding: float


def tokens_per_language(run: RunRows) -> Mapping[tuple[str, str, str], TokenCount]:
    """Return (arm, task, language) to what was fed."""
    rows: dict[tuple[str, str, str], list[TimingRow]] = {}
    for each in run.timings:
        rows.setdefault((each.arm, each.row.task, each.row.language), []).append(each.row)
    return {key: found for key, each in rows.items() if (found := _tokens(key[0], each))}


def tokens_per_arm(run: RunRows) -> tuple[TokenCount, ...]:
    """Return one line per arm, everything it predicted together."""
    rows = {arm: [each.row for each in run.timings if each.arm == arm] for arm in run.arms}
    return tuple(found for arm, each in rows.items() if (found := _tokens(arm, each)))


def _tokens(arm: str, rows: Sequence[TimingRow]) -> TokenCount | None:
    num_examples = sum(row.num_examples for row in rows)
    real, padded = sum(row.real_tokens for row in rows), sum(row.padded_tokens for row in rows)
    if not (num_examples and padded):
        return None
    return TokenCount(
        arm=arm,
        num_examples=num_examples,
        tokens_per_example=real / num_examples,
        padding=1 - real / padded,
    )


TRAINING = frozenset({Phase.INTERMEDIATE, Phase.TARGET, Phase.PROMPT})
"""In which an arm is trained."""


@dataclass(frozen=True, kw_only=True)
class TrainingCost:
    """The stages that an arm's evaluations rest on, all seeds together.

    `more_s` is the time beyond that of "none", None where that cannot be told.
    """

    arm: str
    num_stages: int
    num_tokens: int
    time_s: float
    more_s: float | None


def training_costs(run: RunRows) -> tuple[TrainingCost, ...]:
    """Return what every arm's finished training stages took; a shared stage counts in each."""
    times = {
        arm: [
            (each.time_s, each.num_tokens)
            for each in run.stages
            if each.phase in TRAINING and arm in each.arms and each.time_s is not None
        ]
        for arm in run.arms
    }
    reference = sum(time_s for time_s, _ in times.get(BASELINE_ARM, []))
    return tuple(
        TrainingCost(
            arm=arm,
            num_stages=len(stages),
            num_tokens=sum(tokens for _, tokens in stages),
            time_s=(time_s := sum(time_s for time_s, _ in stages)),
            more_s=time_s - reference if reference and arm != BASELINE_ARM else None,
        )
        for arm, stages in times.items()
        if stages
    )


_COSTS = ("latency", "throughput", "memory")
_WIDER = 1.96 / 1.645
"""From half a 90 % interval to half a 95 % interval, for a difference with a direction."""


@dataclass(frozen=True, kw_only=True)
class Efficiency:
    """One model on one task: what it does, PER in both forms, and whether another beats it.

    `exact` is None where all tie in something.
    """

    task: str
    model: str
    system: RatedSystem
    exact: float | None
    anchored: float
    is_on_front: bool


@dataclass(frozen=True, kw_only=True)
class _Ratio:
    """A cost as a multiple of A's: its logarithm, half of that one's 90 % interval, the margin."""

    log: float = 0.0
    half: float = 0.0
    margin: float = inf


@dataclass(frozen=True, kw_only=True)
class _Member:
    """A model, and its costs as multiples of A's, by criterion."""

    system: RatedSystem
    ratios: Mapping[str, _Ratio]


def efficiency(comparisons: Sequence[Speed]) -> Iterator[Efficiency]:
    """Yield the models that were compared with one and the same, task by task.

    All languages and all pairs of a task count, as geometric means of paired ratios: the median
    latency of single requests, the time per request of all at once, and the memory of these. What
    is VOID takes no part. A's figures come from the first comparison, those of every B from its
    own ratio to A: times of two sessions are not comparable, ratios are.
    """
    groups = pairs_of(comparisons)
    for task in dict.fromkeys(cell.task for each in comparisons for cell in each.cells):
        members = _members(groups, task)
        if len(members) < 2:  # noqa: PLR2004 - one has nothing to be compared with
            continue
        systems = {name: each.system for name, each in members.items()}
        exact, anchored = per(systems), anchored_per(systems, next(iter(systems)))
        front = pareto_front(systems, partial(_compared, members))
        for model, system in systems.items():
            yield Efficiency(
                task=task,
                model=model,
                system=system,
                exact=exact[model],
                anchored=anchored[model],
                is_on_front=model in front,
            )


def why_no_efficiency(comparisons: Sequence[Speed]) -> str:
    """Return why no models of these comparisons have an efficiency; "" where there are none."""
    if not comparisons:
        return ""
    if not any(each.cells for each in comparisons):
        return "PER and the Pareto plot are missing: nothing was timed."
    if all(cell.verdict == VOID for each in comparisons for cell in each.cells):
        return "PER and the Pareto plot are missing: no comparison passed its A/A and delay tests."
    return (
        "PER and the Pareto plot are missing: no task has a score of both models, latency and "
        "throughput."
    )


def _members(groups: Sequence[Sequence[Speed]], task: str) -> Mapping[str, _Member]:
    found: dict[str, _Member] = {}
    first = groups[0][0]
    for pairs in groups:
        a, b, device = pairs[0].a, pairs[0].b, pairs[0].design.device
        if (a, device) != (first.a, first.design.device) or b in found:
            continue
        member = _measured(pairs, task)
        if member is None:
            continue
        of_a, quality = member.system, mean([_quality(each, task, "b") for each in pairs])
        anchor = found.setdefault(a, _Member(system=of_a, ratios=dict.fromkeys(_COSTS, _Ratio())))
        costs = {
            name: getattr(anchor.system, name) * exp(ratio.log)
            for name, ratio in member.ratios.items()
        }
        system = RatedSystem(quality=quality, **costs)
        found[b] = _Member(system=system, ratios=member.ratios)
    return found


def _measured(pairs: Sequence[Speed], task: str) -> _Member | None:
    """Return A's figures with B's ratios; None where a figure is missing or does not count."""
    figures = {(each.scenario, each.figure): each for each in by_task(pairs) if each.task == task}
    latency = figures.get((SINGLE_STREAM.name, Figure.P50))
    time = figures.get((OFFLINE.name, Figure.TIME))
    quality = mean([_quality(each, task, "a") for each in pairs])
    if not (latency and time and quality) or VOID in (latency.verdict, time.verdict):
        return None
    half = latency.half_width
    if latency.verdict == Verdict.INCONCLUSIVE:  # also where only the correction left it open
        half = max(half, abs(log(latency.ratio)))
    held = [_held(e, task) for e in pairs if any(cost.task == task for cost in e.costs)]
    memory = _Ratio(
        log=fmean(each.log for _, each in held),
        half=sqrt(sum(each.half**2 for _, each in held)) / len(held),
        margin=TAIL_MARGIN,
    )
    return _Member(
        system=RatedSystem(
            quality=quality, latency=latency.a_s, throughput=1 / time.a_s, memory=held[0][0]
        ),
        ratios={
            "latency": _Ratio(log=log(latency.ratio), half=half, margin=latency.margin),
            "throughput": _Ratio(log=-log(time.ratio)),
            "memory": memory,
        },
    )


def _compared(members: Mapping[str, _Member], x: str, y: str, criterion: str) -> Sign:
    """Return how two models compare: in a cost, as far as the measurements show.

    EQUIVALENT is equal. Of two models that were each timed against A alone, the interval of their
    ratio follows from their own two.
    """
    one, other = members[x], members[y]
    if criterion == "quality":
        gain = one.system.quality - other.system.quality
        return 0 if gain == 0 else 1 if gain > 0 else -1
    ours, theirs = one.ratios[criterion], other.ratios[criterion]
    difference, half = ours.log - theirs.log, hypot(ours.half, theirs.half)
    if abs(difference) + half < log1p(min(ours.margin, theirs.margin)):
        return 0
    if abs(difference) <= _WIDER * half:
        return None
    return 1 if difference < 0 else -1


def _quality(speed: Speed, task: str, model: str) -> float:
    scores: dict[str, Scores] = {}
    for each in speed.quality:
        if each.task == task:
            scores.setdefault(each.language, {})[each.metric] = getattr(each, model)
    return task_score(scores, list(scores)).score if scores else 0.0


def _held(speed: Speed, task: str) -> tuple[float, _Ratio]:
    """Return the most bytes that A holds, peak and all, and B's as a multiple over languages.

    Where the system tells of no peak, they are those of the weights, exactly.
    """
    costs = {
        (each.language, each.model): _bytes(each)
        for each in speed.costs
        if (each.task, each.scenario) == (task, OFFLINE.name)
    }
    languages = tuple(dict.fromkeys(language for language, _ in costs))
    judged = {
        each.language: each.judged
        for each in speed.memory
        if (each.task, each.scenario) == (task, OFFLINE.name)
    }
    ratios = [
        judged[each].ratio if each in judged else costs[each, "b"] / costs[each, "a"]
        for each in languages
    ]
    halves = [log(each.high / each.low) / 2 for each in judged.values()]
    ratio = _Ratio(
        log=fmean(map(log, ratios)),
        half=sqrt(sum(each**2 for each in halves)) / len(languages),
        margin=TAIL_MARGIN,
    )
    return max(costs[each, "a"] for each in languages), ratio


def _bytes(cost: Cost) -> float:
    return float(cost.weight_bytes + (cost.peak_bytes or 0))
