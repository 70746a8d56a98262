"""Which arm a researcher would have taken, judged by English dev scores alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stiltwalk.metrics.aggregate import mean
from stiltwalk.records import Split
from stiltwalk.report.rows import RunRows
from stiltwalk.report.totals import ScoreBook, trained_seeds

ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class Choice:
    """The arm taken for a target, and whether its own dev scores decided.

    Where a target has no English dev (`own_dev` false), the arm with the best mean dev score
    over the others stands in.
    """

    arm: str
    own_dev: bool


def dev_scores(run: RunRows, without: int | None = None) -> Mapping[tuple[str, str], float]:
    """Return (arm, target) to the English dev score, the mean over seeds.

    Args:
        run: the rows.
        without: a seed that takes no part.
    """
    book = ScoreBook(run.rows, Split.DEV)
    found = {}
    for target in run.targets:
        for arm in run.arms:
            by_seed = book.language_scores(arm, target, ENGLISH)
            scores = [score for seed, score in by_seed.items() if seed != without]
            if scores:
                found[arm, target] = mean(scores)
    return found


def choose_arms(run: RunRows, without: int | None = None) -> Mapping[str, Choice]:
    """Return target to the arm that is best on English dev; "none" is a candidate.

    No test row and no other language takes part. Equal scores go to the arm that the recipe
    names first. A target is left out where the choice cannot be made.

    Args:
        run: the rows.
        without: a seed whose dev scores take no part in the choice.

    Source:
        Phang et al. 2020, "best" row; without an English dev of its own a target follows the
        mean over the others.
    """
    scores = dev_scores(run, without)
    judged = [t for t in run.targets if all((arm, t) in scores for arm in run.arms)]
    chosen = {t: Choice(max(run.arms, key=lambda a: scores[a, t]), own_dev=True) for t in judged}
    undecided = [t for t in run.targets if not any((arm, t) in scores for arm in run.arms)]
    if judged and undecided:
        arm = max(run.arms, key=lambda a: mean([scores[a, t] for t in judged]))
        chosen |= {target: Choice(arm, own_dev=False) for target in undecided}
    return chosen


@dataclass(frozen=True, slots=True)
class GuardCost:
    """One target: the arm that English dev chose and the one that test would have, with scores.

    Scores are of the test rows, fractions.
    """

    task: str
    by_dev: str
    dev_choice: float
    by_test: str
    test_choice: float


def guard_cost(run: RunRows) -> tuple[GuardCost, ...]:
    """Return what choosing on dev alone cost against choosing on test, target by target.

    Such a choice on test is worth nothing as a result, and the largest of several noisy scores is
    too high: the difference is the most that the rule can have cost.
    """
    book = ScoreBook(run.rows, Split.TEST, trained_seeds(run.rows), run.languages_of)
    found = []
    for task, choice in choose_arms(run).items():
        scores = {
            arm: mean([each.score for each in by_seed.values()])
            for arm in run.arms
            if (by_seed := book.task_scores(arm, task)) and not book.missing(arm, task)
        }
        if choice.arm in scores:
            best = max(scores, key=scores.__getitem__)
            found.append(GuardCost(task, choice.arm, scores[choice.arm], best, scores[best]))
    order = {task: place for place, task in enumerate(run.targets)}
    return tuple(sorted(found, key=lambda each: order[each.task]))
