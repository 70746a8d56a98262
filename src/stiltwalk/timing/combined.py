"""Verdicts over several cells: a task's languages, and the pairs of checkpoints of several seeds.

A ratio over languages is the geometric mean of the languages' paired ratios; its interval rests
on theirs, since every language was measured by itself. A ratio over pairs is the geometric mean
over pairs; its interval is Student's t over pairs, since one pair of checkpoints, and the process
that timed it, is one draw. So three pairs that are EQUIVALENT each need not be so together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import exp, log, sqrt
from statistics import fmean, stdev
from typing import TypeVar

from scipy.special import ndtr, ndtri

from stiltwalk.timing.record import VOID, Speed, TimedCell
from stiltwalk.timing.sample_size import Figure
from stiltwalk.timing.tost import ALPHA, Sample, Verdict, holm, in_errors, verdict_of

FEWEST_PAIRS = 2
"""One has no spread."""

Place = tuple[str, str, Figure]
"""Task, scenario and figure."""


@dataclass(frozen=True, kw_only=True)
class Combined:
    """One verdict about a task in one scenario.

    Args:
        task: what was asked.
        scenario: how.
        figure: what is compared.
        verdict: a `Verdict`, or VOID.
        verdicts: those that it combines: of languages, or of pairs.
        a_s: A's figure in seconds.
        ratio: geometric mean of time B / time A.
        low: end of its 90 % interval.
        high: its other end.
        margin: the difference that still counts as equal.
        spread: standard deviation of the log-ratio between pairs, None for one pair.
    """

    task: str
    scenario: str
    figure: Figure
    verdict: str
    verdicts: tuple[str, ...]
    a_s: float
    ratio: float
    low: float
    high: float
    margin: float
    spread: float | None = None

    @property
    def half_width(self) -> float:
        """Half of the log-ratio's 90 % interval."""
        return log(self.high / self.low) / 2

    @property
    def counts(self) -> str:
        """How often each verdict is among those that it combines, in words."""
        found = {each: self.verdicts.count(each) for each in self.verdicts}
        return ", ".join(f"{count} {verdict}" for verdict, count in found.items())


Part = TypeVar("Part", TimedCell, Combined)
Tested = tuple[Combined, float | None]
"""With the p-value of a difference, None where the verdict is that of a single part."""


def pairs_of(comparisons: Sequence[Speed]) -> list[tuple[Speed, ...]]:
    """Return comparisons of the same two arms in the same design together, a pair per seed."""
    groups: list[list[Speed]] = []
    for each in comparisons:
        for group in groups:
            if _is_of(each, group[0]):
                group.append(each)
                break
        else:
            groups.append([each])
    return [tuple(group) for group in groups]


def _is_of(one: Speed, other: Speed) -> bool:
    """Tell whether two comparisons differ in nothing but the seed."""
    design = replace(one.design, seed=other.design.seed)
    return (one.a, one.b, design) == (other.a, other.b, other.design)


def by_task(pairs: Sequence[Speed]) -> tuple[Combined, ...]:
    """Return every task's verdicts, its languages together and the pairs together."""
    found = [_by_place(speed.cells, _over_languages) for speed in pairs]
    if len(found) == 1:
        return found[0]
    return _by_place([each for pair in found for each in pair], _over_pairs)


def has_parts(pairs: Sequence[Speed]) -> bool:
    """Tell whether `by_task` combines anything: languages, or pairs."""
    return len(pairs) > 1 or any(cell.language for each in pairs for cell in each.cells)


def told_pairs(pairs: Sequence[Speed]) -> Iterator[str]:
    """Yield what follows over the pairs of several seeds, a sentence each; nothing for one pair."""
    over, (a, b) = by_task(pairs), (pairs[0].a, pairs[0].b)
    if len(pairs) < FEWEST_PAIRS or not over:
        return
    seeds = ", ".join(str(each.design.seed) for each in pairs)
    equal = [e for e in over if e.verdict == Verdict.EQUIVALENT and e.spread is not None]
    where = "every cell" if len(equal) == len(over) else f"{len(equal)} of {len(over)} cells"
    yield (
        f"Over {len(pairs)} pairs of checkpoints (seeds {seeds}), each timed in a process of its "
        f"own, {b} is as fast as {a} within the margin in {where}."
    )
    for each in over:
        what = f"{each.task}, {each.scenario}, {each.figure}: time ratio {each.ratio:.3f}"
        spread = "of one pair alone"
        if each.spread is not None:
            spread = f"standard deviation of a pair {each.spread:.1%}"
        found = f"{what} ({each.low:.3f} to {each.high:.3f}, {spread})"
        if each.verdict in (Verdict.SLOWER, Verdict.FASTER):
            yield f"{b} is {each.verdict} than {a} in {found}."
        elif each.verdict == Verdict.INCONCLUSIVE and set(each.verdicts) == {Verdict.EQUIVALENT}:
            yield f"Each pair is EQUIVALENT, and too few agree to say so of others: {found}."


def _by_place(
    parts: Iterable[Part], combine: Callable[[Sequence[Part]], Tested]
) -> tuple[Combined, ...]:
    """Return the parts of each place together, with the verdicts that follow.

    Directions are two-sided tests at 5 % after Holm's correction over all of them.
    """
    places: dict[Place, list[Part]] = {}
    for each in parts:
        places.setdefault((each.task, each.scenario, each.figure), []).append(each)
    found = {place: combine(here) for place, here in places.items()}
    corrected = holm({place: p for place, (_, p) in found.items() if p is not None})
    return tuple(
        _judged(each, corrected[place]) if place in corrected and each.verdict != VOID else each
        for place, (each, _) in found.items()
    )


def _judged(each: Combined, p_differs: float) -> Combined:
    low, high = log(each.low), log(each.high)
    return replace(each, verdict=verdict_of(low, high, each.margin, differs=p_differs <= ALPHA))


def _over_languages(cells: Sequence[TimedCell]) -> Tested:
    """Return a task's verdict; one that is about a whole task stays what it is."""
    mean = fmean(log(cell.judged.ratio) for cell in cells)
    halves = [log(cell.judged.high / cell.judged.low) / 2 for cell in cells]
    half = sqrt(sum(each**2 for each in halves)) / len(cells)
    combined = _combined(cells, cells[0].judged.margin, (mean - half, mean, mean + half))
    if len(cells) == 1:
        return combined, None
    return combined, 2 * float(ndtr(-in_errors(abs(mean), half) * ndtri(1 - ALPHA)))


def _over_pairs(pairs: Sequence[Combined]) -> Tested:
    """Return a verdict over pairs; a VOID pair takes no part, a single one stands for itself."""
    standing = [each for each in pairs if each.verdict != VOID]
    verdicts = tuple(each.verdict for each in pairs)
    if len(standing) < FEWEST_PAIRS:
        return replace((*standing, *pairs)[0], verdicts=verdicts), None
    logs = [log(each.ratio) for each in standing]
    over = Sample(mean=fmean(logs), spread=stdev(logs), effective=len(logs))
    low, high = over.interval(1 - ALPHA)
    found = _combined(standing, standing[0].margin, (low, over.mean, high))
    found = replace(found, verdicts=verdicts, spread=over.spread)
    return found, 2 * over.p_above(abs(over.mean))


def _combined(parts: Sequence[Part], margin: float, logs: tuple[float, float, float]) -> Combined:
    """Return what is combined, with the first verdict for now; `logs` are low, ratio and high."""
    verdicts = tuple(each.verdict for each in parts)
    low, ratio, high = map(exp, logs)
    return Combined(
        task=parts[0].task,
        scenario=parts[0].scenario,
        figure=parts[0].figure,
        verdict=VOID if VOID in verdicts else verdicts[0],
        verdicts=verdicts,
        a_s=exp(fmean(log(each.a_s) for each in parts)),
        ratio=ratio,
        low=low,
        high=high,
        margin=margin,
    )
