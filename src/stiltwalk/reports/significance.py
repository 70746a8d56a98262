"""Which gains are more than noise: between seeds, and between test examples. Fractions inside.

`estimated` serves the table of gains, the tests of single languages and the claims alike, so that
no two places of a report can disagree about a difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, hypot, log, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import brentq
from scipy.special import ndtri, stdtrit

from stiltwalk.draws import Draws
from stiltwalk.metrics.score import checkpoint_score
from stiltwalk.records import BASELINE_ARM, ExampleScoreRow, Split
from stiltwalk.reports.data import RunRows
from stiltwalk.reports.scores import ScoreBook, Spread, spread, trained_seeds
from stiltwalk.timing.tost import holm

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
        gains_R: the gain with the test examples resampled, the observed one first.
    """
    seeds = None if gain.sd is None else gain.sd / sqrt(gain.num_seeds)
    examples = None if gains_R is None else float(gains_R[1:].std(ddof=1))
    if seeds is None and examples is None:
        return None
    return Estimate(gain.mean, gain.num_seeds, seeds, examples)


Weights = Mapping[tuple[str, str], float]
"""(arm, target) to the factor with which its score enters a difference."""


def difference_of(arm: str, other: str, tasks: Sequence[str]) -> Weights:
    """Return the weights of the mean difference between two arms over some targets."""
    share = 1 / len(tasks)
    weights = {(arm, task): share for task in tasks}
    for task in tasks:
        weights[other, task] = weights.get((other, task), 0.0) - share
    return weights


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
    found = {
        (arm, task, language): test
        for arm in run.arms
        for task in run.targets
        if arm != BASELINE_ARM and all(drawn.has(each, [task]) for each in (arm, BASELINE_ARM))
        for language in drawn.languages(task)
        if (test := _test(drawn, arm, task, language))
    }
    corrected = holm({place: p for place, (p, _) in found.items()})
    return {place: PairedTest(p, corrected[place], test) for place, (p, test) in found.items()}


def _test(drawn: Resamples, arm: str, task: str, language: str) -> tuple[float, str] | None:
    counts = drawn.discordant(arm, BASELINE_ARM, task, language)
    if counts is not None:
        return mcnemar(*counts), "McNemar"
    gain = spread(
        drawn.per_seed(arm, task, [language]) - drawn.per_seed(BASELINE_ARM, task, [language])
    )
    weights = difference_of(arm, BASELINE_ARM, [task])
    known = estimated(gain, drawn.weighted_examples(weights, [language])) if gain else None
    if known is None:
        return None
    if known.seeds is None:
        return known.p, "paired bootstrap"
    return known.p, "t over seeds" if known.examples is None else "t over seeds and examples"


def mcnemar(only_ours: int, only_theirs: int) -> float:
    """Return the exact two-sided p of as many examples that only one of two got right."""
    if not only_ours + only_theirs:
        return 1.0
    return float(stats.binomtest(only_ours, only_ours + only_theirs).pvalue)


# shape suffixes: R resamples (the first is what was observed), S seeds, L languages, N examples
Floats = NDArray[np.float64]
NUM_RESAMPLES = 1000
_MAX_EXAMPLES = 500
"""Beyond these, neighbouring examples are drawn together: they often share a text anyway."""


class Resamples:
    """Scores of a run's arms, as observed and resampled.

    All arms meet the same drawn examples, and so do languages with equally many: parallel test
    sets stay parallel, and to others it makes no difference.

    Source:
        The paired bootstrap of Efron and Tibshirani (1993), with Poisson weights.
    """

    def __init__(self, run: RunRows, num_resamples: int = NUM_RESAMPLES) -> None:
        trained = trained_seeds(run.rows)
        book = ScoreBook(run.rows, Split.TEST, trained, run.languages_of)
        self.seeds = trained or (0,)
        self.targets = run.targets
        self._num = num_resamples
        self._example_scores = {
            (each.arm, each.row.task, each.row.seed, each.row.language): each.row
            for each in run.example_scores
        }
        self._weights: dict[tuple[str, int], Floats] = {}
        self._observed: dict[tuple[str, str, tuple[str, ...]], Floats] = {}
        self._means: dict[tuple[str, str, tuple[str, ...], int | None], Floats] = {}
        self._languages = {
            task: tuple(
                language
                for language in run.languages_of(task)
                if any(book.language_scores(arm, task, language) for arm in run.arms)
            )
            for task in run.targets
        }
        self._scores = {
            (arm, task): scores
            for arm in run.arms
            for task in run.targets
            if (scores := self._draw(book, arm, task)) is not None
        }

    def languages(self, task: str) -> tuple[str, ...]:
        """Return the languages of a target that any arm has a score for."""
        return self._languages[task]

    def has(self, arm: str, tasks: Sequence[str]) -> bool:
        """Whether an arm has every seed and language of some targets."""
        return all((arm, task) in self._scores for task in tasks)

    def has_examples(self, arm: str, task: str, languages: Sequence[str] = ()) -> bool:
        """Whether it is known how each test example came out, in some languages, none for all."""
        return all(
            self._share(arm, task, seed, language)
            for seed in self.seeds
            for language in languages or self._languages[task]
        )

    def per_seed(self, arm: str, task: str, languages: Sequence[str] = ()) -> Floats:
        """Return score_S as observed, the mean over some languages, none for all."""
        key = (arm, task, tuple(languages))
        if key not in self._observed:
            observed_SL = self._scores[arm, task][0]
            self._observed[key] = observed_SL[:, self._places(task, languages)].mean(axis=1)
        return self._observed[key]

    def over_examples(
        self, arm: str, task: str, languages: Sequence[str] = (), seed: int | None = None
    ) -> Floats:
        """Return score_R, the examples resampled: the mean over languages and seeds."""
        key = (arm, task, tuple(languages), seed)
        if key not in self._means:
            seeds = slice(None) if seed is None else [self.seeds.index(seed)]
            scores_RSL = self._scores[arm, task][:, seeds][:, :, self._places(task, languages)]
            self._means[key] = scores_RSL.mean(axis=(1, 2))
        return self._means[key]

    def weighted_examples(self, weights: Weights, languages: Sequence[str] = ()) -> Floats | None:
        """Return weighted scores added up, the examples resampled; None if any are unknown."""
        if not all(
            self.has(arm, [task]) and self.has_examples(arm, task, languages)
            for arm, task in weights
        ):
            return None
        summed_R: Floats = np.sum(
            [
                factor * self.over_examples(arm, task, languages)
                for (arm, task), factor in weights.items()
            ],
            axis=0,
        )
        return summed_R

    def discordant(self, arm: str, other: str, task: str, language: str) -> tuple[int, int] | None:
        """Return how many examples only the one and only the other arm got right.

        None where several seeds were run, or an example can be half right.
        """
        rows = [self._share(each, task, self.seeds[0], language) for each in (arm, other)]
        if len(self.seeds) > 1 or not all(row and _is_right_or_wrong(row) for row in rows):
            return None
        ours_N, theirs_N = (np.array(row.won) for row in rows if row)
        return int((ours_N > theirs_N).sum()), int((ours_N < theirs_N).sum())

    def _draw(self, book: ScoreBook, arm: str, task: str) -> Floats | None:
        """Return score_RSL; None where a seed or a language is missing."""
        languages, by_seed = self._languages[task], book.by_seed(arm, task)
        if not languages or any(
            language not in by_seed.get(seed, {}) for seed in self.seeds for language in languages
        ):
            return None
        scores_RSL = np.empty((1 + self._num, len(self.seeds), len(languages)))
        for place, seed in enumerate(self.seeds):
            for column, language in enumerate(languages):
                scores_RSL[:, place, column] = checkpoint_score(by_seed[seed][language])
                row = self._share(arm, task, seed, language)
                if row:
                    scores_RSL[1:, place, column] = self._again(row)
        return scores_RSL

    def _share(self, arm: str, task: str, seed: int, language: str) -> ExampleScoreRow | None:
        """Return the examples of one evaluation; what is untrained counts for every seed."""
        return self._example_scores.get((arm, task, seed, language)) or self._example_scores.get(
            (arm, task, 0, language)
        )

    def _again(self, row: ExampleScoreRow) -> Floats:
        """Return the score of a language with its examples resampled, shape (R - 1)."""
        counts_N2 = together(np.array([row.won, row.of]).T)
        return resampled(counts_N2, self._example_weights(row.task, len(counts_N2)))

    def _example_weights(self, task: str, count: int) -> Floats:
        """Return how often each example is drawn, shape (R - 1, N)."""
        key = (task, count)
        if key not in self._weights:
            self._weights[key] = draw_weights(task, count, self._num)
        return self._weights[key]

    def _places(self, task: str, languages: Sequence[str]) -> list[int]:
        return [
            place
            for place, each in enumerate(self._languages[task])
            if not languages or each in languages
        ]


def _is_right_or_wrong(row: ExampleScoreRow) -> bool:
    return set(row.of) == {1.0} and set(row.won) <= {0.0, 1.0}


def draw_weights(task: str, count: int, num_resamples: int = NUM_RESAMPLES) -> Floats:
    """Return how often each of `count` examples of a task is drawn, shape (R, N)."""
    rng = np.random.default_rng(Draws(0, "report", task).number("resampling", count))
    return rng.poisson(1.0, (num_resamples, count)).astype(np.float64)


def resampled(counts_N2: Floats, weights_RN: Floats) -> Floats:
    """Return the score of every resample, shape (R,), of what examples add to it: won, of."""
    sums_R2 = weights_RN @ counts_N2
    scores_R: Floats = sums_R2[:, 0] / np.maximum(sums_R2[:, 1], 1e-9)
    return scores_R


def together(counts_N2: Floats) -> Floats:
    """Return the counts of neighbouring examples together, where there are too many."""
    if len(counts_N2) <= _MAX_EXAMPLES:
        return counts_N2
    starts = np.linspace(0, len(counts_N2), _MAX_EXAMPLES, endpoint=False).astype(int)
    return np.add.reduceat(counts_N2, starts)
