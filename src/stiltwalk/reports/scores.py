"""From score rows to task scores: by seed, dev selection, transfer gap, groups of languages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import fsum, sqrt

from stiltwalk.metrics.aggregate import TaskScore, mean, overall_score, task_score
from stiltwalk.metrics.score import checkpoint_score
from stiltwalk.records import BASELINE_ARM, ScoreRow, Scores, Split, TaskType
from stiltwalk.reports.data import ArmScore, RunRows
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
    """Whether a row comes from the base encoder without training, so that no seed matters."""
    is_bare_encoder = TASKS[row.task].task_type is TaskType.RETRIEVAL and not row.intermediate
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
        self._languages_of = languages_of
        self._scores: dict[tuple[str, str], dict[int, dict[str, Scores]]] = {}
        self._untrained: set[tuple[str, str]] = set()
        for each in rows:
            row = each.row
            if row.split == split:
                by_seed = self._scores.setdefault((each.arm, row.task), {})
                all_seeds = seeds if _is_untrained(row) else ()
                if all_seeds:
                    self._untrained.add((each.arm, row.task))
                for seed in all_seeds or (row.seed,):
                    scores = by_seed.setdefault(seed, {}).setdefault(row.language, {})
                    scores[row.metric] = row.value

    def by_seed(self, arm: str, task: str) -> Mapping[int, Mapping[str, Scores]]:
        """Return seed to the figures per language; empty where nothing was scored."""
        seeds = self._scores.get((arm, task), {})
        return {seed: seeds[seed] for seed in sorted(seeds)}

    def over_seeds(self, arm: str, tasks: Iterable[str], values: Iterable[float]) -> Spread | None:
        """Return the spread of one value per seed, of one alone where all is untrained."""
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
        return minus(self.language_scores(arm, task, language), theirs)

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
        """
        per_task = {task: self.task_scores(arms[task], task) for task in tasks if task in arms}
        means = {}
        for seed in sorted({seed for scores in per_task.values() for seed in scores}):
            there = {task: scores[seed] for task, scores in per_task.items() if seed in scores}
            value = overall_score(there, tasks)
            if value is not None:
                means[seed] = value
        return means

    def mean_gains(
        self, arms: Mapping[str, str], reference: str, tasks: Sequence[str]
    ) -> dict[int, float]:
        """Return seed to the difference between such a mean and that of one other arm."""
        theirs = self.mean_scores(dict.fromkeys(tasks, reference), tasks)
        return minus(self.mean_scores(arms, tasks), theirs)


def minus(ours: Mapping[int, float], theirs: Mapping[int, float]) -> dict[int, float]:
    """Return seed to the difference, for the seeds that both have."""
    return {seed: ours[seed] - theirs[seed] for seed in ours if seed in theirs}


ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class DevSelection:
    """The arm taken for a target, and whether its own dev scores decided.

    Where a target has no English dev (`own_dev` false), the arm with the best mean dev score
    over the others stands in.
    """

    arm: str
    own_dev: bool


def dev_scores(run: RunRows, without: int | None = None) -> Mapping[tuple[str, str], float]:
    """Return (arm, target) to the English dev score, the mean over seeds."""
    book = ScoreBook(run.rows, Split.DEV)
    found = {}
    for target in run.targets:
        for arm in run.arms:
            by_seed = book.language_scores(arm, target, ENGLISH)
            scores = [score for seed, score in by_seed.items() if seed != without]
            if scores:
                found[arm, target] = mean(scores)
    return found


def select_on_dev(run: RunRows, without: int | None = None) -> Mapping[str, DevSelection]:
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
    chosen = {
        t: DevSelection(max(run.arms, key=lambda a: scores[a, t]), own_dev=True) for t in judged
    }
    undecided = [t for t in run.targets if not any((arm, t) in scores for arm in run.arms)]
    if judged and undecided:
        arm = max(run.arms, key=lambda a: mean([scores[a, t] for t in judged]))
        chosen |= {target: DevSelection(arm, own_dev=False) for target in undecided}
    return chosen


@dataclass(frozen=True, slots=True)
class OracleGap:
    """One target: the arm that English dev chose, the one that test would have, and their scores.

    Scores are of the test rows, fractions.
    """

    task: str
    by_dev: str
    dev_choice: float
    by_test: str
    test_choice: float


def oracle_gap(run: RunRows) -> Iterator[OracleGap]:
    """Yield by target how far choosing on dev falls short of choosing on test.

    Such a choice on test is worth nothing as a result, and the largest of several noisy scores is
    too high: the gap is the most that choosing on dev can have cost.
    """
    book = ScoreBook(run.rows, Split.TEST, trained_seeds(run.rows), run.languages_of)
    choices = select_on_dev(run)
    for task in (each for each in run.targets if each in choices):
        scores = {
            arm: mean([each.score for each in by_seed.values()])
            for arm in run.arms
            if (by_seed := book.task_scores(arm, task)) and not book.missing(arm, task)
        }
        chosen = choices[task].arm
        if chosen in scores:
            best = max(scores, key=scores.__getitem__)
            yield OracleGap(task, chosen, scores[chosen], best, scores[best])


def transfer_gap(run: RunRows) -> Mapping[tuple[str, str], tuple[float, float]]:
    """Return (arm, task) to English and the mean of the other languages, where a task has both."""
    book = ScoreBook(run.rows, Split.TEST)
    found = {}
    for task in run.targets:
        others = [code for code in run.languages_of(task) if code != ENGLISH]
        for arm in run.arms:
            pairs = [
                (task_score(scores, [ENGLISH]).score, task_score(scores, others).score)
                for scores in book.by_seed(arm, task).values()
                if ENGLISH in scores and any(code in scores for code in others)
            ]
            if pairs:
                english, rest = zip(*pairs, strict=True)
                found[arm, task] = mean(english), mean(rest)
    return found


def _table(text: str) -> dict[str, str]:
    lines = (line.partition(": ") for line in text.strip().splitlines())
    return {code: group.strip() for group, _, codes in lines for code in codes.split()}


_SCRIPT = _table("""
    Latin: af de en es et eu fi fr hu id it jv ms nl pt sw tl tr vi yo
    Arabic: ar fa ur
    Cyrillic: bg kk ru
    Devanagari: hi mr
    Chinese characters, kana: ja zh
    other scripts: bn el he ka ko ml my ta te th
""")
_FAMILY = _table("""
    Germanic: af de en nl
    Romance: es fr it pt
    Slavic: bg ru
    Indo-Iranian: bn fa hi mr ur
    Uralic: et fi hu
    Turkic: kk tr
    Dravidian: ml ta te
    Austronesian: id jv ms tl
    Afro-Asiatic: ar he
    Niger-Congo: sw yo
    Sino-Tibetan: my zh
    families with one language here: el eu ja ka ko th vi
""")
_RESOURCES = _table("""
    5, the most: ar de en es fr ja zh
    4: eu fa fi hi hu it ko nl pt ru tr vi
    3: af bg bn el et he id ka kk ms ta th tl ur
    1 and 2, the least: jv ml mr my sw te yo
""")
GROUPINGS: Mapping[str, Mapping[str, str]] = {
    "resources": _RESOURCES,
    "script": _SCRIPT,
    "family": _FAMILY,
}
"""Resources: the classes of Joshi et al. (2020), "The State and Fate of Linguistic Diversity"."""

GROUPED = frozenset(_SCRIPT)
"""The languages that are in groups: XTREME's."""


def language_groups(run: RunRows) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield by what, which group, and its languages that the run was tested in.

    English is in no group: it is what the others are compared with.
    """
    tested = sorted({code for task in run.targets for code in run.languages_of(task)} - {ENGLISH})
    for grouping, groups in GROUPINGS.items():
        for group in dict.fromkeys(groups.values()):
            languages = tuple(code for code in tested if groups.get(code) == group)
            if languages:
                yield grouping, group, languages


def group_score(
    run: RunRows, book: ScoreBook, arm: str, languages: Sequence[str]
) -> tuple[Spread | None, Spread | None]:
    """Return an arm's score in a group of languages and its gain, where there is one.

    A target's languages in the group are averaged first, then the targets.
    """
    ours = _by_seed(run, book, arm, languages)
    if arm == BASELINE_ARM:
        return spread(ours.values()), None
    gains = minus(ours, _by_seed(run, book, BASELINE_ARM, languages))
    return spread(ours.values()), spread(gains.values())


def _by_seed(run: RunRows, book: ScoreBook, arm: str, languages: Sequence[str]) -> dict[int, float]:
    """Return seed to the mean over targets, those that the arm has all of the languages of."""
    per_task = []
    for task in run.targets:
        wanted = [code for code in run.languages_of(task) if code in languages]
        found = [book.language_scores(arm, task, code) for code in wanted]
        if found and all(found):
            shared = set.intersection(*map(set, found))
            per_task.append({seed: mean([each[seed] for each in found]) for seed in shared})
    seeds = set.intersection(*map(set, per_task)) if per_task else set()
    return {seed: mean([each[seed] for each in per_task]) for seed in sorted(seeds)}
