"""Verdicts over several cells: a task's languages, and the pairs of checkpoints of several seeds.

A ratio over languages is the geometric mean of the languages' paired ratios; its interval rests
on theirs, since every language was measured by itself. A ratio over pairs is the geometric mean
over pairs; its interval is Student's t over pairs, since one pair of checkpoints, and the process
that timed it, is one draw. So three pairs that are EQUIVALENT each need not be so together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, inf, log, log1p, sqrt
from statistics import fmean, stdev

from scipy.special import ndtr, ndtri, stdtr, stdtrit

from stiltwalk.timing.record import VOID, Cell, Speed
from stiltwalk.timing.sample_size import Figure
from stiltwalk.timing.tost import ALPHA, Verdict, holm

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
        b_s: B's.
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
    b_s: float
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
    found = [_over_languages(speed.cells) for speed in pairs]
    return found[0] if len(found) == 1 else _over_pairs(found)


def has_parts(pairs: Sequence[Speed]) -> bool:
    """Tell whether `by_task` combines anything: languages, or pairs."""
    return len(pairs) > 1 or any(cell.language for each in pairs for cell in each.cells)


def told_pairs(pairs: Sequence[Speed]) -> Iterator[str]:
    """Yield what follows over the pairs of several seeds, a sentence each; nothing for one pair."""
    if len(pairs) < FEWEST_PAIRS:
        return
    over, (a, b) = by_task(pairs), (pairs[0].a, pairs[0].b)
    seeds = ", ".join(str(each.design.seed) for each in pairs)
    equal = [e for e in over if e.verdict == Verdict.EQUIVALENT and e.spread is not None]
    where = "everywhere, " if len(equal) == len(over) else ""
    yield (
        f"Over {len(pairs)} pairs of checkpoints (seeds {seeds}), each timed in a process of its "
        f"own, {b} is as fast as {a} within the margin {where}in {len(equal)} of {len(over)} cells."
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


def _over_languages(cells: Sequence[Cell]) -> tuple[Combined, ...]:
    """Return every task's verdicts; a verdict that is about a whole task stays what it is."""
    places: dict[Place, list[Cell]] = {}
    for cell in cells:
        places.setdefault((cell.task, cell.scenario, cell.figure), []).append(cell)
    found, p_differs = dict[Place, Combined](), dict[Place, float]()
    for place, here in places.items():
        mean = fmean(log(cell.judged.ratio) for cell in here)
        halves = [log(cell.judged.high / cell.judged.low) / 2 for cell in here]
        half = sqrt(sum(each**2 for each in halves)) / len(here)
        found[place] = _combined(place, here, mean, half)
        if len(here) > 1:
            p_differs[place] = 2 * float(ndtr(-_times(abs(mean), half) * ndtri(1 - ALPHA)))
    return tuple(_judged(found, p_differs))


def _over_pairs(pairs: Sequence[Sequence[Combined]]) -> tuple[Combined, ...]:
    """Return verdicts over pairs; a VOID pair takes no part, and a single one stands for itself."""
    places: dict[Place, list[Combined]] = {}
    for each in (each for pair in pairs for each in pair):
        places.setdefault((each.task, each.scenario, each.figure), []).append(each)
    found, p_differs = dict[Place, Combined](), dict[Place, float]()
    for place, here in places.items():
        standing = [each for each in here if each.verdict != VOID]
        verdicts = tuple(each.verdict for each in here)
        if len(standing) < FEWEST_PAIRS:
            found[place] = replace((*standing, *here)[0], verdicts=verdicts)
            continue
        logs = [log(each.ratio) for each in standing]
        mean, spread, degrees = fmean(logs), stdev(logs), len(logs) - 1
        error = spread / sqrt(len(logs))
        half = float(stdtrit(degrees, 1 - ALPHA)) * error
        over = _combined(place, standing, mean, half)
        found[place] = replace(over, verdicts=verdicts, spread=spread)
        p_differs[place] = 2 * float(stdtr(degrees, -_times(abs(mean), error)))
    return tuple(_judged(found, p_differs))


def _times(distance: float, error: float) -> float:
    return distance / error if error else inf if distance else 0.0


def _combined(
    place: Place, parts: Sequence[Cell] | Sequence[Combined], mean: float, half: float
) -> Combined:
    """Return what is combined; its verdict is that of a single part, or left to `_judged`."""
    task, scenario, figure = place
    margins = [each.judged.margin if isinstance(each, Cell) else each.margin for each in parts]
    a_s = exp(fmean(log(each.a_s) for each in parts))
    verdicts = tuple(each.verdict for each in parts)
    return Combined(
        task=task,
        scenario=scenario,
        figure=figure,
        verdict=VOID if VOID in verdicts else verdicts[0],
        verdicts=verdicts,
        a_s=a_s,
        b_s=a_s * exp(mean),
        ratio=exp(mean),
        low=exp(mean - half),
        high=exp(mean + half),
        margin=margins[0],
    )


def _judged(
    found: Mapping[Place, Combined], p_differs: Mapping[Place, float]
) -> Iterator[Combined]:
    """Yield what was found; where there is a p-value, with the verdict that follows from it.

    Directions are two-sided tests at 5 % after Holm's correction over all of them.
    """
    corrected = holm(p_differs)
    for place, each in found.items():
        if place not in corrected or each.verdict == VOID:
            yield each
            continue
        bound = log1p(each.margin)
        if -bound < log(each.low) and log(each.high) < bound:
            verdict = Verdict.EQUIVALENT
        elif corrected[place] <= ALPHA:
            verdict = Verdict.SLOWER if each.ratio > 1 else Verdict.FASTER
        else:
            verdict = Verdict.INCONCLUSIVE
        yield replace(each, verdict=verdict)
