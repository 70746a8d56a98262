"""Which gains are more than noise: between seeds, and between test examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy import stats

from stiltwalk.measure.verdicts import holm
from stiltwalk.records import BASELINE_ARM
from stiltwalk.report.resampling import Floats, Resamples, gains_over_examples
from stiltwalk.report.rows import RunRows
from stiltwalk.report.totals import Spread

LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Noise:
    """What a gain was held against, and whether it lies inside.

    `seeds` and `examples` are half widths of 95 % intervals, fractions; None where unknown.
    """

    is_inside: bool
    seeds: float | None
    examples: float | None


@dataclass(frozen=True, slots=True)
class PairedTest:
    """A test of one arm against "none" in one language.

    `p_holm` is corrected over the languages of the target; `test` names what was done.
    """

    p: float
    p_holm: float
    test: str

    @property
    def is_clear(self) -> bool:
        """Whether the difference survives the correction."""
        return self.p_holm <= LEVEL


def noise(gain: Spread, gains_R: Floats | None) -> Noise | None:
    """Return whether a gain is inside the noise, None where neither noise is known.

    It is inside where the t-interval over seeds or the interval over test examples holds zero;
    either alone would pass differences that the other explains.

    Args:
        gain: over seeds.
        gains_R: the gain with the test examples drawn again.
    """
    seeds = examples = None
    if gain.sd is not None:
        quantile = float(stats.t.ppf(1 - LEVEL / 2, gain.num_seeds - 1))
        seeds = quantile * gain.sd / sqrt(gain.num_seeds)
    if gains_R is not None:
        examples = float(stats.norm.ppf(1 - LEVEL / 2)) * float(gains_R[1:].std(ddof=1))
    known = [each for each in (seeds, examples) if each is not None]
    if not known:
        return None
    return Noise(abs(gain.mean) <= max(known), seeds, examples)


def gain_noise(
    drawn: Resamples, arm: str, tasks: Sequence[str], gain: Spread | None
) -> Noise | None:
    """Return the noise of an arm's mean gain over some targets."""
    if gain is None:
        return None
    return noise(gain, gains_over_examples(drawn, arm, BASELINE_ARM, tasks))


def paired_tests(run: RunRows, drawn: Resamples) -> Mapping[tuple[str, str, str], PairedTest]:
    """Return (arm, task, language) to the test of its gain, where examples are known.

    McNemar's exact test where every example is right or wrong and one seed was run, else the
    paired bootstrap over examples. Holm's correction goes over the languages of a target.
    """
    found: dict[tuple[str, str, str], PairedTest] = {}
    if BASELINE_ARM not in run.arms:
        return found
    for arm in (each for each in run.arms if each != BASELINE_ARM):
        for task in run.targets:
            if not all(
                drawn.has(each, [task]) and drawn.has_examples(each, task)
                for each in (arm, BASELINE_ARM)
            ):
                continue
            tests = _tests(drawn, arm, task)
            corrected = holm({language: p for language, (p, _) in tests.items()})
            for language, (p, test) in tests.items():
                found[arm, task, language] = PairedTest(p, corrected[language], test)
    return found


def _tests(drawn: Resamples, arm: str, task: str) -> dict[str, tuple[float, str]]:
    """Return language to p and the name of the test."""
    gains_RL = drawn.over_examples(arm, task) - drawn.over_examples(BASELINE_ARM, task)
    found = {}
    for place, language in enumerate(drawn.languages(task)):
        counts = drawn.discordant(arm, BASELINE_ARM, task, language)
        if counts is not None:
            found[language] = mcnemar(*counts), "McNemar"
        else:
            found[language] = _bootstrap_p(gains_RL[:, place]), "paired bootstrap"
    return found


def mcnemar(only_ours: int, only_theirs: int) -> float:
    """Return the exact two-sided p of as many examples that only one of two got right."""
    if not only_ours + only_theirs:
        return 1.0
    return float(stats.binomtest(only_ours, only_ours + only_theirs).pvalue)


def _bootstrap_p(gains_R: Floats) -> float:
    """Return the two-sided p of an observed gain, its error taken from the resamples."""
    error = float(np.std(gains_R[1:], ddof=1))
    if not error:
        return 1.0
    return float(2 * stats.norm.sf(abs(float(gains_R[0])) / error))
