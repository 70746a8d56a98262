"""The page's tables of scores."""

from __future__ import annotations

from stiltwalk.metrics.aggregate import mean
from stiltwalk.report.choice import GuardCost, dev_scores, guard_cost
from stiltwalk.report.english import english_and_rest
from stiltwalk.report.markup import Td, Tr, escape, name, table
from stiltwalk.report.numbers import (
    ABOUT_ZERO,
    DASH,
    percent,
    percent_spread,
    points,
    points_spread,
)
from stiltwalk.report.plain_tables import few_shot_table
from stiltwalk.report.rows import RunRows
from stiltwalk.report.tables import TransferTable
from stiltwalk.tasks import GROUPS


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
        way = "up" if gain >= 0 else "down"
        bar = (
            f'<span class="track"><span class="bar {way}{" noise" * cell.is_noise}" '
            f'style="left:{start:.1f}%;width:{half:.1f}%"></span></span>'
        )
        score = percent_spread(cell.score) if cell.score else DASH
        words = points_spread(cell.gain) if cell.gain else "reference"
        words = f"{ABOUT_ZERO} " * cell.is_noise + words + "*" * cell.is_clear
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


def few_shot(run: RunRows) -> str:
    """Return prompts and few examples side by side; "" where there are none."""
    made = few_shot_table(run)
    body = [
        Tr(
            cells=[
                Td(html=name(each), key=each, head=not place)
                if place < made.num_left
                else Td(html=escape(each), css="num")
                for place, each in enumerate(row)
            ]
        )
        for row in made.rows
    ]
    head = [
        Td(html=escape(each), css="num" if place >= made.num_left else "")
        for place, each in enumerate(made.head)
    ]
    return table(made.name, escape(made.note), head, body) if body else ""


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


def guard(run: RunRows) -> str:
    """Return what choosing on dev cost against choosing on test, which no result may do."""
    costs = guard_cost(run)
    body = [
        Tr(
            cells=[
                Td(html=name(each.task), key=each.task, head=True),
                Td(html=name(each.by_dev), key=each.by_dev),
                Td(html=percent(each.dev_choice), key=each.dev_choice, css="num"),
                Td(html=name(each.by_test), key=each.by_test),
                Td(html=percent(each.test_choice), key=each.test_choice, css="num"),
                Td(html=points(_price(each)), key=_price(each), css="num"),
            ]
        )
        for each in costs
    ]
    if not body:
        return ""
    heads = ("target", "chosen by dev", "its test score", "best by test", "its score", "price")
    head = [
        Td(html=text, css="num" if place in {2, 4, 5} else "") for place, text in enumerate(heads)
    ]
    caption = (
        "What the rule costs at most: the arm chosen on English dev against the one that a look at "
        f"the test scores would choose, {points(mean([_price(each) for each in costs]))} points on "
        "the mean; the best of several noisy scores is partly luck. No choice on this page looks "
        "at test scores."
    )
    return table("guard", caption, head, body)


def _price(cost: GuardCost) -> float:
    return cost.dev_choice - cost.test_choice


def group_names() -> str:
    """Return in words what the groups hold."""
    return "; ".join(f"{group}: {', '.join(tasks)}" for group, tasks in GROUPS.items())
