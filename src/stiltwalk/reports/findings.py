"""What a report derives from a run's rows, and the answer in a few sentences."""

from __future__ import annotations

from dataclasses import dataclass

from stiltwalk.records import BASELINE_ARM
from stiltwalk.reports.charts.series import Point, language_points
from stiltwalk.reports.claims import JudgedClaim
from stiltwalk.reports.data import RunRows
from stiltwalk.reports.nine_claims import judge_claims
from stiltwalk.reports.significance import Resamples, paired_tests
from stiltwalk.reports.transfer import ScoreCell, TransferTable, transfer_table
from stiltwalk.reports.wording import ABOUT_ZERO, percent_spread, points, points_spread
from stiltwalk.tasks import TARGETS


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What the rows of a run say.

    `points` are the scores and gains per arm, target and language; `first_arm` is the one that a
    reader wants to see first.
    """

    run: RunRows
    table: TransferTable
    said: Headline
    claims: tuple[JudgedClaim, ...]
    points: tuple[Point, ...]
    first_arm: str


def findings(run: RunRows) -> Findings:
    """Return what the rows of a run say."""
    drawn = Resamples(run)
    table = transfer_table(run, drawn)
    return Findings(
        run=run,
        table=table,
        said=headline(run, table),
        claims=judge_claims(run, drawn),
        points=tuple(language_points(run, paired_tests(run, drawn))),
        first_arm=_first_arm(run, table),
    )


def _first_arm(run: RunRows, table: TransferTable) -> str:
    """Return the arm with the largest mean gain."""
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
    widest = table.comparison.cells if table.comparison else ()
    ranked = sorted(
        (cell for cell in widest if cell.gain),
        key=lambda cell: -cell.gain.mean if cell.gain else 0.0,
    )
    details = (*_extremes(table), *_chosen(table), *_left_out(table))
    return Headline(answer=_answer(run, table, ranked), details=details, caution=_caution(table))


def _answer(run: RunRows, table: TransferTable, ranked: list[ScoreCell]) -> str:
    """Return the sentence a reader takes away."""
    obstacle = _obstacle(run, table)
    if obstacle:
        return obstacle
    if not ranked or ranked[0].gain is None:
        return f"No arm shares a seed with “{BASELINE_ARM}”, so no gain can be formed."
    best = ranked[0]
    gain = ranked[0].gain
    over = f"over {_tasks(table)}"
    if gain.mean <= 0:
        return (
            f"No other arm raises the mean {over}: the nearest to “{BASELINE_ARM}” is "
            f"“{best.arm}”, at {points_spread(gain)} points."
        )
    return (
        f"“{best.arm}” has the largest mean gain over “{BASELINE_ARM}”: "
        f"{points_spread(gain)} points, averaged {over}{_doubt(best)}."
    )


def _obstacle(run: RunRows, table: TransferTable) -> str:
    """Return why no arm can be compared with the reference; "" where they can."""
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
    """Return a warning where a gain may be noise."""
    if cell.is_noise:
        return ", which is inside the noise"
    corrected = cell.estimate is not None and cell.estimate.seeds is not None and not cell.is_clear
    return ", which is not clear once corrected for all gains of the table" if corrected else ""


def _tasks(table: TransferTable) -> str:
    """Return in words which targets a mean covers."""
    if set(table.common) == set(TARGETS):
        return "XTREME's nine targets"
    if len(table.common) == 1:
        return f"{table.common[0]}, the one target that every compared arm has complete"
    return f"the {len(table.common)} targets that every compared arm has complete"


def _extremes(table: TransferTable) -> list[str]:
    """Return the single targets that an arm moves most, up and down."""
    gains = [
        (cell.gain.mean, row.name, cell) for row in table.tasks for cell in row.cells if cell.gain
    ]
    if not gains:
        return []
    said = []
    for word, (gain, task, cell) in (
        ("gain", max(gains, key=lambda each: each[0])),
        ("loss", min(gains, key=lambda each: each[0])),
    ):
        if (gain > 0) if word == "gain" else (gain < 0):
            where = f"“{cell.arm}” on {task}{_doubt(cell)}"
            said.append(f"The largest {word} on one target is {points(gain)} points: {where}.")
    return said


def _chosen(table: TransferTable) -> list[str]:
    """Return what choosing the arm per target on English dev gives."""
    chosen = table.comparison.chosen if table.comparison else None
    if not chosen or not chosen.score or not chosen.gain:
        return []
    return [
        f"Taking for each target the arm that is best on English dev gives "
        f"{percent_spread(chosen.score)} ({points_spread(chosen.gain)}); the choice and its score "
        "share their seeds, so this leans upwards."
    ]


def _left_out(table: TransferTable) -> list[str]:
    """Return which arms take no part, since the run has not reached them."""
    absent = [f"“{arm}”" for arm in table.arms if arm not in table.reached]
    if not absent or not table.reached:
        return []
    return [f"Not compared, since there is no score yet: {', '.join(absent)}."]


def _caution(table: TransferTable) -> str:
    """Return how much the differences can be trusted."""
    held = f"{ABOUT_ZERO} marks a gain whose 95 % interval"
    if table.num_seeds <= 1:
        return (
            "One seed was run: the noise between seeds is unknown, and no difference on this page "
            f"is claimed to be significant. {held} over test examples holds zero."
        )
    return (
        f"Means over {table.num_seeds} seeds; the figure after ± is the standard deviation between "
        f"seeds. {held} over seeds and test examples together holds zero, * one that is clear even "
        "when corrected for all gains of the table."
    )
