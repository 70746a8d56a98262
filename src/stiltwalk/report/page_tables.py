"""The page's tables of scores."""

from __future__ import annotations

from collections.abc import Sequence

from stiltwalk.report.choice import dev_scores
from stiltwalk.report.english import english_and_rest
from stiltwalk.report.markup import Td, Tr, escape, name, table
from stiltwalk.report.numbers import DASH, percent, percent_spread, points, points_spread
from stiltwalk.report.rows import RunRows
from stiltwalk.report.tables import ScoreCell, TransferRow, TransferTable
from stiltwalk.tasks import GROUPS

OWN_DEV = "\N{BLACK DIAMOND}"
MEAN_DEV = "\N{WHITE DIAMOND}"
LEAST_SCALE = 0.05
"""Gains of five points colour a cell fully, unless there are larger ones."""


def transfer(table_: TransferTable) -> str:
    """Return the table of targets by arms, and the list of what is missing."""
    rows = (*table_.tasks, *table_.means)
    scale = full_scale(table_)
    notes = list(dict.fromkeys(c.reason for row in rows for c in row.cells if c.reason))
    head = [
        Td(html="target"),
        *(Td(html=name(each), css="num") for each in table_.arms),
        Td(html="chosen on dev", css="num"),
        *(Td(html=name(each), css="num base") for each in table_.baselines),
    ]
    caption = (
        "Task score in percent, mean over languages; below it the gain over “none” in points. "
        f"{OWN_DEV} best arm on English dev, {MEAN_DEV} best on the mean dev score of the others "
        "(the target has none)."
    )
    body = [_row(row, scale, notes) for row in table_.tasks]
    foot = [_row(row, scale, notes, css="mean") for row in table_.means]
    listed = "".join(f'<li id="gap-{i}">{escape(note)}</li>' for i, note in enumerate(notes, 1))
    below = f'<ol class="notes">{listed}</ol>' if notes else ""
    return table("transfer", caption, head, body, foot) + below


def full_scale(table_: TransferTable) -> float:
    """Return the gain, a fraction, that colours a cell fully."""
    rows = (*table_.tasks, *table_.means)
    gains = (abs(c.gain.mean) for row in rows for c in row.cells if c.gain)
    return max([LEAST_SCALE, *gains])


def _row(row: TransferRow, scale: float, notes: Sequence[str], css: str = "") -> Tr:
    """Return one target or one mean."""
    cells = [Td(html=f"{name(row.name)}<small>{escape(row.note)}</small>", key=row.name, head=True)]
    for cell in row.cells:
        mark = ""
        if row.choice and row.choice.arm == cell.arm:
            mark = OWN_DEV if row.choice.own_dev else MEAN_DEV
        number = notes.index(cell.reason) + 1 if cell.reason else 0
        cells.append(_score(cell, scale, mark, number))
    chosen = row.chosen
    cells.append(_score(chosen, scale, "", 0) if chosen else Td(html=DASH, key=-1.0, css="num"))
    for cell in row.baselines:
        text = percent(cell.score.mean) if cell.score else DASH
        key = cell.score.mean if cell.score else -1.0
        cells.append(
            Td(html=f'<span title="{escape(cell.reason)}">{text}</span>', key=key, css="num base")
        )
    return Tr(cells=cells, css=css)


def _score(cell: ScoreCell, scale: float, mark: str, note: int) -> Td:
    """Return a score with its gain; colour and sign both tell which way it went."""
    link = f'<sup><a href="#gap-{note}">[{note}]</a></sup>' if note else ""
    if not cell.score:
        return Td(html=f'<span class="missing">missing</span>{link}', key=-1.0, css="num")
    text = f"<b>{percent_spread(cell.score)}</b>{link}"
    text = _mark(mark) + text
    if not cell.gain:
        return Td(html=text, key=cell.score.mean, css="num")
    way = "up" if cell.gain.mean >= 0 else "down"
    share = min(1.0, abs(cell.gain.mean) / scale)
    return Td(
        html=f"{text}<small>{points_spread(cell.gain)}</small>",
        key=cell.score.mean,
        css=f"num {way}",
        style=f"--gain:{round(100 * share)}%",
    )


def _mark(mark: str) -> str:
    """Return the sign of the arm chosen on dev, with words for who cannot see it."""
    words = {OWN_DEV: "chosen on English dev", MEAN_DEV: "chosen on the mean dev score"}.get(mark)
    return (
        f'<span class="mark" role="img" aria-label="{words}" title="{words}">{mark}</span>'
        if words
        else ""
    )


def mean_strip(table_: TransferTable) -> str:
    """Return the arms with their mean score and a bar of their mean gain; "" without a mean."""
    row = table_.comparison
    if not row:
        return ""
    largest = max([0.01, *(abs(c.gain.mean) for c in row.cells if c.gain)])
    body = []
    for cell in (each for each in row.cells if each.score):
        gain = cell.gain.mean if cell.gain else 0.0
        half = 50 * abs(gain) / largest
        start = 50 if gain >= 0 else 50 - half
        bar = (
            f'<span class="track"><span class="bar {"up" if gain >= 0 else "down"}" '
            f'style="left:{start:.1f}%;width:{half:.1f}%"></span></span>'
        )
        score = percent_spread(cell.score) if cell.score else DASH
        words = points_spread(cell.gain) if cell.gain else "reference"
        body.append(
            Tr(
                cells=[
                    Td(html=name(cell.arm), head=True),
                    Td(html=score, css="num"),
                    Td(html=words + bar, css="wide"),
                ]
            )
        )
    head = [
        Td(html="arm"),
        Td(html="mean, %", css="num"),
        Td(html="gain over “none”, points", css="wide"),
    ]
    return table("means", f"Score of every arm ({escape(row.name)}).", head, body)


def english(run: RunRows) -> str:
    """Return English against the mean of the other languages, per target and arm."""
    found = english_and_rest(run)
    body = []
    for task in run.targets:
        if not any((arm, task) in found for arm in run.arms):
            continue
        cells = [Td(html=name(task), key=task, head=True)]
        for arm in run.arms:
            each = found.get((arm, task))
            cells.append(
                Td(
                    html=f"{percent(each.english.mean)} → <b>{percent(each.rest.mean)}</b>"
                    f"<small>{points(-each.lost.mean)}</small>",
                    key=each.lost.mean,
                    css="num",
                )
                if each
                else Td(html='<span class="missing">missing</span>', key=-1.0, css="num")
            )
        body.append(Tr(cells=cells))
    head = [Td(html="target"), *(Td(html=name(arm), css="num") for arm in run.arms)]
    caption = (
        "English → <b>mean of the other languages</b>, percent; below it the difference in points. "
        "Targets without English test rows are left out."
    )
    return table("english", caption, head, body) if body else ""


def dev(run: RunRows) -> str:
    """Return the English dev scores by which arms are chosen."""
    scores = dev_scores(run)
    body = [
        Tr(
            cells=[
                Td(html=name(task), key=task, head=True),
                *(
                    Td(html=percent(scores[arm, task]), key=scores[arm, task], css="num")
                    if (arm, task) in scores
                    else Td(html=DASH, key=-1.0, css="num")
                    for arm in run.arms
                ),
            ]
        )
        for task in run.targets
        if any((arm, task) in scores for arm in run.arms)
    ]
    head = [Td(html="target"), *(Td(html=name(arm), css="num") for arm in run.arms)]
    return table("dev", "Score on English dev, percent, mean over seeds.", head, body)


def group_names() -> str:
    """Return in words what the groups hold."""
    return "; ".join(f"{group}: {', '.join(tasks)}" for group, tasks in GROUPS.items())
