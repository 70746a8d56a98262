"""How sure a difference is: between seeds, and between test examples. Fractions inside.

`estimated` serves the table of gains, the tests of single languages and the claims alike, so that
no two places of a report can disagree about a difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, hypot, log, sqrt

from scipy import stats
from scipy.optimize import brentq
from scipy.special import ndtri, stdtrit

from stiltwalk.measure.verdicts import holm
from stiltwalk.records import BASELINE_ARM
from stiltwalk.report.resampling import Floats, Resamples, gains_over_examples
from stiltwalk.report.rows import RunRows
from stiltwalk.report.totals import Spread, spread

LEVEL = 0.05
_LEAST_P = 1e-12
"""Below it nobody tells p-values apart."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A difference of means with its two standard errors, None where one is unknown.

    `seeds` is that between seeds, `examples` that over test examples, which all seeds share.
    """

    value: float
    num_seeds: int
    seeds: float | None
    examples: float | None

    def half_width(self, level: float = LEVEL) -> float:
        """Return half the width of the interval that misses the truth in `level` of all studies.

        The t-interval over seeds and the normal one over examples combine as the root of their
        summed squares, since the two errors are independent.
        """
        return hypot(self.over_seeds(level) or 0.0, self.over_examples(level) or 0.0)

    def over_seeds(self, level: float = LEVEL) -> float | None:
        """Return the half width that seeds alone give."""
        if self.seeds is None:
            return None
        return float(stdtrit(self.num_seeds - 1, 1 - level / 2)) * self.seeds

    def over_examples(self, level: float = LEVEL) -> float | None:
        """Return the half width that test examples alone give."""
        return None if self.examples is None else float(ndtri(1 - level / 2)) * self.examples

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Return the ends of the interval."""
        half = self.half_width(level)
        return self.value - half, self.value + half

    @property
    def is_inside(self) -> bool:
        """Whether the 95 % interval holds zero."""
        return abs(self.value) <= self.half_width()

    @property
    def p(self) -> float:
        """Return the two-sided p-value: the level whose interval just reaches zero."""
        distance = abs(self.value)
        if not distance:
            return 1.0
        if self.half_width(_LEAST_P) <= distance:
            return _LEAST_P
        found = brentq(
            lambda level: self.half_width(exp(level)) - distance, log(_LEAST_P), 0.0, xtol=1e-6
        )
        return float(exp(found))

    def less(self, bound: float) -> Estimate:
        """Return the same with a fixed figure taken off."""
        return replace(self, value=self.value - bound)


def estimated(gain: Spread, gains_R: Floats | None) -> Estimate | None:
    """Return a difference with its errors, None where neither is known.

    Args:
        gain: over seeds.
        gains_R: the gain with the test examples drawn again, the observed one first.
    """
    seeds = None if gain.sd is None else gain.sd / sqrt(gain.num_seeds)
    examples = None if gains_R is None else float(gains_R[1:].std(ddof=1))
    if seeds is None and examples is None:
        return None
    return Estimate(gain.mean, gain.num_seeds, seeds, examples)


def gain_estimate(
    drawn: Resamples, arm: str, tasks: Sequence[str], gain: Spread | None
) -> Estimate | None:
    """Return an arm's mean gain over some targets with its errors."""
    if gain is None:
        return None
    return estimated(gain, gains_over_examples(drawn, arm, BASELINE_ARM, tasks))


@dataclass(frozen=True, slots=True)
class PairedTest:
    """A test of one arm against "none" in one language.

    `p_holm` is corrected over every arm, target and language of the run; `test` names what was
    done.
    """

    p: float
    p_holm: float
    test: str

    @property
    def is_clear(self) -> bool:
        """Whether the difference survives the correction."""
        return self.p_holm <= LEVEL


def paired_tests(run: RunRows, drawn: Resamples) -> Mapping[tuple[str, str, str], PairedTest]:
    """Return (arm, task, language) to the test of its gain, where its noise is known.

    With several seeds by their t-interval together with that over examples; with one, which tells
    of these two checkpoints alone, McNemar's exact test where every example is right or wrong,
    else the paired bootstrap. Holm's correction goes over all that the page shows.
    """
    found: dict[tuple[str, str, str], tuple[float, str]] = {}
    others = [arm for arm in run.arms if arm != BASELINE_ARM] if BASELINE_ARM in run.arms else []
    for arm in others:
        for task in run.targets:
            if all(drawn.has(each, [task]) for each in (arm, BASELINE_ARM)):
                for language, test in _tests(drawn, arm, task).items():
                    found[arm, task, language] = test
    corrected = holm({place: p for place, (p, _) in found.items()})
    return {place: PairedTest(p, corrected[place], test) for place, (p, test) in found.items()}


def _tests(drawn: Resamples, arm: str, task: str) -> dict[str, tuple[float, str]]:
    """Return language to p and the name of the test."""
    found = {}
    for language in drawn.languages(task):
        counts = drawn.discordant(arm, BASELINE_ARM, task, language)
        if counts is not None:
            found[language] = mcnemar(*counts), "McNemar"
            continue
        gain = spread(
            drawn.per_seed(arm, task, [language]) - drawn.per_seed(BASELINE_ARM, task, [language])
        )
        over_examples = gains_over_examples(drawn, arm, BASELINE_ARM, [task], [language])
        known = estimated(gain, over_examples) if gain else None
        if known is not None:
            name = "paired bootstrap" if known.seeds is None else "t over seeds"
            if known.seeds is not None and known.examples is not None:
                name += " and examples"
            found[language] = known.p, name
    return found


def mcnemar(only_ours: int, only_theirs: int) -> float:
    """Return the exact two-sided p of as many examples that only one of two got right."""
    if not only_ours + only_theirs:
        return 1.0
    return float(stats.binomtest(only_ours, only_ours + only_theirs).pvalue)
