"""From figures per language to one score per task, per group, and overall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum

from stiltwalk.errors import MetricError
from stiltwalk.records import Scores


@dataclass(frozen=True, kw_only=True)
class TaskScore:
    """A task's score over the languages that are there, and the languages that are not."""

    score: float
    missing: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether it may count for a group and for the overall score."""
        return not self.missing


def task_score(by_language: Mapping[str, Scores], languages: Sequence[str]) -> TaskScore:
    """Return the plain mean of a task's figures over its languages, English included.

    Questions are ranked by the mean of two means, of exact match and of F1; all else by the
    first figure.

    Args:
        by_language: language to its figures, all of one metric, in any one unit.
        languages: those that the task has; others are left out.

    Raises:
        MetricError: if none of the task's languages is there.

    Source:
        `evaluate` of XTREME, which refuses a task with a language missing; here the mean covers
        what is there and names the rest.

    Example:
        >>> task_score({"en": {"accuracy": 0.5}, "de": {"accuracy": 1.0}}, ["en", "de", "sw"])
        TaskScore(score=0.75, missing=('sw',))
    """
    present = [by_language[language] for language in languages if language in by_language]
    if not present:
        raise MetricError(f"None of the languages {', '.join(languages)} has a score.")
    ranked_by = ("exact_match", "f1") if "exact_match" in present[0] else tuple(present[0])[:1]
    means = [mean([scores[name] for scores in present]) for name in ranked_by]
    missing = tuple(language for language in languages if language not in by_language)
    return TaskScore(score=mean(means), missing=missing)


def group_scores(
    tasks: Mapping[str, TaskScore], groups: Mapping[str, Sequence[str]]
) -> dict[str, float]:
    """Return the plain mean of each group all of whose tasks are there in all languages."""
    return {
        name: value
        for name, members in groups.items()
        if (value := overall_score(tasks, members)) is not None
    }


def overall_score(tasks: Mapping[str, TaskScore], members: Sequence[str]) -> float | None:
    """Return the plain mean over tasks, or None where one is not there in all its languages.

    Args:
        tasks: task to its score.
        members: the tasks that the mean needs; for XTREME's overall score all nine.
    """
    if not all(name in tasks and tasks[name].is_complete for name in members):
        return None
    return mean([tasks[name].score for name in members])


def mean(values: Sequence[float]) -> float:
    """Return the plain mean, the same for every order of the values."""
    return fsum(values) / len(values)
