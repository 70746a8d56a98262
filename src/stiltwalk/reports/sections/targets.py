"""Targets and arms: scores and gains, English and the rest, few examples, choosing on dev."""

from __future__ import annotations

from collections.abc import Sequence

from stiltwalk.metrics.aggregate import mean
from stiltwalk.reports.claims import Published, published_for
from stiltwalk.reports.data import RunRows
from stiltwalk.reports.findings import Findings
from stiltwalk.reports.parts import Folded, Section, Words
from stiltwalk.reports.scores import (
    Accuracy,
    OracleGap,
    dev_scores,
    few_shot,
    oracle_gap,
    transfer_gap,
)
from stiltwalk.reports.transfer import ScoreCell, TransferRow, TransferTable
from stiltwalk.reports.wording import (
    ABOUT_ZERO,
    DASH,
    MISSING,
    count,
    percent,
    percent_spread,
    points,
    points_spread,
)
from stiltwalk.tables.table import PAGE, Cell, Table, heads

OWN_DEV = "\N{BLACK DIAMOND}"
MEAN_DEV = "\N{WHITE DIAMOND}"
LEAST_SCALE = 0.05
"""Gains of five points colour a cell fully, unless there are larger ones."""


def targets(found: Findings) -> Section:
    """Return what every arm scores on every target."""
    run, table = found.run, found.table
    return Section(
        name="targets",
        link="Targets",
        title="Targets and arms",
        parts=(
            Words(
                "An arm is what the model was trained on before it met the target, or another way "
                "to learn and answer it: “none” is the reference. Every target is trained on "
                "English alone and tested in all its languages."
            ),
            matrix(run, table),
            Words(
                "Reading aid: blue cells are above “none”, orange cells below; a full colour is "
                f"{percent(full_scale(table))} points, and a gain inside the noise has none. A "
                "mean is formed only where every target in it has all its languages.",
                "aid",
                PAGE,
            ),
            few_shots(run),
            english(run),
            Folded(
                "How arms were chosen: English dev scores, and what the rule costs",
                (dev(run), guard(run)),
            ),
        ),
    )


def matrix(run: RunRows, table: TransferTable) -> Table:
    """Return the table of arms by targets."""
    columns = _columns(table)
    return Table(
        name="transfer",
        title="Targets and arms",
        note="Task score in percent, mean over languages; beside it the gain over “none” in "
        f"points. {OWN_DEV} best arm on English dev, {MEAN_DEV} best on the mean dev score of the "
        f"others (the target has none). {ABOUT_ZERO} the gain is inside the noise; * it is clear "
        "even when corrected for all gains of this table (5 %, Holm).",
        columns=(Cell("arm"), *(Cell(each.name, below=each.note) for each in columns)),
        rows=tuple(_arm(run, table, place) for place in range(len(table.arms))),
        foot=(
            (Cell("chosen on dev"), *(_chosen(each) for each in columns)),
            *(_published(each, columns) for each in published_for(run.model)),
            *(_baseline(columns, place) for place in range(len(table.baselines))),
        ),
        anchors="arm-",
    )


def _columns(table: TransferTable) -> tuple[TransferRow, ...]:
    """Return the columns from left to right: what arms compare by, the targets, other means."""
    widest = (table.comparison,) if table.comparison else ()
    return (*widest, *table.tasks, *(each for each in table.means if each not in widest))


def full_scale(table: TransferTable) -> float:
    """Return the gain, a fraction, that colours a cell fully."""
    rows = (*table.tasks, *table.means)
    gains = (abs(c.gain.mean) for row in rows for c in row.cells if c.gain)
    return max([LEAST_SCALE, *gains])


def _arm(run: RunRows, table: TransferTable, place: int) -> tuple[Cell, ...]:
    """Return one arm's row."""
    scale, arm = full_scale(table), table.arms[place]
    says = run.walked[arm].says if arm in run.walked else ""
    cells = (_score(each, each.cells[place], scale) for each in _columns(table))
    return (Cell(arm, below=says if says != arm else ""), *cells)


def _score(column: TransferRow, cell: ScoreCell, scale: float) -> Cell:
    """Return a score with its gain; colour and sign both tell which way it went."""
    if not cell.score:
        return Cell(MISSING, tone="missing", reason=cell.reason)
    mark = note = ""
    if column.choice and column.choice.arm == cell.arm:
        own = column.choice.own_dev
        mark = f"{OWN_DEV} " if own else f"{MEAN_DEV} "
        note = "Chosen on English dev. " if own else "Chosen on the mean dev score. "
    gain = cell.gain.mean if cell.gain and not cell.is_noise else 0.0
    return Cell(
        mark + percent_spread(cell.score),
        cell.score.mean,
        gain_of(cell),
        note=note + _noise(cell),
        reason=cell.reason,
        tone="better" if gain > 0 else "worse" if gain < 0 else "neutral",
        strength=min(1.0, abs(gain) / scale),
    )


def _noise(cell: ScoreCell) -> str:
    """Return what a gain was held against."""
    found = cell.estimate
    if found is None or not cell.gain:
        return ""
    widths = (("seeds", found.over_seeds()), ("test examples", found.over_examples()))
    known = [f"± {percent(width)} over {what}" for what, width in widths if width is not None]
    if len(known) > 1:
        known.append(f"± {percent(found.half_width())} together")
    return f"95 % intervals: {', '.join(known)}"


def _chosen(column: TransferRow) -> Cell:
    """Return the score of the arms chosen on dev."""
    cell = column.chosen
    if not cell or not cell.score:
        return Cell(DASH)
    gain = points_spread(cell.gain) if cell.gain else ""
    return Cell(percent_spread(cell.score), cell.score.mean, gain)


def _published(published: Published, columns: Sequence[TransferRow]) -> tuple[Cell, ...]:
    """Return a published row, marked as such."""
    average = published.average / 100
    scores = [average if c.name == "overall" else published.score(c.name) for c in columns]
    cells = (
        Cell(DASH if each is None else percent(each), each, note=published.source, tone="quiet")
        for each in scores
    )
    return (Cell(published.system, below="published", note=published.source, tone="quiet"), *cells)


def _baseline(columns: Sequence[TransferRow], place: int) -> tuple[Cell, ...]:
    """Return the row of a baseline."""
    found = [column.baselines[place] for column in columns]
    scores = [each.score.mean if each.score else None for each in found]
    cells = (
        Cell(DASH if score is None else percent(score), score, note=each.reason, tone="quiet")
        for each, score in zip(found, scores, strict=True)
    )
    return (Cell(found[0].arm, below="baseline", tone="quiet"), *cells)


def gain_of(cell: ScoreCell) -> str:
    """Return a gain, marked where it is noise or clear; "" for none."""
    if not cell.gain:
        return ""
    return f"{ABOUT_ZERO} " * cell.is_noise + points_spread(cell.gain) + "*" * cell.is_clear


def english(run: RunRows) -> Table:
    """Return English against the mean of the other languages, per target and arm."""
    found = transfer_gap(run)

    def cell(arm: str, task: str) -> Cell:
        each = found.get((arm, task))
        if not each:
            return Cell(MISSING, tone="missing")
        both = f"{percent(each.english.mean)} → {percent(each.rest.mean)}"
        return Cell(both, each.lost.mean, points(-each.lost.mean))

    return Table(
        name="english",
        title="English → mean of the other languages",
        note="English → mean of the other languages, percent; beside it the difference in points. "
        "Targets without English test rows are left out.",
        columns=heads("target", *run.arms),
        rows=tuple(
            (Cell(task), *(cell(arm, task) for arm in run.arms))
            for task in run.targets
            if any((arm, task) in found for arm in run.arms)
        ),
    )


def few_shots(run: RunRows) -> Table:
    """Return prompts and few examples side by side; without rows where there are none."""
    return Table(
        name="few-shot",
        title="Prompts and few examples",
        note="Accuracy in percent: all classes, then the rows of those that were not learned, "
        "answered among these alone. After ± the standard deviation over seeds, each of which "
        "draws its own rows; 0 seeds: nothing was trained.",
        columns=heads(
            *("arm", "target", "answered by", "rows a class", "seeds"),
            *("chance", "English", "mean of languages"),
            *("unseen: chance", "English", "mean of languages"),
        ),
        rows=tuple(
            (
                *heads(each.arm, each.task, each.answers, each.rows),
                Cell(count(each.seeds), each.seeds),
                *_accuracy(each.every),
                *_accuracy(each.unseen),
            )
            for each in few_shot(run)
        ),
    )


def _accuracy(found: Accuracy | None) -> tuple[Cell, ...]:
    if found is None:
        return heads(DASH, DASH, DASH)
    english, languages = found.english, found.languages
    return (
        Cell(percent(found.chance), found.chance),
        Cell(percent_spread(english), english.mean) if english else Cell(DASH),
        Cell(percent_spread(languages), languages.mean),
    )


def dev(run: RunRows) -> Table:
    """Return the English dev scores by which arms are chosen."""
    scores = dev_scores(run)
    return Table(
        name="dev",
        title="English dev",
        note="Score on English dev, percent, mean over seeds.",
        columns=heads("target", *run.arms),
        rows=tuple(
            (
                Cell(task),
                *(
                    Cell(percent(score), score)
                    if (score := scores.get((arm, task))) is not None
                    else Cell(DASH)
                    for arm in run.arms
                ),
            )
            for task in run.targets
            if any((arm, task) in scores for arm in run.arms)
        ),
        formats=PAGE,
    )


def guard(run: RunRows) -> Table:
    """Return what choosing on dev cost against choosing on test, which no result may do."""
    found = oracle_gap(run)
    mean_price = points(mean([_price(each) for each in found])) if found else DASH
    return Table(
        name="guard",
        title="What choosing on dev cost",
        note="What the rule costs at most: the arm chosen on English dev against the one that a "
        f"look at the test scores would choose, {mean_price} points on the mean; the best of "
        "several noisy scores is partly luck. No choice in this report looks at test scores.",
        columns=heads(
            "target", "chosen by dev", "its test score", "best by test", "its score", "price"
        ),
        rows=tuple(
            (
                *heads(each.task, each.by_dev),
                Cell(percent(each.dev_choice), each.dev_choice),
                Cell(each.by_test),
                Cell(percent(each.test_choice), each.test_choice),
                Cell(points(_price(each)), _price(each)),
            )
            for each in found
        ),
    )


def _price(cost: OracleGap) -> float:
    return cost.dev_choice - cost.test_choice
