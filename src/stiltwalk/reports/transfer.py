"""The table of tasks and arms: scores, gains, groups, and what is missing. Fractions inside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from stiltwalk.records import BASELINE_ARM, Split
from stiltwalk.reports.data import RunRows
from stiltwalk.reports.scores import (
    DevSelection,
    ScoreBook,
    Spread,
    select_on_dev,
    spread,
    trained_seeds,
)
from stiltwalk.reports.significance import LEVEL, Estimate, Resamples, gain_estimate
from stiltwalk.tasks import TARGETS, TASKS
from stiltwalk.tasks.sources import known_languages
from stiltwalk.tasks.task import GROUPS
from stiltwalk.timing.tost import holm


@dataclass(frozen=True, kw_only=True)
class ScoreCell:
    """One arm on one task or one mean: score, gain over "none", and what stands in the way.

    `missing` names languages; `reason` says why a cell is empty or partial. `estimate` is the gain
    with its errors, None where nothing is known of them. `is_clear` tells that it stays above or
    below zero when corrected for all gains of the table; one seed never does.
    """

    arm: str
    score: Spread | None
    gain: Spread | None = None
    missing: tuple[str, ...] = ()
    reason: str = ""
    estimate: Estimate | None = None
    is_clear: bool = False

    @property
    def is_noise(self) -> bool:
        """Whether the gain is known to lie inside the noise."""
        return self.estimate is not None and self.estimate.is_inside


@dataclass(frozen=True, kw_only=True)
class TransferRow:
    """A task, a group or the overall mean: its baselines, its arms, and the arm chosen on dev."""

    name: str
    note: str
    baselines: tuple[ScoreCell, ...]
    cells: tuple[ScoreCell, ...]
    choice: DevSelection | None
    chosen: ScoreCell | None


@dataclass(frozen=True, kw_only=True)
class TransferTable:
    """Tasks by arms, as XTREME averages them. `means` holds the groups, then the wider ones.

    `reached` are the arms with any score at all; `common` the targets that these are compared by:
    XTREME's nine where each has all of them complete, else whatever each has complete.
    """

    arms: tuple[str, ...]
    baselines: tuple[str, ...]
    num_seeds: int
    tasks: tuple[TransferRow, ...]
    means: tuple[TransferRow, ...]
    reached: tuple[str, ...]
    common: tuple[str, ...]

    @property
    def comparison(self) -> TransferRow | None:
        """The mean that all reached arms have, over the common targets; None without one."""
        return self.means[-1] if self.common else None


def transfer_table(run: RunRows, drawn: Resamples) -> TransferTable:
    """Return the table of tasks and arms of a run; `drawn` are its scores resampled."""
    seeds = trained_seeds(run.rows)
    book = ScoreBook((*run.rows, *run.baselines), Split.TEST, seeds, run.languages_of)
    baselines = tuple(dict.fromkeys(each.arm for each in run.baselines))
    choices = select_on_dev(run)
    reached = tuple(arm for arm in run.arms if any(book.by_seed(arm, t) for t in run.targets))
    complete = tuple(
        task
        for task in run.targets
        if reached and not any(book.missing(arm, task) for arm in reached)
    )
    common = TARGETS if set(complete) >= set(TARGETS) else complete
    rows = [
        _estimated(_task_row(run, book, task, baselines, choices.get(task)), [task], drawn)
        for task in run.targets
    ]
    rows += [
        _estimated(_mean_row(run, book, label, tasks, baselines), tasks, drawn)
        for label, tasks in _means(run, common)
    ]
    rows = _starred(rows)
    return TransferTable(
        arms=run.arms,
        baselines=baselines,
        num_seeds=max(1, len(seeds)),
        tasks=tuple(rows[: len(run.targets)]),
        means=tuple(rows[len(run.targets) :]),
        reached=reached,
        common=common,
    )


def _estimated(row: TransferRow, tasks: Sequence[str], drawn: Resamples) -> TransferRow:
    """Return a row whose gains have their errors."""
    cells = tuple(
        replace(each, estimate=gain_estimate(drawn, each.arm, tasks, each.gain))
        for each in row.cells
    )
    return replace(row, cells=cells)


def _starred(rows: Sequence[TransferRow]) -> list[TransferRow]:
    """Return rows whose clear gains are marked: one Holm correction over the whole table."""
    p_values = holm(
        {
            (row.name, cell.arm): cell.estimate.p
            for row in rows
            for cell in row.cells
            if cell.estimate and cell.estimate.seeds is not None
        }
    )

    def marked(row: TransferRow, cell: ScoreCell) -> ScoreCell:
        return replace(cell, is_clear=p_values.get((row.name, cell.arm), 1.0) <= LEVEL)

    return [replace(row, cells=tuple(marked(row, cell) for cell in row.cells)) for row in rows]


def _means(run: RunRows, common: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Return the means worth a row: groups, the overall mean, and last what arms compare by.

    Groups and the overall mean are XTREME's, so they need every language.
    """
    means: list[tuple[str, tuple[str, ...]]] = []
    if run.languages is None:
        means += [(name, tasks) for name, tasks in GROUPS.items() if set(tasks) <= set(run.targets)]
        if set(run.targets) >= set(TARGETS):
            means.append(("overall", TARGETS))
    if common and (run.languages is not None or set(common) != set(TARGETS)):
        label = "common targets" if len(common) > 1 else "common target"
        chosen = "" if run.languages is None else " in the chosen languages"
        means.append((f"mean of {len(common)} {label}{chosen}", tuple(common)))
    return means


def _task_row(
    run: RunRows, book: ScoreBook, task: str, baselines: Sequence[str], choice: DevSelection | None
) -> TransferRow:
    """Return one target's row."""
    cells = tuple(_task_cell(run, book, arm, task) for arm in run.arms)
    return TransferRow(
        name=task,
        note=_languages_note(run, task),
        baselines=tuple(_baseline_cell(run, book, name, task) for name in baselines),
        cells=cells,
        choice=choice,
        chosen=cells[run.arms.index(choice.arm)] if choice else None,
    )


def _languages_note(run: RunRows, task: str) -> str:
    """Return in how many languages a task was tested."""
    tested = len(run.languages_of(task))
    has = len(known_languages(TASKS[task], miniature=run.miniature))
    return f"{tested} languages" if tested == has else f"{tested} of {has} languages"


def _task_cell(run: RunRows, book: ScoreBook, arm: str, task: str) -> ScoreCell:
    """Return the score of an arm on a task over the languages that are there."""
    gains = book.task_gains(arm, BASELINE_ARM, task) if arm != BASELINE_ARM else {}
    missing = book.missing(arm, task)
    return ScoreCell(
        arm=arm,
        score=book.over_seeds(
            arm, [task], (each.score for each in book.task_scores(arm, task).values())
        ),
        gain=spread(gains.values()),
        missing=missing,
        reason=why_missing(run, arm, task, missing) if missing else "",
    )


def _baseline_cell(run: RunRows, book: ScoreBook, name: str, task: str) -> ScoreCell:
    """Return a baseline's score; a baseline that does not fit a task is no gap in the run."""
    if not book.by_seed(name, task):
        return ScoreCell(arm=name, score=None, reason=f"{name} is not defined for {task}.")
    return _task_cell(run, book, name, task)


def _mean_row(
    run: RunRows, book: ScoreBook, name: str, tasks: tuple[str, ...], baselines: Sequence[str]
) -> TransferRow:
    """Return the plain mean of several tasks, empty where one of them is not complete."""

    def cell(arm: str) -> ScoreCell:
        arms = dict.fromkeys(tasks, arm)
        score = book.over_seeds(arm, tasks, book.mean_scores(arms, tasks).values())
        gains = book.mean_gains(arms, BASELINE_ARM, tasks) if arm != BASELINE_ARM else {}
        short = [task for task in tasks if book.missing(arm, task)]
        return ScoreCell(
            arm=arm,
            score=score,
            gain=spread(gains.values()),
            reason="" if score else _no_mean(book, arm, short),
        )

    choices = {task: choice.arm for task, choice in select_on_dev(run).items() if task in tasks}
    chosen = spread(book.mean_scores(choices, tasks).values())
    gain = spread(book.mean_gains(choices, BASELINE_ARM, tasks).values())
    return TransferRow(
        name=name,
        note=" ".join(tasks) if name in GROUPS else f"{len(tasks)} tasks",
        baselines=tuple(cell(baseline) for baseline in baselines),
        cells=tuple(cell(arm) for arm in run.arms),
        choice=None,
        chosen=ScoreCell(arm="", score=chosen, gain=gain) if chosen else None,
    )


def _not_reached(arm: str) -> str:
    """Return what is said wherever an arm without any score should stand."""
    return f"“{arm}” has no score yet: the run has not reached it."


def _no_mean(book: ScoreBook, arm: str, short: Sequence[str]) -> str:
    """Return why an arm has no mean."""
    if all(not book.by_seed(arm, task) for task in TASKS):
        return _not_reached(arm)
    if all(not book.by_seed(arm, task) for task in short):
        return f"No mean for “{arm}”: no score for {', '.join(short)}."
    return f"No mean for “{arm}”: not every language of {', '.join(short)}."


def why_missing(run: RunRows, arm: str, task: str, missing: Sequence[str]) -> str:
    """Return which languages of a task an arm lacks and, where the run knows, why."""
    has_rows = any(each.arm == arm for each in run.rows)
    reasons = dict.fromkeys(
        gap.reason
        for gap in run.gaps
        if gap.task == task
        and gap.arm in ({"", arm} if has_rows else {arm})
        and (not gap.language or gap.language in missing)
    )
    if not has_rows and not reasons:
        return _not_reached(arm)
    known = (
        " ".join(reasons) or "The run holds no row for it: it was not asked for, or not reached."
    )
    all_of_it = len(missing) == len(run.languages_of(task))
    what = "every language" if all_of_it else ", ".join(missing)
    return f"{task}, “{arm}”: {what} missing. {known}"
