"""From score rows to task scores, seed by seed. Fractions throughout."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from stiltwalk.metrics import checkpoint_score
from stiltwalk.records import Split
from stiltwalk.report.rows import ArmScore
from stiltwalk.tasks import TASKS

ByLanguage = Mapping[str, float]
"""Language to the one figure a task is ranked by; for questions the mean of EM and F1."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over seeds: its mean, and its standard deviation, None where one seed ran."""

    mean: float
    sd: float | None
    num_seeds: int


def spread(values: Sequence[float]) -> Spread:
    """Return mean and sample standard deviation of one value per seed, at least one."""
    assert values, "a spread needs a seed"
    sd = stdev(values) if len(values) > 1 else None
    return Spread(mean=fmean(values), sd=sd, num_seeds=len(values))


class ScoreBook:
    """Score rows of one split, looked up by arm, task and seed."""

    def __init__(self, rows: Iterable[ArmScore], split: Split) -> None:
        """Read the rows of one split; later rows of the same figure replace earlier ones."""
        figures: dict[tuple[str, str, int], dict[str, dict[str, float]]] = {}
        for each in rows:
            if each.row.split == split:
                key = (each.arm, each.row.task, each.row.seed)
                scores = figures.setdefault(key, {}).setdefault(each.row.language, {})
                scores[each.row.metric] = each.row.value
        self._scores: dict[tuple[str, str], dict[int, ByLanguage]] = {}
        for (arm, task, seed), languages in sorted(figures.items()):
            self._scores.setdefault((arm, task), {})[seed] = {
                language: checkpoint_score(scores) for language, scores in languages.items()
            }

    def by_seed(self, arm: str, task: str) -> Mapping[int, ByLanguage]:
        """Return seed to the scores per language; empty where nothing was scored."""
        return self._scores.get((arm, task), {})

    def language(self, arm: str, task: str, language: str) -> Spread | None:
        """Return the score in one language over seeds, None where there is none."""
        found = [
            scores[language] for scores in self.by_seed(arm, task).values() if language in scores
        ]
        return spread(found) if found else None

    def missing(self, arm: str, task: str) -> tuple[str, ...]:
        """Return the languages of a task that some seed of this arm has no score for."""
        seeds = self.by_seed(arm, task).values()
        return tuple(
            language
            for language in TASKS[task].languages
            if not seeds or any(language not in scores for scores in seeds)
        )

    def task_scores(self, arm: str, task: str) -> dict[int, float]:
        """Return seed to the plain mean over the languages that are there, English included."""
        seeds = self.by_seed(arm, task).items()
        return {seed: fmean(scores.values()) for seed, scores in seeds if scores}

    def task_gains(self, arm: str, reference: str, task: str) -> dict[int, float]:
        """Return seed to the gain over another arm, over the languages that both have."""
        theirs = self.by_seed(reference, task)
        gains = {}
        for seed, scores in self.by_seed(arm, task).items():
            shared = [language for language in scores if language in theirs.get(seed, {})]
            if shared:
                gains[seed] = fmean(scores[each] - theirs[seed][each] for each in shared)
        return gains

    def mean_scores(self, arm: str, tasks: Sequence[str]) -> dict[int, float]:
        """Return seed to the plain mean of several task scores.

        Empty where a task lacks a language: an incomplete task counts for no mean.
        """
        if not tasks or any(self.missing(arm, task) for task in tasks):
            return {}
        per_task = [self.task_scores(arm, task) for task in tasks]
        seeds = set.intersection(*(set(scores) for scores in per_task))
        return {seed: fmean(scores[seed] for scores in per_task) for seed in sorted(seeds)}

    def mean_gains(self, arm: str, reference: str, tasks: Sequence[str]) -> dict[int, float]:
        """Return seed to the difference of two arms' means over the same tasks."""
        ours, theirs = self.mean_scores(arm, tasks), self.mean_scores(reference, tasks)
        return {seed: ours[seed] - theirs[seed] for seed in ours if seed in theirs}
