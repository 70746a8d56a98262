"""The page's verdicts about speed, from paired comparisons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stiltwalk.metrics.efficiency import per_warning
from stiltwalk.reports.costs import efficiency, why_no_efficiency
from stiltwalk.reports.sections import instrument
from stiltwalk.reports.sections.instrument import badge, footprint, splits
from stiltwalk.reports.wording import DASH, asked_figure, figures, interval, percent, timed
from stiltwalk.tables.html import Td, Tr, escape, name, number, table
from stiltwalk.timing.combined import Combined, by_task, has_parts, pairs_of, told_pairs
from stiltwalk.timing.record import VOID, Cell, Speed
from stiltwalk.timing.tost import Judged, Verdict

WIDEST = 0.25
"""Bars of intervals that reach further from 1 are cut off."""
_NOT_ALONE = "\N{DAGGER}"


def verdicts(comparisons: Sequence[Speed]) -> str:
    """Return every paired comparison with its controls; "" where there is none."""
    places = {id(each): place for place, each in enumerate(comparisons)}
    found = ""
    for pairs in pairs_of(comparisons):
        found += f"<h3>{escape(pairs[0].question)}</h3>"
        if len(pairs) == 1:
            found += _comparison(places[id(pairs[0])], pairs[0])
            continue
        found += f"{_list(told_pairs(pairs))}{together(places[id(pairs[0])], pairs)}"
        found += "".join(
            f"<details><summary>The pair of seed {each.design.seed}</summary>"
            f"{_comparison(places[id(each)], each)}</details>"
            for each in pairs
        )
    return f"<h2>Verdicts about speed</h2>{found}" if found else ""


def weighing(comparisons: Sequence[Speed]) -> str:
    """Return quality against cost of the models that were compared; "" where none were."""
    rows = list(efficiency(comparisons))
    if not rows:
        why = why_no_efficiency(comparisons)
        return f'<p class="missing">{escape(why)}</p>' if why else ""
    body = [
        Tr(
            cells=[
                Td(html=name(each.task), key=each.task, head=True),
                Td(html=name(each.model), key=each.model),
                number(percent(each.system.quality), each.system.quality),
                number(figures(1000 * each.system.latency), each.system.latency),
                number(figures(each.system.throughput), each.system.throughput),
                number(figures(each.system.memory / 1e6), each.system.memory),
                number(f"{each.anchored:.3f}", each.anchored),
                number(DASH if each.exact is None else f"{each.exact:.3f}", each.exact or -1.0),
                Td(html="yes" if each.is_on_front else "no", key=float(each.is_on_front)),
            ]
        )
        for each in rows
    ]
    heads = "quality, %|p50, ms|requests/s|memory, MB|PER, first = 1|PER, exact"
    head = [
        Td(html="target"),
        Td(html="model"),
        *(Td(html=each, css="num") for each in heads.split("|")),
        Td(html="on the front"),
    ]
    warning = per_warning(len({each.model for each in rows}))
    caption = (
        "PER: the geometric mean of quality, throughput, memory and latency, as ratios to the "
        f"first model, and in its exact form ({DASH} where all tie in one of them). Costs are "
        "those of the first model times geometric means of paired ratios over languages and pairs: "
        "p50 in SingleStream, requests and memory in Offline. On the front: no other model scores "
        "as high or higher, is shown to be at least as good in latency and memory, and is better "
        "in one of the three; EQUIVALENT is equal, INCONCLUSIVE shows nothing, and scores are "
        f"compared as they are, noise and all. {warning}"
    )
    return table("weighed", caption, head, body)


def _comparison(place: int, speed: Speed) -> str:
    """Return one pair: its answer first, then verdicts, estimates and controls."""
    return (
        f"{banner(speed)}{summary(speed)}{together(place, [speed])}"
        f"{verdict_table(place, speed)}{splits(place, speed)}"
        f"<p>{escape(structure(speed))}</p>"
        f"<details><summary>Memory, every language, where the time goes, and the controls</summary>"
        f"{footprint(place, speed)}{instrument.everything(place, speed)}</details>"
    )


def banner(speed: Speed) -> str:
    """Return what must be said before any verdict; "" for an instrument that passed."""
    if not speed.void:
        return ""
    voided, in_all = sum(cell.verdict == VOID for cell in speed.cells), len(speed.cells)
    which = (
        f"{voided} of {in_all} verdicts do not count" if voided < in_all else "no verdict counts"
    )
    return f'<p class="banner"><b>VOID: the instrument failed its own controls, so {which}.</b></p>'


def summary(speed: Speed) -> str:
    """Return what follows from the verdicts, a list of sentences."""
    return _list(speed.summary)


def _list(sentences: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(each)}</li>' for each in sentences)}</ul>"


def structure(speed: Speed) -> str:
    """Return what differs between the two models, task by task."""
    found = "; ".join(
        f"{task}: {', '.join(each) or 'structurally identical'}"
        for task, each in speed.structure.items()
    )
    return f"Structure: {found}."


def together(place: int, pairs: Sequence[Speed]) -> str:
    """Return the verdicts over languages and pairs; "" where nothing is combined.

    Args:
        place: of the first pair among the page's comparisons.
        pairs: of the same two arms, one per seed.
    """
    if not has_parts(pairs):
        return ""
    over = by_task(pairs)
    span = _span(over)
    heads = ("time ratio", "90 % interval", "margin", "between pairs, sd")
    head = [Td(html=each) for each in ("target", "figure", "verdict", "faster ← 1 → slower")]
    head += [Td(html=each, css="num") for each in heads]
    head += [Td(html="of pairs" if len(pairs) > 1 else "of languages")]
    caption = "Ratios are geometric means over the languages of a target"
    if len(pairs) > 1:
        caption += (
            " and over pairs of checkpoints, one per seed, each timed in a process of its own. The "
            "interval is t over pairs, so that the verdict is about such arms and not "
            "about these checkpoints; what is VOID in a pair takes no part"
        )
    body = [_together_row(each, span) for each in over]
    return table(f"together-{place}", f"{caption}.", head, body)


def _together_row(each: Combined, span: float) -> Tr:
    figure = asked_figure(each.scenario, each.figure)
    spread = DASH if each.spread is None else f"{100 * each.spread:.2f} %"
    return Tr(
        cells=[
            Td(html=name(each.task), key=each.task, head=True),
            Td(html=escape(figure), key=figure),
            Td(html=badge(each.verdict), key=each.verdict),
            Td(html=_picture(each, each.verdict, span), key=each.ratio),
            number(f"{each.ratio:.3f}", each.ratio),
            number(interval(each.low, each.high), each.low),
            number(f"{100 * each.margin:g} %", each.margin),
            number(spread, each.spread or 0.0),
            Td(html=escape(each.counts), key=each.counts),
        ]
    )


def verdict_table(place: int, speed: Speed) -> str:
    """Return every verdict with what it rests on, and a picture of its interval.

    Args:
        place: of the comparison among those of the page.
        speed: the comparison.
    """
    span = _span([cell.judged for cell in speed.cells])
    body = [_row(cell, span) for cell in speed.cells]
    heads = ("time ratio", "90 % interval", "margin", speed.a, speed.b, "blocks")
    head = [Td(html=each) for each in ("target", "figure", "verdict", "faster ← 1 → slower")]
    head += [Td(html=name(each), css="num") for each in heads]
    caption = (
        "Paired on the same requests; a ratio above 1 is slower. The picture: the band is the "
        "margin within which times count as equal, the bar the interval; a bar that reaches the "
        f"edge (±{100 * span:.0f} %) may go on beyond it. {escape(speed.design.style)}."
    )
    if any(_is_not_alone(cell) for cell in speed.cells):
        caption += f" {_NOT_ALONE} counts towards “equal everywhere”, and may not be quoted alone."
    return table(f"verdicts-{place}", caption, head, body)


def _row(cell: Cell, span: float) -> Tr:
    judged, figure = cell.judged, asked_figure(cell.scenario, cell.figure)
    wanted = f"<small>of {cell.wanted_blocks} wanted</small>"
    blocks = f"{judged.num_blocks}{wanted * (cell.wanted_blocks > judged.num_blocks)}"
    mark = f" {_NOT_ALONE}" * _is_not_alone(cell)
    return Tr(
        cells=[
            Td(html=name(f"{cell.task} {cell.language}".strip()), key=cell.task, head=True),
            Td(html=escape(figure), key=figure),
            Td(html=badge(cell.verdict) + mark, key=cell.verdict),
            Td(html=_picture(judged, cell.verdict, span), key=judged.ratio),
            number(f"{judged.ratio:.3f}", judged.ratio),
            number(interval(judged.low, judged.high), judged.low),
            number(f"{100 * judged.margin:g} %", judged.margin),
            number(timed(cell.figure, cell.a_s), cell.a_s),
            number(timed(cell.figure, cell.b_s), cell.b_s),
            Td(html=blocks, key=float(judged.num_blocks), css="num"),
        ]
    )


def _is_not_alone(cell: Cell) -> bool:
    return cell.verdict == Verdict.EQUIVALENT and not cell.judged.stands_alone


def _span(drawn: Sequence[Judged | Combined]) -> float:
    """Return how far from 1 the pictures of a table reach."""
    reached = [max(2 * each.margin, 1 - each.low, each.high - 1) for each in drawn]
    return min(WIDEST, max(reached, default=WIDEST))


def _picture(judged: Judged | Combined, verdict: str, span: float) -> str:
    """Return an interval beside its margin; its numbers stand in the cells before."""

    def at(ratio: float) -> str:
        return f"{60 + 58 * max(-1.0, min(1.0, (ratio - 1) / span)):.1f}"

    low, high = 1 / (1 + judged.margin), 1 + judged.margin
    width = float(at(high)) - float(at(low))
    return (
        f'<svg class="range {instrument.BADGES[verdict]}" width="120" height="16" '
        'aria-hidden="true">'
        f'<rect class="band" x="{at(low)}" width="{width:.1f}" height="16"/>'
        '<path class="one" d="M60 0V16"/>'
        f'<path class="bar" d="M{at(judged.low)} 8H{at(judged.high)}"/>'
        f'<circle cx="{at(judged.ratio)}" cy="8" r="3.5"/></svg>'
    )
