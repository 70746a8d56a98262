"""Which selector would have found the intermediate task that turned out best."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

from stiltwalk.reports.findings import Findings
from stiltwalk.reports.parts import Part, Section, Words
from stiltwalk.reports.scores import Spread
from stiltwalk.reports.selectors import RULES, Grid, JudgedSelector, grid_of
from stiltwalk.reports.significance import Estimate
from stiltwalk.reports.wording import DASH, percent, plural, points
from stiltwalk.selection.ratings import SELECTORS
from stiltwalk.tables.table import Cell, Table, Tone, heads
from stiltwalk.wording import rounded

_SAID = {**SELECTORS, **RULES}


def selection(found: Findings) -> Section:
    """Return what following every selector would have cost, where the run asked some."""
    grid = grid_of(found.run)
    parts: tuple[Part, ...] = ()
    if grid:
        parts = (
            Words(
                "Every selector ranks the single-task arms and the baseline for each target; the "
                "regret is the share of the best arm's score that is lost with the best of its "
                "first k. A selector that is not better than always taking mnli is not worth its "
                "cost.",
                look="aid",
            ),
            regrets(grid),
        )
    return Section(
        name="selection",
        link="Selection",
        title="Which task to train on first, told beforehand",
        parts=parts,
        is_folded=True,
    )


def regrets(grid: Grid) -> Table:
    """Return the figures of every selector and plain rule."""
    found = list(grid.judged())
    names = list(found[0].figures)
    targets = len({target for _, target in grid.truth})
    return Table(
        name="selectors",
        title="Regret of selectors",
        note=f"Means over {plural(targets, 'target')}; in brackets the 95 % interval over "
        f"{plural(len(grid.seeds), 'seed')}. Regret in percent of the best score, lower is better; "
        "correlation is Spearman's; NDCG is 1 for the best order. Last: regret@1 less that of "
        "always mnli.",
        columns=heads("selector", "needs", *names, "less always mnli"),
        rows=tuple(_row(each) for each in found),
    )


def _row(judged: JudgedSelector) -> tuple[Cell, ...]:
    needs, means = _SAID[judged.name]
    return (
        Cell(judged.name, note=means),
        Cell(needs),
        *(
            _cell(spread, percent if key.startswith("regret") else _two)
            for key, spread in judged.figures.items()
        ),
        _compared(judged.over_mnli),
    )


def _two(value: float) -> str:
    return rounded(value, 2)


def _half(spread: Spread) -> float | None:
    sd = spread.sd
    seeds = None if sd is None else sd / sqrt(spread.num_seeds)
    return Estimate(spread.mean, spread.num_seeds, seeds, None).over_seeds()


def _cell(spread: Spread, said: Callable[[float], str]) -> Cell:
    half = _half(spread)
    below = f"{said(spread.mean - half)} to {said(spread.mean + half)}" if half else ""
    return Cell(said(spread.mean), spread.mean, below)


def _compared(spread: Spread | None) -> Cell:
    if spread is None:
        return Cell(DASH)
    half = _half(spread)
    tone: Tone = "neutral"
    if half is not None and abs(spread.mean) > half:
        tone = "better" if spread.mean < 0 else "worse"
    below = f"{points(spread.mean - half)} to {points(spread.mean + half)}" if half else ""
    return Cell(points(spread.mean), spread.mean, below, tone=tone)
