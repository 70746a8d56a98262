"""From score rows to task scores, seed by seed. Fractions throughout."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum, sqrt

from stiltwalk.metrics import checkpoint_score
from stiltwalk.metrics.aggregate import TaskScore, mean, overall_score, task_score
from stiltwalk.records import Kind, ScoreRow, Scores, Split
from stiltwalk.report.rows import ArmScore
from stiltwalk.tasks import TASKS


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over seeds: its mean, and its standard deviation, None where one seed ran."""

    mean: float
    sd: float | None
    num_seeds: int


def spread(values: Iterable[float]) -> Spread | None:
    """Return mean and sample standard deviation of one value per seed, None without a seed."""
    found = list(values)
    if not found:
        return None
    middle = mean(found)
    squares = fsum((each - middle) ** 2 for each in found)
    sd = sqrt(squares / (len(found) - 1)) if len(found) > 1 else None
    return Spread(mean=middle, sd=sd, num_seeds=len(found))


def trained_seeds(rows: Iterable[ArmScore]) -> tuple[int, ...]:
    """Return the seeds that anything in these rows was trained with."""
    return tuple(sorted({each.row.seed for each in rows if not _is_untrained(each.row)}))


def _is_untrained(row: ScoreRow) -> bool:
    """Whether no training stands between the base encoder and a row, so that no seed does."""
    is_bare_encoder = TASKS[row.task].kind is Kind.RETRIEVAL and not row.intermediate
    return is_bare_encoder or (row.seed == 0 and not row.control)


class ScoreBook:
    """Score rows of one split, looked up by arm, task and seed."""

    def __init__(
        self,
        rows: Iterable[ArmScore],
        split: Split,
        seeds: Sequence[int] = (),
        languages_of: Callable[[str], tuple[str, ...]] = lambda task: TASKS[task].languages,
    ) -> None:
        """Read the rows of one split; a later row of the same figure replaces an earlier one.

        Args:
            rows: of arms or of baselines.
            split: which rows to read.
            seeds: those of the run; what no seed has touched stands beside each of them.
            languages_of: the languages that a task was to be tested in.
        """
        self._languages_of = languages_of
        self._scores: dict[tuple[str, str], dict[int, dict[str, Scores]]] = {}
        self._untrained: set[tuple[str, str]] = set()
        for each in rows:
            row = each.row
            if row.split == split:
                by_seed = self._scores.setdefault((each.arm, row.task), {})
                beside = seeds if _is_untrained(row) else ()
                if beside:
                    self._untrained.add((each.arm, row.task))
                for seed in beside or (row.seed,):
                    scores = by_seed.setdefault(seed, {}).setdefault(row.language, {})
                    scores[row.metric] = row.value

    def by_seed(self, arm: str, task: str) -> Mapping[int, Mapping[str, Scores]]:
        """Return seed to the figures per language; empty where nothing was scored."""
        seeds = self._scores.get((arm, task), {})
        return {seed: seeds[seed] for seed in sorted(seeds)}

    def over_seeds(self, arm: str, tasks: Iterable[str], values: Iterable[float]) -> Spread | None:
        """Return the spread of one value per seed, of one alone where no seed has touched any."""
        found = list(values)
        if all((arm, task) in self._untrained for task in tasks):
            found = found[:1]
        return spread(found)

    def language_scores(self, arm: str, task: str, language: str) -> dict[int, float]:
        """Return seed to the one figure that counts; for questions the mean of EM and F1."""
        return {
            seed: checkpoint_score(scores[language])
            for seed, scores in self.by_seed(arm, task).items()
            if language in scores
        }

    def language_gains(
        self, arm: str, reference: str, task: str, language: str
    ) -> dict[int, float]:
        """Return seed to the gain over another arm in one language."""
        theirs = self.language_scores(reference, task, language)
        ours = self.language_scores(arm, task, language)
        return {seed: ours[seed] - theirs[seed] for seed in ours if seed in theirs}

    def missing(self, arm: str, task: str) -> tuple[str, ...]:
        """Return the languages of a task that some seed of this arm has no score for."""
        seeds = self.by_seed(arm, task).values()
        return tuple(
            language
            for language in self._languages_of(task)
            if not seeds or any(language not in scores for scores in seeds)
        )

    def task_scores(self, arm: str, task: str) -> dict[int, TaskScore]:
        """Return seed to the mean over the languages that are there, English included."""
        languages = self._languages_of(task)
        return {
            seed: task_score(scores, languages)
            for seed, scores in self.by_seed(arm, task).items()
            if any(language in scores for language in languages)
        }

    def task_gains(self, arm: str, reference: str, task: str) -> dict[int, float]:
        """Return seed to the gain over another arm, over the languages that both have."""
        theirs = self.by_seed(reference, task)
        gains = {}
        for seed, scores in self.by_seed(arm, task).items():
            other = theirs.get(seed, {})
            shared = [each for each in self._languages_of(task) if each in scores and each in other]
            if shared:
                gains[seed] = task_score(scores, shared).score - task_score(other, shared).score
        return gains

    def mean_scores(self, arms: Mapping[str, str], tasks: Sequence[str]) -> dict[int, float]:
        """Return seed to the plain mean of several task scores, each with its own arm.

        Empty where a task lacks a language: an incomplete task counts for no mean.

        Args:
            arms: task to the arm whose score it takes.
            tasks: the tasks that the mean needs.
        """
        per_task = {task: self.task_scores(arms[task], task) for task in tasks if task in arms}
        seeds = sorted({seed for scores in per_task.values() for seed in scores})
        means = {}
        for seed in seeds:
            there = {task: scores[seed] for task, scores in per_task.items() if seed in scores}
            value = overall_score(there, tasks)
            if value is not None:
                means[seed] = value
        return means

    def mean_gains(
        self, arms: Mapping[str, str], reference: str, tasks: Sequence[str]
    ) -> dict[int, float]:
        """Return seed to the difference between such a mean and that of one other arm."""
        ours = self.mean_scores(arms, tasks)
        theirs = self.mean_scores(dict.fromkeys(tasks, reference), tasks)
        return {seed: ours[seed] - theirs[seed] for seed in ours if seed in theirs}
