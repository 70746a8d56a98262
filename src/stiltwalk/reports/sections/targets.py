"""Targets and arms: scores and gains, English and the rest, few examples, choosing on dev."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from stiltwalk.data.mewslix import SAMPLES
from stiltwalk.metrics.aggregate import mean
from stiltwalk.records import Split, TaskType
from stiltwalk.reports.data import RunRows
from stiltwalk.reports.findings import Findings, ScoreCell, TransferRow, TransferTable
from stiltwalk.reports.nine_claims import is_xlmr_large
from stiltwalk.reports.parts import Folded, Section, Words
from stiltwalk.reports.scores import (
    ENGLISH,
    OracleGap,
    ScoreBook,
    dev_scores,
    oracle_gap,
    spread,
    transfer_gap,
)
from stiltwalk.reports.wording import (
    ABOUT_ZERO,
    DASH,
    MISSING,
    count,
    percent,
    percent_spread,
    points,
    points_spread,
    task_in_words,
)
from stiltwalk.tables.table import PAGE, Cell, Table, heads
from stiltwalk.tasks import TASKS

OWN_DEV = "\N{BLACK DIAMOND}"
MEAN_DEV = "\N{WHITE DIAMOND}"
LEAST_SCALE = 0.05
"""Gains of five points colour a cell fully, unless there are larger ones."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """A system's published scores: (exact match, F1) for questions, else one figure."""

    system: str
    source: str
    scores: Mapping[str, tuple[float, ...]]
    average: float

    def score(self, task: str) -> float | None:
        """Return one target's figure as a fraction; for questions the mean of the two."""
        figures = self.scores.get(task)
        return sum(figures) / len(figures) / 100 if figures else None


PUBLISHED = (
    Published(
        system="XLM-R Large",
        source="Hu et al. (2020); the average is quoted, the row's own mean is 68.25",
        scores={
            "xnli": (79.2,),
            "pawsx": (86.4,),
            "udpos": (73.8,),
            "panx": (65.4,),
            "xquad": (60.8, 76.6),
            "mlqa": (53.2, 71.6),
            "tydiqa": (45.0, 65.1),
            "bucc2018": (66.0,),
            "tatoeba": (57.3,),
        },
        average=68.1,
    ),
    Published(
        system="X-STILTs",
        source="XTREME's leaderboard; no figure for retrieval was published",
        scores={
            "xnli": (80.0,),
            "pawsx": (87.9,),
            "udpos": (74.9,),
            "panx": (64.0,),
            "xquad": (63.3, 78.7),
            "mlqa": (53.7, 72.4),
            "tydiqa": (59.5, 76.0),
        },
        average=73.5,
    ),
)


def published_for(model: str) -> tuple[Published, ...]:
    """Return the published systems that start from a base model."""
    return PUBLISHED if is_xlmr_large(model) else ()


def targets(found: Findings) -> Section:
    """Return what every arm scores on every target."""
    run, table = found.run, found.table
    return Section(
        name="targets",
        link="Targets",
        title="Targets and arms",
        parts=(
            Words(
                "An arm is what the model was trained on before the target task, or another way to "
                "learn and answer it. “none” is the baseline: no intermediate task. Every target "
                "is trained on English alone and tested in all its languages."
            ),
            matrix(run, table),
            Words(
                "Reading aid: blue cells are above the baseline, orange cells below; full colour "
                f"is {percent(_full_scale(table))} points, and a gain within the noise has none. A "
                "mean is formed only where every target in it has all its languages.",
                "aid",
                PAGE,
            ),
            few_shots(run),
            rankings(run),
            Folded("English against the other languages", (english(run),)),
            Folded(
                "How arms are chosen: English dev scores, and the oracle gap",
                (dev(run), oracle(run)),
            ),
        ),
    )


def matrix(run: RunRows, table: TransferTable) -> Table:
    """Return the table of arms by targets."""
    columns = _columns(table)
    return Table(
        name="transfer",
        title="Targets and arms",
        note="Task score in percent, mean over languages; with it the gain over the baseline "
        f"in points. {OWN_DEV} best arm on English dev, {MEAN_DEV} best on the mean dev score of "
        f"the others (the target has none). {ABOUT_ZERO} the gain is within the noise; * it is "
        "significant even when corrected for all gains of this table (5 %, Holm).",
        columns=(
            Cell("arm"),
            *(Cell(each.name, below=each.note, note=_asks(each.name)) for each in columns),
        ),
        rows=tuple(_arm(run, table, place) for place in range(len(table.arms))),
        foot=(
            (Cell("chosen on dev"), *(_chosen(each) for each in columns)),
            *(_published(each, columns) for each in published_for(run.model)),
            *(_baseline(columns, place) for place in range(len(table.reference_points))),
        ),
        anchors="arm-",
    )


def _asks(name: str) -> str:
    return task_in_words(name) if name in TASKS else ""


def _columns(table: TransferTable) -> tuple[TransferRow, ...]:
    widest = (table.comparison,) if table.comparison else ()
    return (*widest, *table.tasks, *(each for each in table.means if each not in widest))


def _full_scale(table: TransferTable) -> float:
    rows = (*table.tasks, *table.means)
    gains = (abs(c.gain.mean) for row in rows for c in row.cells if c.gain)
    return max([LEAST_SCALE, *gains])


def _arm(run: RunRows, table: TransferTable, place: int) -> tuple[Cell, ...]:
    scale, arm = _full_scale(table), table.arms[place]
    says = run.made_of[arm].says if arm in run.made_of else ""
    cells = (_score(each, each.cells[place], scale) for each in _columns(table))
    return (Cell(arm, below=says if says != arm else ""), *cells)


def _score(column: TransferRow, cell: ScoreCell, scale: float) -> Cell:
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
    found = cell.estimate
    if found is None or not cell.gain:
        return ""
    widths = (("seeds", found.over_seeds()), ("test examples", found.over_examples()))
    known = [f"± {percent(width)} over {what}" for what, width in widths if width is not None]
    if len(known) > 1:
        known.append(f"± {percent(found.half_width())} together")
    return f"95 % intervals: {', '.join(known)}"


def _chosen(column: TransferRow) -> Cell:
    cell = column.chosen
    if not cell or not cell.score:
        return Cell(DASH)
    gain = points_spread(cell.gain) if cell.gain else ""
    return Cell(percent_spread(cell.score), cell.score.mean, gain)


def _published(published: Published, columns: Sequence[TransferRow]) -> tuple[Cell, ...]:
    average = published.average / 100
    scores = [average if c.name == "overall" else published.score(c.name) for c in columns]
    cells = (
        Cell(DASH if each is None else percent(each), each, note=published.source, tone="quiet")
        for each in scores
    )
    return (Cell(published.system, below="published", note=published.source, tone="quiet"), *cells)


def _baseline(columns: Sequence[TransferRow], place: int) -> tuple[Cell, ...]:
    found = [column.reference_points[place] for column in columns]
    scores = [each.score.mean if each.score else None for each in found]
    cells = (
        Cell(DASH if score is None else percent(score), score, note=each.reason, tone="quiet")
        for each, score in zip(found, scores, strict=True)
    )
    return (Cell(found[0].arm, below="reference point", tone="quiet"), *cells)


def gain_of(cell: ScoreCell) -> str:
    """Return a gain, marked where it is noise or clear; "" for none."""
    if not cell.gain:
        return ""
    return f"{ABOUT_ZERO} " * cell.is_noise + points_spread(cell.gain) + "*" * cell.is_clear


def english(run: RunRows) -> Table:
    """Return English against the mean of the other languages, per target and arm."""
    found = transfer_gap(run)

    def cell(arm: str, task: str) -> Cell:
        if (arm, task) not in found:
            return Cell(MISSING, tone="missing")
        english, rest = found[arm, task]
        return Cell(f"{percent(english)} → {percent(rest)}", english - rest, points(rest - english))

    return Table(
        name="english",
        title="English → mean of the other languages",
        note="English → mean of the other languages, percent; then the difference in points. "
        "Targets without English test rows are left out.",
        columns=heads("target", *run.arms),
        rows=tuple(
            (Cell(task), *(cell(arm, task) for arm in run.arms))
            for task in run.targets
            if any((arm, task) in found for arm in run.arms)
        ),
    )


_ONE_CLASS_PER_ROW = {TaskType.TEXT, TaskType.PAIR}


def few_shots(run: RunRows) -> Table:
    """Return prompts and few examples side by side; without rows where all arms are plain heads."""
    has_prompts = any(each.prompt or each.rows_per_class for each in run.made_of.values())
    return Table(
        name="few-shot",
        title="Prompts and few examples",
        note="Accuracy in percent: all classes, then the rows of those that were not learned, "
        "answered among these alone. After ± the standard deviation over seeds, each of which "
        "draws its own rows; 0 seeds: nothing was trained.",
        columns=heads(
            *("arm", "target", "answered by", "rows per class", "seeds"),
            *("chance", "English", "mean of languages"),
            *("unseen: chance", "English", "mean of languages"),
        ),
        rows=tuple(_few_shots(run)) if has_prompts else (),
    )


def _few_shots(run: RunRows) -> Iterator[tuple[Cell, ...]]:
    book = ScoreBook(run.rows, Split.TEST)
    for task in (each for each in run.targets if TASKS[each].task_type in _ONE_CLASS_PER_ROW):
        for arm, made in run.made_of.items():
            all_classes = _accuracy(book, arm, task, "accuracy", len(TASKS[task].labels))
            if all_classes:
                rows = "all" if made.rows_per_class is None else str(made.rows_per_class)
                seeds = sum(seed > 0 for seed in book.by_seed(arm, task))
                unseen = _accuracy(book, arm, task, "accuracy_unseen", made.unseen.get(task, 0))
                yield (
                    *heads(arm, task, made.prompt or "head", rows),
                    Cell(count(seeds), seeds),
                    *all_classes,
                    *(unseen or heads(DASH, DASH, DASH)),
                )


_RANKED = ("map_at_20", "mrr_at_20", "map_at_20_cross_lingual")


def rankings(run: RunRows) -> Table:
    """Return what there is of rankings besides the figure that counts, and on which pool."""
    book = ScoreBook(run.rows, Split.TEST)
    return Table(
        name="rankings",
        title="Rankings",
        note="Percent, mean over languages and seeds. Cross-lingual: of the queries that no "
        f"document of their own language answers. A target called {' or '.join(SAMPLES)} ranks a "
        "sample of the documents, which is easier by far.",
        columns=heads("target", "arm", "mAP@20", "MRR@20", "cross-lingual mAP@20"),
        rows=tuple(
            (*heads(task, arm), *(_mean_figure(book, arm, task, metric) for metric in _RANKED))
            for task in run.targets
            for arm in run.arms
            if TASKS[task].task_type is TaskType.RANKING and book.by_seed(arm, task)
        ),
    )


def _mean_figure(book: ScoreBook, arm: str, task: str, metric: str) -> Cell:
    by_seed = [
        [each[metric] for each in scores.values() if metric in each]
        for scores in book.by_seed(arm, task).values()
    ]
    found = spread(mean(each) for each in by_seed if each)
    return Cell(percent_spread(found), found.mean) if found else Cell(DASH)


def _accuracy(
    book: ScoreBook, arm: str, task: str, metric: str, num_classes: int
) -> tuple[Cell, ...]:
    """Return chance, English and the mean over languages; nothing where there is no figure."""
    by_seed = [
        {language: each[metric] for language, each in scores.items() if metric in each}
        for scores in book.by_seed(arm, task).values()
    ]
    languages = spread(mean(list(each.values())) for each in by_seed if each)
    if languages is None or not num_classes:
        return ()
    english = spread(each[ENGLISH] for each in by_seed if ENGLISH in each)
    return (
        Cell(percent(1 / num_classes), 1 / num_classes),
        Cell(percent_spread(english), english.mean) if english else Cell(DASH),
        Cell(percent_spread(languages), languages.mean),
    )


def dev(run: RunRows) -> Table:
    """Return the English dev scores by which arms are chosen."""
    scores = dev_scores(run)

    def cell(arm: str, task: str) -> Cell:
        score = scores.get((arm, task))
        return Cell(DASH if score is None else percent(score), score)

    return Table(
        name="dev",
        title="English dev",
        note="Score on English dev, percent, mean over seeds.",
        columns=heads("target", *run.arms),
        rows=tuple(
            (Cell(task), *(cell(arm, task) for arm in run.arms))
            for task in run.targets
            if any((arm, task) in scores for arm in run.arms)
        ),
        formats=PAGE,
    )


def oracle(run: RunRows) -> Table:
    """Return how far choosing on dev falls short of choosing on test, which no result may do."""
    found = tuple(oracle_gap(run))
    mean_gap = points(mean([_gap(each) for each in found])) if found else DASH
    return Table(
        name="oracle-gap",
        title="Oracle gap of choosing on dev",
        note="The most that choosing on English dev can cost: the score of the arm it chooses "
        f"minus that of the arm with the best test score, {mean_gap} points on the mean; the best "
        "of several noisy scores is partly luck. No choice in this report uses test scores.",
        columns=heads("target", "chosen on dev", "its test score", "best on test", "score", "gap"),
        rows=tuple(
            (
                *heads(each.task, each.by_dev),
                Cell(percent(each.dev_choice), each.dev_choice),
                Cell(each.by_test),
                Cell(percent(each.test_choice), each.test_choice),
                Cell(points(_gap(each)), _gap(each)),
            )
            for each in found
        ),
    )


def _gap(found: OracleGap) -> float:
    return found.dev_choice - found.test_choice
