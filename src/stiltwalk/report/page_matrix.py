"""The page's transfer matrix: arms by targets, with what was published and what is missing."""

from __future__ import annotations

from collections.abc import Sequence

from stiltwalk.report.markup import Td, Tr, escape, name, table
from stiltwalk.report.numbers import (
    ABOUT_ZERO,
    DASH,
    percent,
    percent_spread,
    points_spread,
)
from stiltwalk.report.published import Published, published_for
from stiltwalk.report.rows import RunRows
from stiltwalk.report.tables import ScoreCell, TransferRow, TransferTable

OWN_DEV = "\N{BLACK DIAMOND}"
MEAN_DEV = "\N{WHITE DIAMOND}"
LEAST_SCALE = 0.05
"""Gains of five points colour a cell fully, unless there are larger ones."""


def matrix(run: RunRows, table_: TransferTable) -> str:
    """Return the table of arms by targets, and the list of what is missing."""
    columns = _columns(table_)
    notes = list(dict.fromkeys(c.reason for each in columns for c in each.cells if c.reason))
    head = [Td(html="arm"), *map(_head, columns)]
    caption = (
        "Task score in percent, mean over languages; below it the gain over “none” in points. "
        f"{OWN_DEV} best arm on English dev, {MEAN_DEV} best on the mean dev score of the others "
        f"(the target has none). {ABOUT_ZERO} the gain is inside the noise; * it is clear even "
        "when corrected for all gains of this table (5 %, Holm)."
    )
    body = [_arm(run, table_, place, notes) for place in range(len(table_.arms))]
    foot = [
        _chosen(columns),
        *(_published(each, columns) for each in published_for(run.model)),
        *(_baseline(columns, place) for place in range(len(table_.baselines))),
    ]
    listed = "".join(f'<li id="gap-{i}">{escape(note)}</li>' for i, note in enumerate(notes, 1))
    below = f'<ol class="notes">{listed}</ol>' if notes else ""
    return table("transfer", caption, head, body, foot) + below


def _columns(table_: TransferTable) -> tuple[TransferRow, ...]:
    """Return the columns from left to right: what arms compare by, the targets, other means."""
    widest = (table_.comparison,) if table_.comparison else ()
    return (*widest, *table_.tasks, *(each for each in table_.means if each not in widest))


def full_scale(table_: TransferTable) -> float:
    """Return the gain, a fraction, that colours a cell fully."""
    rows = (*table_.tasks, *table_.means)
    gains = (abs(c.gain.mean) for row in rows for c in row.cells if c.gain)
    return max([LEAST_SCALE, *gains])


def arm_anchor(arm: str) -> str:
    """Return the id of an arm's row, for links from the claims."""
    return f"arm-{arm}"


def _head(column: TransferRow) -> Td:
    return Td(html=f"{name(column.name)}<small>{escape(column.note)}</small>", css="num")


def _arm(run: RunRows, table_: TransferTable, place: int, notes: Sequence[str]) -> Tr:
    """Return one arm's row."""
    scale, arm = full_scale(table_), table_.arms[place]
    says = run.walked[arm].says if arm in run.walked else ""
    below = f"<small>{escape(says)}</small>" if says != arm else ""
    cells = [Td(html=f"{name(arm)}{below}", key=arm, head=True)]
    for column in _columns(table_):
        cell, mark = column.cells[place], ""
        if column.choice and column.choice.arm == cell.arm:
            mark = OWN_DEV if column.choice.own_dev else MEAN_DEV
        number = notes.index(cell.reason) + 1 if cell.reason else 0
        cells.append(_score(cell, scale, mark, number))
    return Tr(cells=cells, ident=arm_anchor(arm))


def _score(cell: ScoreCell, scale: float, mark: str, note: int) -> Td:
    """Return a score with its gain; colour and sign both tell which way it went."""
    link = f'<sup><a href="#gap-{note}">[{note}]</a></sup>' if note else ""
    if not cell.score:
        return Td(html=f'<span class="missing">missing</span>{link}', key=-1.0, css="num")
    text = f"{_mark(mark)}<b>{percent_spread(cell.score)}</b>{link}"
    if not cell.gain:
        return Td(html=text, key=cell.score.mean, css="num")
    way = "up" if cell.gain.mean >= 0 else "down"
    share = 0 if cell.is_noise else round(100 * min(1.0, abs(cell.gain.mean) / scale))
    return Td(
        html=f"{text}<small{_noise(cell)}{points_spread(cell.gain)}{'*' * cell.is_clear}</small>",
        key=cell.score.mean,
        css=f"num {way}",
        style=f"--gain:{share}%",
    )


def _noise(cell: ScoreCell) -> str:
    """Return the end of a tag that tells what a gain was held against, and the mark."""
    found = cell.estimate
    if found is None:
        return ">"
    widths = (("seeds", found.over_seeds()), ("test examples", found.over_examples()))
    known = [f"± {percent(width)} over {what}" for what, width in widths if width is not None]
    if len(known) > 1:
        known.append(f"± {percent(found.half_width())} together")
    title = escape(f"95 % intervals: {', '.join(known)}")
    return f' title="{title}">{f"{ABOUT_ZERO} " * cell.is_noise}'


def _mark(mark: str) -> str:
    """Return the sign of the arm chosen on dev, with words for who cannot see it."""
    words = {OWN_DEV: "chosen on English dev", MEAN_DEV: "chosen on the mean dev score"}.get(mark)
    return (
        f'<span class="mark" role="img" aria-label="{words}" title="{words}">{mark}</span>'
        if words
        else ""
    )


def _chosen(columns: Sequence[TransferRow]) -> Tr:
    """Return the row of the arms chosen on dev."""
    cells = [Td(html="chosen on dev", head=True)]
    for column in columns:
        cell = column.chosen
        if not cell or not cell.score:
            cells.append(Td(html=DASH, css="num"))
            continue
        gain = f"<small>{points_spread(cell.gain)}</small>" if cell.gain else ""
        cells.append(Td(html=f"<b>{percent_spread(cell.score)}</b>{gain}", css="num"))
    return Tr(cells=cells, css="mean")


def _published(published: Published, columns: Sequence[TransferRow]) -> Tr:
    """Return a published row, marked as such."""
    title = escape(published.source)
    cells = [
        Td(html=f'{escape(published.system)}<small title="{title}">published</small>', head=True)
    ]
    for column in columns:
        score = published.score(column.name)
        if column.name == "overall":
            score = published.average / 100
        text = percent(score) if score is not None else DASH
        cells.append(Td(html=f'<span title="{title}">{text}</span>', css="num base"))
    return Tr(cells=cells, css="base")


def _baseline(columns: Sequence[TransferRow], place: int) -> Tr:
    """Return the row of a baseline."""
    cells = [Td(html=f"{name(columns[0].baselines[place].arm)}<small>baseline</small>", head=True)]
    for column in columns:
        cell = column.baselines[place]
        text = percent(cell.score.mean) if cell.score else DASH
        cells.append(Td(html=f'<span title="{escape(cell.reason)}">{text}</span>', css="num base"))
    return Tr(cells=cells, css="base")
