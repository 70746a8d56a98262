"""What each arm changes against the baseline: quality, latency, throughput, computation."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from statistics import fmean

from stiltwalk.records import BASELINE_ARM
from stiltwalk.reports.data import RunRows
from stiltwalk.reports.findings import ScoreCell, TransferTable, over_targets
from stiltwalk.reports.wording import (
    ABOUT_ZERO,
    DASH,
    MINUS,
    count,
    named,
    plural,
    points,
    ratio_between,
)
from stiltwalk.timing.combined import Combined, by_task, pairs_of
from stiltwalk.timing.record import VOID, Speed
from stiltwalk.timing.sample_size import OFFLINE, SINGLE_STREAM, Figure
from stiltwalk.timing.tost import Verdict
from stiltwalk.wording import rounded

SAME = "the same computation"
_SCENARIOS = {Figure.P50: SINGLE_STREAM.name, Figure.TIME: OFFLINE.name}
_NAMES = {Figure.P50: "latency", Figure.TIME: "throughput"}
_BUSY = 0.1
"""Of all cores: a machine that others use more is the likely reason of a failed test."""


@dataclass(frozen=True, kw_only=True)
class TimedAnswer:
    """One figure of an arm as a multiple of the baseline's: the geometric mean over tasks.

    Of throughput it is a ratio of throughputs, so that more is better. `low` and `high` end its
    90 % interval; `verdicts` are those of the tasks, `tasks` those that were timed and count.
    """

    ratio: float
    low: float
    high: float
    margin: float
    tasks: tuple[str, ...]
    verdicts: tuple[str, ...]

    @property
    def is_equal(self) -> bool:
        """Whether every task is EQUIVALENT."""
        return set(self.verdicts) == {Verdict.EQUIVALENT}

    @property
    def verdict(self) -> str:
        """The verdict of all tasks, or how often each is there; the margin where they are equal."""
        kinds = list(dict.fromkeys(self.verdicts))
        if self.is_equal:
            return f"{kinds[0]} at {100 * self.margin:g} %"
        if len(kinds) == 1:
            return str(kinds[0])
        return ", ".join(f"{self.verdicts.count(each)} {each}" for each in kinds)

    def __str__(self) -> str:
        return f"{rounded(self.ratio, 3)} ({ratio_between(self.low, self.high)})"


@dataclass(frozen=True, kw_only=True)
class ArmAnswer:
    """What is known of one arm.

    `gain` is that of the mean which arms compare by; `void` are the figures of which no verdict
    counts, and `why` that is, or that nothing was timed; `structure` is what differs from the
    baseline by task; `kernels` how many operations both run, "" where unknown; `written` how many
    tokens an answer the baseline and the arm wrote, mean over targets and languages, None where
    none were written.
    """

    arm: str
    gain: ScoreCell | None
    latency: TimedAnswer | None
    throughput: TimedAnswer | None
    void: tuple[Figure, ...]
    why: str
    structure: Mapping[str, tuple[str, ...]]
    kernels: str
    written: tuple[float, float] | None = None

    @property
    def writes(self) -> str:
        """How long the answers are, in words; "" where that did not change."""
        if not self.written:
            return ""
        before, after = (rounded(each, 1) for each in self.written)
        return f"{after} written tokens an answer in place of {before}" * (before != after)

    @property
    def is_timed(self) -> bool:
        """Whether any verdict about time counts."""
        return self.latency is not None or self.throughput is not None

    @property
    def computation(self) -> str:
        """What structure says of the computation, in words; "" where it was not compared."""
        other = {task: found for task, found in self.structure.items() if found}
        where = _where(tuple(dict.fromkeys(task.partition(",")[0] for task in self.structure)))
        if not other:
            what = f"the same {self.kernels} operations" if self.kernels else SAME
            what += " in each pass" * bool(self.writes)
            return f"{what} on {where}" if self.structure else ""
        sums = dict.fromkeys(map(summed, other.values()))
        also = f" and {len(sums) - 1} more ways" * (len(sums) > 1)
        return f"another computation on {len(other)} of {where}: {next(iter(sums))}{also}"


def answers(run: RunRows, table: TransferTable) -> tuple[ArmAnswer, ...]:
    """Return what is known of every arm but the baseline; nothing in a run without a baseline."""
    if BASELINE_ARM not in run.arms:
        return ()
    gains = {cell.arm: cell for cell in table.comparison.cells} if table.comparison else {}
    return tuple(_answer(arm, gains.get(arm), run) for arm in run.arms if arm != BASELINE_ARM)


def _written(run: RunRows, arm: str) -> tuple[float, float] | None:
    found: dict[str, dict[tuple[str, str], list[float]]] = {BASELINE_ARM: {}, arm: {}}
    for each in run.timings:
        if each.arm in found and each.row.written_tokens:
            told = found[each.arm].setdefault((each.row.task, each.row.language), [])
            told.append(each.row.written_tokens / each.row.num_examples)
    both = found[BASELINE_ARM].keys() & found[arm].keys()
    if not both:
        return None
    before, after = (fmean(fmean(found[a][at]) for at in both) for a in (BASELINE_ARM, arm))
    return before, after


def _answer(arm: str, gain: ScoreCell | None, run: RunRows) -> ArmAnswer:
    groups = [p for p in pairs_of(run.comparisons) if (p[0].a, p[0].b) == (BASELINE_ARM, arm)]
    pairs = max(groups, key=lambda each: sum(len(speed.cells) for speed in each), default=())
    structure: dict[str, tuple[str, ...]] = {}
    for speed in (speed for each in groups for speed in each):
        for task, found in speed.structure.items():
            structure[task] = structure.get(task) or found
    cells = by_task(pairs) if pairs else ()
    timed = {figure: _timed(cells, name, figure) for figure, name in _SCENARIOS.items()}
    has_failed = any(each.void for each in pairs)
    void = [f for f, each in timed.items() if not each and has_failed and _is_sought(cells, f)]
    return ArmAnswer(
        arm=arm,
        gain=gain if gain and gain.gain else None,
        latency=timed[Figure.P50],
        throughput=timed[Figure.TIME],
        void=tuple(void),
        why=why_open(pairs),
        structure=structure,
        kernels=kernels_of(pairs),
        written=_written(run, arm),
    )


def _is_sought(cells: Sequence[Combined], figure: Figure) -> bool:
    """Whether a verdict was sought; where a failed test stopped everything, each was."""
    return not cells or any(each.figure == figure for each in cells)


def _timed(cells: Sequence[Combined], scenario: str, figure: Figure) -> TimedAnswer | None:
    cells = [each for each in cells if (each.scenario, each.figure) == (scenario, figure)]
    standing = [cell for cell in cells if cell.verdict != VOID]
    if not standing:
        return None
    sign = -1 if figure is Figure.TIME else 1
    mean = sign * fmean(log(cell.ratio) for cell in standing)
    half = sqrt(sum(cell.half_width**2 for cell in standing)) / len(standing)
    return TimedAnswer(
        ratio=exp(mean),
        low=exp(mean - half),
        high=exp(mean + half),
        margin=max(cell.margin for cell in standing),
        tasks=tuple(dict.fromkeys(cell.task for cell in standing)),
        verdicts=tuple(cell.verdict for cell in cells),
    )


def why_open(pairs: Sequence[Speed]) -> str:
    """Return why verdicts of some comparisons are missing or do not count; "" if nothing failed."""
    told = [each.reason for each in pairs]
    reasons = list(dict.fromkeys(filter(None, [*told, *(r for each in pairs for r in each.void)])))
    shares = [
        (each.elsewhere or 0.0) + (each.steal_time or 0.0)
        for speed in pairs
        for each in speed.machine_states
    ]
    busiest = max(shares, default=0.0)
    if reasons and busiest >= _BUSY and "busy" not in reasons[0]:
        return f"the machine was {rounded(100 * busiest, 0)} % busy: run again when idle"
    return reasons[0].rstrip(".") if reasons else ""


def kernels_of(pairs: Sequence[Speed]) -> str:
    """Return how many operations both models run, least to most over tasks; "" where unknown."""
    found = [each.kernels for speed in pairs for both in speed.operations.values() for each in both]
    ends = dict.fromkeys((min(found), max(found))) if found else {}
    return DASH.join(map(count, ends))


_COSTS = {"% FLOPs": "% operations", "bytes of weights": "MB of weights", "tokens a row": "tokens"}
_COST = re.compile(r"([+\u2212][\d,.]+) (% FLOPs|bytes of weights|tokens a row)")
_MATRICES = re.compile(r"(?P<new>none → )|(?P<gone> → none)")
_TIMES = re.compile(r", (\d+) times")


def summed(found: Sequence[str]) -> str:
    """Return what differs between two structures as one clause, costs added up.

    Example:
        >>> summed(["roberta.*.query.lora_A (weight none → 8x64), 12 times: +1.30 % FLOPs"])
        'LoRA adds 12 matrices, +1.3 % operations'
    """
    counts, sums = {"new": 0, "gone": 0, "other": 0}, dict.fromkeys(_COSTS, 0.0)
    for each in found:
        times = _TIMES.search(each)
        for change in _MATRICES.finditer(each):
            counts[str(change.lastgroup)] += int(times[1]) if times else 1
        counts["other"] += not _MATRICES.search(each)
        for number, unit in _COST.findall(each):
            sums[unit] += float(number.replace(",", "").replace(MINUS, "-"))
    sums["bytes of weights"] /= 1e6
    who = "LoRA " if any("lora" in each.lower() for each in found) else ""
    number = counts["new"]
    said = [
        f"{who}adds {number} {'matrix' if number == 1 else 'matrices'}" * bool(number),
        f"{counts['gone']} fewer" * bool(counts["gone"]),
        f"{plural(counts['other'], 'other difference')}" * bool(counts["other"]),
    ]
    costs = ((rounded(value, 1, signed=True), _COSTS[unit]) for unit, value in sums.items())
    said += [f"{value} {unit}" for value, unit in costs if value != "0.0"]
    return ", ".join(filter(None, said))


def told(found: Sequence[ArmAnswer], run: RunRows, table: TransferTable) -> str:
    """Return the answer of a run as one paragraph; arms of which the same is known together."""
    together: dict[str, list[ArmAnswer]] = {}
    for each in found:
        together.setdefault(_speed(each), []).append(each)
    sentences = []
    for clause, arms in together.items():
        joint = "or" if "not " in clause.partition(":")[0] else "and"
        sentences.append(f"{_subject(arms, run, joint)} {clause}; quality {_qualities(arms)}.")
    over = f"Quality: points of the mean over {over_targets(table)}, 95 % intervals."
    return " ".join([*sentences, over * bool(table.comparison)])


def _qualities(arms: Sequence[ArmAnswer]) -> str:
    """Return the gain of each arm; of several those inside the noise are counted alone."""
    if len(arms) == 1:
        return _quality(arms[0])
    quiet = [e for e in arms if e.gain and e.gain.estimate and e.gain.estimate.is_inside]
    told = [f"“{each.arm}” {_quality(each)}" for each in arms if each not in quiet]
    where = "every arm" if len(quiet) == len(arms) else plural(len(quiet), "other arm")
    return ", ".join([*told, *[f"{ABOUT_ZERO} inside the noise in {where}"] * bool(quiet)])


def _subject(arms: Sequence[ArmAnswer], run: RunRows, joint: str) -> str:
    made = [run.made_of.get(each.arm) for each in arms]
    if all(each and each.tasks for each in made):
        says = [each.says for each in made if each]
        named_too = (
            s if s == a.arm else f"{s} (“{a.arm}”)" for s, a in zip(says, arms, strict=True)
        )
        return f"Intermediate training on {named(list(named_too), joint)}"
    return named([f"“{each.arm}”" for each in arms], joint)


def _speed(found: ArmAnswer) -> str:
    figures = {"latency": found.latency, "throughput": found.throughput}
    timed = {name: each for name, each in figures.items() if each}
    if not timed:
        return _untimed(found)
    verdicts = dict.fromkeys(each.verdict for each in timed.values())
    void = {_NAMES[each] for each in found.void}
    why = f": {found.why}" * bool(found.why)
    missing = (name for name, each in figures.items() if not each)
    parts = [
        found.computation,
        found.writes,
        *(f"{name} ratio {each}" for name, each in timed.items()),
        " and ".join(verdicts),
        _by_clock(found, tuple(timed.values())),
        *(f"{name} {VOID if name in void else 'not timed'}{why}" for name in missing),
    ]
    seen = {verdict for each in timed.values() for verdict in each.verdicts}
    verb = "changed" if {Verdict.SLOWER, Verdict.FASTER} & seen else "left open"
    if all(each.is_equal for each in timed.values()):
        verb = "did not change"
    return f"{verb} {named(list(timed), 'or')}: {', '.join(filter(None, parts))}"


def _by_clock(found: ArmAnswer, timed: Sequence[TimedAnswer]) -> str:
    tasks = tuple(dict.fromkeys(task for each in timed for task in each.tasks))
    rest = [task for task in found.structure if task not in tasks]
    return f"timed on {_where(tasks)}, the rest by structure alone" if rest else ""


def _untimed(found: ArmAnswer) -> str:
    computation = found.computation
    why = f": {found.why}" * bool(found.why)
    if found.void:
        also = f"; by structure {computation}" if computation else ""
        return f"has no answer about speed by the clock, {VOID}{why}{also}"
    if not computation:
        return "was not measured: neither timed nor compared by structure"
    if any(found.structure.values()):
        also = f", and {found.writes}" * bool(found.writes)
        return f"changed the computation: {computation}{also}; not timed{why}"
    if found.writes:
        return f"changed how much is written: {found.writes}, {computation}; not timed{why}"
    return f"did not change the computation: {computation}; not timed{why}"


def _quality(found: ArmAnswer) -> str:
    if not (found.gain and found.gain.gain):
        return "unknown"
    value, estimate = points(found.gain.gain.mean), found.gain.estimate
    if estimate is None:
        return f"{value} (noise unknown)"
    noise = f", {ABOUT_ZERO} inside the noise" * estimate.is_inside
    return f"{value} ({gain_interval(found.gain)}{noise})"


def gain_interval(cell: ScoreCell) -> str:
    """Return the 95 % interval of a gain; "" where its noise is unknown."""
    if cell.estimate is None:
        return ""
    low, high = cell.estimate.interval()
    return f"{points(low)} to {points(high)}"


def how_to_time(found: Sequence[ArmAnswer], run: RunRows) -> Iterator[str]:
    """Yield how to get what is missing: a verdict by the clock."""
    untimed = [each for each in found if not each.is_timed]
    if not untimed or not run.recipe:
        return
    arms = named([f"“{each.arm}”" for each in untimed], "and")
    sides = (shlex.quote(f"{run.title}:{arm}") for arm in (BASELINE_ARM, untimed[0].arm))
    yield (
        f"No verdict by the clock: {arms}. To time an arm on an idle machine: stiltwalk compare "
        f"{' '.join(sides)}, or a table [measure] in the recipe, and run it again."
    )


def _where(tasks: Sequence[str]) -> str:
    return tasks[0] if len(tasks) == 1 else plural(len(tasks), "target")
