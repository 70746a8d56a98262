"""Every score drawn again over its test examples; seeds are few, so they are never drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stiltwalk.draws import Draws
from stiltwalk.metrics import checkpoint_score
from stiltwalk.records import ShareRow, Split
from stiltwalk.report.rows import RunRows
from stiltwalk.report.totals import ScoreBook, trained_seeds

# shape suffixes: R resamples (the first is what was observed), S seeds, L languages, N examples
Floats = NDArray[np.float64]
NUM_RESAMPLES = 1000
_MAX_EXAMPLES = 500
"""Beyond these, neighbouring examples are drawn together: they often share a text anyway."""


class Resamples:
    """Scores of a run's arms, as observed and drawn again.

    All arms meet the same drawn examples, and so do languages with equally many: parallel test
    sets stay parallel, and to others it makes no difference.

    Source:
        The paired bootstrap of Efron and Tibshirani (1993), with Poisson weights.
    """

    def __init__(self, run: RunRows, num_resamples: int = NUM_RESAMPLES) -> None:
        """Draw the scores of every arm and target of a run again."""
        trained = trained_seeds(run.rows)
        book = ScoreBook(run.rows, Split.TEST, trained, run.languages_of)
        self.seeds = trained or (0,)
        self.targets = run.targets
        self._num = num_resamples
        self._shares = {
            (each.arm, each.row.task, each.row.seed, each.row.language): each.row
            for each in run.shares
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
        """Return score_R, the examples drawn again: the mean over languages and seeds.

        Args:
            arm: one that `has` the task.
            task: a target.
            languages: the mean over these alone; none for all.
            seed: this one alone; None for the mean over all.
        """
        key = (arm, task, tuple(languages), seed)
        if key not in self._means:
            seeds = slice(None) if seed is None else [self.seeds.index(seed)]
            scores_RSL = self._scores[arm, task][:, seeds][:, :, self._places(task, languages)]
            self._means[key] = scores_RSL.mean(axis=(1, 2))
        return self._means[key]

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
        languages = self._languages[task]
        by_seed = book.by_seed(arm, task)
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

    def _share(self, arm: str, task: str, seed: int, language: str) -> ShareRow | None:
        """Return the examples of one evaluation; what no seed has touched stands for each."""
        return self._shares.get((arm, task, seed, language)) or self._shares.get(
            (arm, task, 0, language)
        )

    def _again(self, row: ShareRow) -> Floats:
        """Return the score of a language with its examples drawn again, shape (R - 1)."""
        counts_N2 = _together(np.array([row.won, row.of]).T)
        sums = self._example_weights(row.task, len(counts_N2)) @ counts_N2
        scores: Floats = sums[:, 0] / np.maximum(sums[:, 1], 1e-9)
        return scores

    def _example_weights(self, task: str, count: int) -> Floats:
        """Return how often each example is drawn, shape (R - 1, N)."""
        key = (task, count)
        if key not in self._weights:
            draws = Draws(0, "report", task)
            rng = np.random.default_rng(draws.number("resampling", count))
            self._weights[key] = rng.poisson(1.0, (self._num, count)).astype(np.float64)
        return self._weights[key]

    def _places(self, task: str, languages: Sequence[str]) -> list[int]:
        return [
            place
            for place, each in enumerate(self._languages[task])
            if not languages or each in languages
        ]


def _is_right_or_wrong(row: ShareRow) -> bool:
    return set(row.of) == {1.0} and set(row.won) <= {0.0, 1.0}


def _together(counts_N2: Floats) -> Floats:
    """Return the counts of neighbouring examples together, where there are too many."""
    if len(counts_N2) <= _MAX_EXAMPLES:
        return counts_N2
    starts = np.linspace(0, len(counts_N2), _MAX_EXAMPLES, endpoint=False).astype(int)
    return np.add.reduceat(counts_N2, starts)


def gains_over_examples(
    drawn: Resamples,
    arm: str,
    reference: str,
    tasks: Sequence[str],
    languages: Sequence[str] = (),
) -> Floats | None:
    """Return gain_R of the mean over targets, the examples drawn again; None if unknown."""
    pair = (arm, reference)
    if not all(drawn.has(each, tasks) for each in pair):
        return None
    if not all(drawn.has_examples(each, task, languages) for each in pair for task in tasks):
        return None
    means = [
        drawn.over_examples(arm, task, languages) - drawn.over_examples(reference, task, languages)
        for task in tasks
    ]
    gains: Floats = np.mean(means, axis=0)
    return gains
