"""What a report derives from a run's rows: the table of scores and gains, and the answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from stiltwalk.records import BASELINE_ARM, Split
from stiltwalk.reports.claims import JudgedClaim
from stiltwalk.reports.data import RunRows, not_reached
from stiltwalk.reports.nine_claims import judge_claims
from stiltwalk.reports.scores import (
    DevSelection,
    ScoreBook,
    Spread,
    select_on_dev,
    spread,
    trained_seeds,
)
from stiltwalk.reports.significance import LEVEL, Estimate, Resamples, difference_of, estimated
from stiltwalk.reports.wording import ABOUT_ZERO, named, percent_spread, points, points_spread
from stiltwalk.tasks import TARGETS, TASKS, members
from stiltwalk.tasks.sources import known_languages
from stiltwalk.tasks.task import GROUPS_OF, XTREME
from stiltwalk.timing.tost import holm


@dataclass(frozen=True, kw_only=True)
class ScoreCell:
    """One arm on one task or one mean: score, gain over the baseline, and what is missing.

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
    """A task, a group or the overall mean: reference points, arms, and the arm chosen on dev."""

    name: str
    note: str
    reference_points: tuple[ScoreCell, ...]
    cells: tuple[ScoreCell, ...]
    choice: DevSelection | None
    chosen: ScoreCell | None


@dataclass(frozen=True, kw_only=True)
class TransferTable:
    """Tasks by arms, as XTREME averages them. `means` holds the groups, then the wider ones.

    `reached` are the arms with any score at all; `common` the targets that these are compared by:
    XTREME's nine where each has all of them complete, else whatever each has complete. `leaders`
    are the arm with the largest gain in what they compare by and those that the noise does not tell
    from it.
    """

    arms: tuple[str, ...]
    reference_points: tuple[str, ...]
    num_seeds: int
    tasks: tuple[TransferRow, ...]
    means: tuple[TransferRow, ...]
    reached: tuple[str, ...]
    common: tuple[str, ...]
    leaders: tuple[ScoreCell, ...] = ()

    @property
    def comparison(self) -> TransferRow | None:
        """The mean that all reached arms have, over the common targets; None without one."""
        return self.means[-1] if self.common else None


def transfer_table(run: RunRows, drawn: Resamples) -> TransferTable:
    """Return the table of tasks and arms of a run; `drawn` are its scores resampled."""
    seeds = trained_seeds(run.rows)
    book = ScoreBook((*run.rows, *run.reference_points), Split.TEST, seeds, run.languages_of)
    reached = tuple(arm for arm in run.arms if any(book.by_seed(arm, t) for t in run.targets))
    complete = tuple(
        task
        for task in run.targets
        if reached and not any(book.missing(arm, task) for arm in reached)
    )
    common = _common(run, complete)
    rows = _Rows(run, book, drawn)
    tasks = [rows.of_task(task) for task in run.targets]
    means = [rows.of_mean(label, tasks) for label, tasks in _means(run, common)]
    marked = _marked([*tasks, *means])
    compared = marked[-1].cells if common else ()
    return TransferTable(
        arms=run.arms,
        reference_points=rows.references,
        num_seeds=max(1, len(seeds)),
        tasks=tuple(marked[: len(tasks)]),
        means=tuple(marked[len(tasks) :]),
        reached=reached,
        common=common,
        leaders=tuple(rows.leaders(compared, common)),
    )


def _common(run: RunRows, complete: tuple[str, ...]) -> tuple[str, ...]:
    """Return the complete targets that arms are compared by: those of a whole XTREME alone."""
    counted = tuple(task for task in complete if task in members(run.benchmark))
    if run.benchmark != XTREME:
        return counted or complete
    return TARGETS if len(counted) == len(TARGETS) else complete


def _marked(rows: Sequence[TransferRow]) -> list[TransferRow]:
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
        groups = GROUPS_OF[run.benchmark].items()
        means += [(name, tasks) for name, tasks in groups if set(tasks) <= set(run.targets)]
        if run.benchmark == XTREME and set(run.targets) >= set(TARGETS):
            means.append(("overall", TARGETS))
    is_overall = run.benchmark == XTREME and set(common) == set(TARGETS)
    if common and (run.languages is not None or not is_overall):
        label = "common targets" if len(common) > 1 else "common target"
        if run.benchmark != XTREME:  # its script never prints a mean
            label = f"{label} of {run.benchmark} (our mean)"
        chosen = "" if run.languages is None else " in the chosen languages"
        means.append((f"mean of {len(common)} {label}{chosen}", tuple(common)))
    return means


class _Rows:
    """Makes the rows of the table."""

    def __init__(self, run: RunRows, book: ScoreBook, drawn: Resamples) -> None:
        self.run, self.book, self.drawn = run, book, drawn
        self.references = tuple(dict.fromkeys(each.arm for each in run.reference_points))
        self.choices = select_on_dev(run)

    def of_task(self, task: str) -> TransferRow:
        run, choice = self.run, self.choices.get(task)
        tested = len(run.languages_of(task))
        has = len(known_languages(TASKS[task], miniature=run.miniature))
        cells = tuple(self._task_cell(arm, task) for arm in run.arms)
        return TransferRow(
            name=task,
            note=f"{tested} languages" if tested == has else f"{tested} of {has} languages",
            reference_points=tuple(self._reference_cell(name, task) for name in self.references),
            cells=cells,
            choice=choice,
            chosen=cells[run.arms.index(choice.arm)] if choice else None,
        )

    def of_mean(self, name: str, tasks: tuple[str, ...]) -> TransferRow:
        choices = {task: self.choices[task].arm for task in tasks if task in self.choices}
        chosen = spread(self.book.mean_scores(choices, tasks).values())
        gain = spread(self.book.mean_gains(choices, BASELINE_ARM, tasks).values())
        return TransferRow(
            name=name,
            note=" ".join(tasks)
            if name in GROUPS_OF[self.run.benchmark]
            else f"{len(tasks)} tasks",
            reference_points=tuple(self._mean_cell(each, tasks) for each in self.references),
            cells=tuple(self._mean_cell(arm, tasks) for arm in self.run.arms),
            choice=None,
            chosen=ScoreCell(arm="", score=chosen, gain=gain) if chosen else None,
        )

    def _task_cell(self, arm: str, task: str) -> ScoreCell:
        book = self.book
        scores = (each.score for each in book.task_scores(arm, task).values())
        gains = book.task_gains(arm, BASELINE_ARM, task) if arm != BASELINE_ARM else {}
        missing = book.missing(arm, task)
        cell = ScoreCell(
            arm=arm,
            score=book.over_seeds(arm, [task], scores),
            gain=spread(gains.values()),
            missing=missing,
            reason=self.run.why_missing(arm, task, missing) if missing else "",
        )
        return self._with_errors(cell, [task])

    def _reference_cell(self, name: str, task: str) -> ScoreCell:
        """Return a reference point's score; one that does not fit a task is no gap in the run."""
        if not self.book.by_seed(name, task):
            return ScoreCell(arm=name, score=None, reason=f"{name} is not defined for {task}.")
        return self._task_cell(name, task)

    def _mean_cell(self, arm: str, tasks: tuple[str, ...]) -> ScoreCell:
        book, arms = self.book, dict.fromkeys(tasks, arm)
        score = book.over_seeds(arm, tasks, book.mean_scores(arms, tasks).values())
        gains = book.mean_gains(arms, BASELINE_ARM, tasks) if arm != BASELINE_ARM else {}
        reason = "" if score else self._no_mean(arm, tasks)
        cell = ScoreCell(arm=arm, score=score, gain=spread(gains.values()), reason=reason)
        return self._with_errors(cell, tasks)

    def _with_errors(self, cell: ScoreCell, tasks: Sequence[str]) -> ScoreCell:
        if cell.gain is None:
            return cell
        examples_R = self.drawn.weighted_examples(difference_of(cell.arm, BASELINE_ARM, tasks))
        return replace(cell, estimate=estimated(cell.gain, examples_R))

    def leaders(self, cells: Sequence[ScoreCell], tasks: Sequence[str]) -> Iterator[ScoreCell]:
        ranked = sorted(
            (cell for cell in cells if cell.gain),
            key=lambda cell: -cell.gain.mean if cell.gain else 0.0,
        )
        for place, cell in enumerate(ranked):
            if not place or self._is_tie(ranked[0].arm, cell.arm, tasks):
                yield cell

    def _is_tie(self, arm: str, other: str, tasks: Sequence[str]) -> bool:
        lead = spread(self.book.mean_gains(dict.fromkeys(tasks, arm), other, tasks).values())
        if lead is None or points(lead.mean) == points(0):
            return True
        examples_R = self.drawn.weighted_examples(difference_of(arm, other, tasks))
        found = estimated(lead, examples_R)
        return found is not None and found.is_inside

    def _no_mean(self, arm: str, tasks: Sequence[str]) -> str:
        short = [task for task in tasks if self.book.missing(arm, task)]
        if all(not self.book.by_seed(arm, task) for task in TASKS):
            return not_reached(arm)
        if all(not self.book.by_seed(arm, task) for task in short):
            return f"No mean for “{arm}”: no score for {', '.join(short)}."
        return f"No mean for “{arm}”: not every language of {', '.join(short)}."


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What the rows of a run say; `drawn` are its scores with the examples resampled.

    `first_arm` is the one that a reader wants to see first.
    """

    run: RunRows
    drawn: Resamples
    table: TransferTable
    said: Headline
    claims: tuple[JudgedClaim, ...]
    first_arm: str


def findings(run: RunRows) -> Findings:
    """Return what the rows of a run say."""
    drawn = Resamples(run)
    table = transfer_table(run, drawn)
    return Findings(
        run=run,
        drawn=drawn,
        table=table,
        said=headline(run, table),
        claims=judge_claims(run, drawn),
        first_arm=_first_arm(run, table),
    )


def _first_arm(run: RunRows, table: TransferTable) -> str:
    cells = [cell for cell in table.comparison.cells if cell.gain] if table.comparison else []
    if cells:
        return max(cells, key=lambda cell: cell.gain.mean if cell.gain else 0.0).arm
    return next((arm for arm in run.arms if arm != BASELINE_ARM), run.arms[0])


@dataclass(frozen=True, kw_only=True)
class Headline:
    """One sentence that answers, a few that explain, and one that says how far to trust it."""

    answer: str
    details: tuple[str, ...]
    caution: str


def headline(run: RunRows, table: TransferTable) -> Headline:
    """Return what the rows say about the question of the run."""
    details = (*_extremes(table), *_chosen(table), *_left_out(table))
    return Headline(answer=_answer(run, table), details=details, caution=_caution(table))


def _answer(run: RunRows, table: TransferTable) -> str:
    obstacle = _obstacle(run, table)
    if obstacle:
        return obstacle
    if not table.leaders:
        return f"No arm shares a seed with “{BASELINE_ARM}”, so no gain can be formed."
    (best, *equal), over = table.leaders, f"over {over_targets(table)}"
    if not _is_gain(best):
        beyond = " beyond the noise" * best.is_noise
        return (
            f"No other arm raises the mean {over}{beyond}: “{best.arm}” is at {_points(best)} "
            f"points{_doubt(best)}."
        )
    if equal:
        others = named([f"“{each.arm}” ({_points(each)})" for each in equal], "and")
        return (
            f"“{best.arm}” gains {_points(best)} points on “{BASELINE_ARM}”, averaged {over}"
            f"{_doubt(best)}; the noise does not tell {others} from it."
        )
    return (
        f"“{best.arm}” has the largest mean gain over “{BASELINE_ARM}”: "
        f"{_points(best)} points, averaged {over}{_doubt(best)}."
    )


def _is_gain(cell: ScoreCell) -> bool:
    return not cell.is_noise and _points_of(cell) > 0


def _points(cell: ScoreCell) -> str:
    return points_spread(cell.gain) if cell.gain else ""


def _obstacle(run: RunRows, table: TransferTable) -> str:
    if BASELINE_ARM not in run.arms:
        return f"The recipe has no arm “{BASELINE_ARM}”, so nothing can be called a gain."
    if run.arms == (BASELINE_ARM,):
        return f"Only the arm “{BASELINE_ARM}” was run, so there is nothing to compare."
    if BASELINE_ARM not in table.reached:
        return f"The arm “{BASELINE_ARM}” has no score yet, so there is nothing to compare."
    if table.reached == (BASELINE_ARM,):
        return f"So far only “{BASELINE_ARM}” has scores, so there is nothing to compare."
    if not table.common:
        return "No target has all its languages in every arm, so no mean over targets is formed."
    return ""


def _doubt(cell: ScoreCell) -> str:
    if cell.estimate is None:
        return ", its noise unknown"
    if cell.is_noise:
        return ", which is within the noise"
    is_unsure = cell.estimate.seeds is not None and not cell.is_clear
    return ", which is not significant when corrected for all gains" if is_unsure else ""


def over_targets(table: TransferTable) -> str:
    """Return in words over which targets arms are compared."""
    if set(table.common) == set(TARGETS):
        return "XTREME's nine targets"
    if len(table.common) == 1:
        return f"{table.common[0]}, the one target that every compared arm has complete"
    return f"the {len(table.common)} targets that every compared arm has complete"


def _extremes(table: TransferTable) -> list[str]:
    cells = [(row.name, cell) for row in table.tasks for cell in row.cells if cell.gain]
    known = [(task, cell) for task, cell in cells if cell.estimate]
    if not known:
        return ["The noise of differences on single targets is unknown."] * bool(cells)
    said = []
    for word, sign in (("gain", 1), ("loss", -1)):
        found = [each for each in known if not each[1].is_noise and sign * _points_of(each[1]) > 0]
        if found:
            task, cell = max(found, key=lambda each: sign * _points_of(each[1]))
            said.append(
                f"On single targets {len(found)} of {len(known)} differences are a {word} beyond "
                f"the noise, up to {points(_points_of(cell))} points: “{cell.arm}” on {task}"
                f"{_doubt(cell)}."
            )
    return said or ["On single targets no difference is beyond the noise."]


def _points_of(cell: ScoreCell) -> float:
    """Return a gain as a reader sees it, so 0 where its points are 0.0."""
    shown = points(cell.gain.mean) if cell.gain else points(0)
    return 0.0 if cell.gain is None or shown == points(0) else cell.gain.mean


def _chosen(table: TransferTable) -> list[str]:
    chosen = table.comparison.chosen if table.comparison else None
    if not chosen or not chosen.score or not chosen.gain:
        return []
    return [
        f"Taking for each target the arm that is best on English dev gives "
        f"{percent_spread(chosen.score)} ({points_spread(chosen.gain)}); the choice and its score "
        "use the same seeds, so this is biased upwards."
    ]


def _left_out(table: TransferTable) -> list[str]:
    absent = [f"“{arm}”" for arm in table.arms if arm not in table.reached]
    if not absent or not table.reached:
        return []
    return [f"Not compared, since there is no score yet: {', '.join(absent)}."]


def _caution(table: TransferTable) -> str:
    held = f"{ABOUT_ZERO} marks a gain whose 95 % interval"
    if table.num_seeds <= 1:
        return (
            "One seed was run: the noise between seeds is unknown, and no difference on this page "
            f"is claimed to be significant. {held} over test examples contains zero."
        )
    return (
        f"Means over {table.num_seeds} seeds; the figure after ± is the standard deviation between "
        f"seeds. {held} over seeds and test examples contains zero, * one that is significant even "
        "when corrected for all gains of the table."
    )
