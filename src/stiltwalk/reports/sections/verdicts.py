"""Verdicts about speed, from paired comparisons, and quality against cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stiltwalk.metrics.efficiency import per_warning
from stiltwalk.reports.costs import efficiency, why_no_efficiency
from stiltwalk.reports.parts import Folded, Heading, Part, Points, Words
from stiltwalk.reports.sections import instrument
from stiltwalk.reports.sections.instrument import known
from stiltwalk.reports.wording import DASH, figures, interval, language_name, percent, plural
from stiltwalk.tables.table import PAGE, Cell, Table, heads
from stiltwalk.timing.combined import pairs_of, told_pairs
from stiltwalk.timing.record import VOID, LatencyBreakdown, PartRatio, Speed

_VERSIONS = ("stiltwalk", "torch", "transformers")


def verdicts(comparisons: Sequence[Speed]) -> Iterator[Part]:
    """Yield every paired comparison with its controls."""
    places = {id(each): place for place, each in enumerate(comparisons)}
    if comparisons:
        yield Heading("Verdicts about speed")
    for pairs in pairs_of(comparisons):
        yield Heading(pairs[0].question, 3)
        if len(pairs) == 1:
            yield from _comparison(places[id(pairs[0])], pairs[0])
            continue
        yield Points(tuple(told_pairs(pairs)))
        yield instrument.together(places[id(pairs[0])], pairs)
        for each in pairs:
            parts = tuple(_comparison(places[id(each)], each, alone=False))
            yield Folded(f"The pair of seed {each.design.seed}", parts)


def _comparison(place: int, speed: Speed, *, alone: bool = True) -> Iterator[Part]:
    """Yield one pair: its answer first, then verdicts, estimates and controls."""
    yield from banner(speed)
    yield Points(tuple(speed.summary))
    if alone:
        yield instrument.together(place, [speed])
    yield instrument.verdicts(place, speed)
    yield splits(place, speed)
    yield Words(structure(speed))
    behind: tuple[Part, ...] = (
        *behind_it(place, speed),
        *trust(place, speed),
        Words(design(speed)),
    )
    yield Folded("Memory, every language, where the time goes, and the controls", behind)


def behind_it(place: int, speed: Speed) -> tuple[Table, ...]:
    """Return where time and memory go."""
    return (
        instrument.memory(place, speed),
        instrument.texts(place, speed),
        instrument.languages(place, speed),
        instrument.uneven(place, speed),
        instrument.costs(place, speed),
        instrument.loadgen(place, speed),
    )


def trust(place: int, speed: Speed) -> tuple[Table, ...]:
    """Return whether the instrument can be trusted."""
    return (
        instrument.blocks(place, speed),
        instrument.controls(place, speed),
        instrument.machine(place, speed),
    )


def banner(speed: Speed) -> Iterator[Words]:
    """Yield what must be said before any verdict; nothing for an instrument that passed."""
    if not speed.void:
        return
    voided, in_all = sum(cell.verdict == VOID for cell in speed.cells), len(speed.cells)
    which = (
        f"{voided} of {in_all} verdicts do not count" if voided < in_all else "no verdict counts"
    )
    yield Words(f"VOID: the instrument failed its own controls, so {which}.", "banner")


def structure(speed: Speed) -> str:
    """Return what differs between the two models, task by task."""
    found = "; ".join(
        f"{task}: {', '.join(each) or 'structurally identical'}"
        for task, each in speed.structure.items()
    )
    return f"Structure: {found}."


def weighing(comparisons: Sequence[Speed]) -> Iterator[Part]:
    """Yield quality against cost of the models that were compared, or why it is missing."""
    rows = list(efficiency(comparisons))
    why = "" if rows else why_no_efficiency(comparisons)
    if why:
        yield Words(why, "missing")
    warning = per_warning(len({each.model for each in rows}))
    yield Table(
        name="weighed",
        title="Quality against cost",
        note="PER: the geometric mean of quality, throughput, memory and latency, as ratios to the "
        f"first model, and in its exact form ({DASH} where all tie in one of them). Costs are "
        "those of the first model times geometric means of paired ratios over languages and pairs: "
        "p50 in SingleStream, requests and memory in Offline. On the front: no other model scores "
        "as high or higher, is shown to be at least as good in latency and memory, and is better "
        "in one of the three; EQUIVALENT is equal, INCONCLUSIVE shows nothing, and scores are "
        f"compared as they are, noise and all. {warning}",
        columns=heads(
            *("target", "model", "quality, %", "p50, ms", "requests/s", "memory, MB"),
            *("PER, first = 1", "PER, exact", "on the front"),
        ),
        rows=tuple(
            (
                *heads(each.task, each.model),
                Cell(percent(each.system.quality), each.system.quality),
                known(each.system.latency, 1000),
                known(each.system.throughput),
                Cell(figures(each.system.memory / 1e6), each.system.memory),
                Cell(f"{each.anchored:.3f}", each.anchored),
                Cell(DASH if each.exact is None else f"{each.exact:.3f}", each.exact),
                Cell("yes" if each.is_on_front else "no"),
            )
            for each in rows
        ),
    )


def splits(place: int, speed: Speed) -> Table:
    """Return where the time of written answers goes, all languages first."""
    means = ("first token, ms", "tokens out", "ms per token")
    return Table(
        name=f"splits-{place}",
        title="Where a change of written answers' time comes from",
        note="Where a change of written answers' time comes from. A ratio above 1 is slower; the "
        "three parts are Shapley values and multiply to the whole; below them 95 % intervals over "
        "requests, corrected for three parts, one request at a time.",
        columns=heads(
            *("target", "language", "tokens in"),
            *(f"{which}: {model}" for which in means for model in (speed.a, speed.b)),
            *("change of time", "by prefill", "by number of tokens", "by time per token"),
            f"why {speed.b} is",
        ),
        rows=tuple(map(_split, speed.breakdowns)),
        formats=PAGE,
    )


def _split(split: LatencyBreakdown) -> tuple[Cell, ...]:
    measured = zip(split.a, split.b, strict=True)
    scaled = zip((1000, 1, 1000), (0, 1, 0), measured, strict=True)
    return (
        Cell(split.task),
        Cell(language_name(split.language) if split.language else "all languages"),
        known(split.input_tokens),
        *(known(scale * value + more) for scale, more, pair in scaled for value in pair),
        *map(_part, (split.whole, split.prefill, split.tokens, split.token_time)),
        Cell(split.says),
    )


def _part(part: PartRatio) -> Cell:
    return Cell(f"{part.ratio:.3f}", part.ratio, interval(part.low, part.high))


def design(speed: Speed) -> str:
    """Return what was fixed beforehand, what the verdicts hold for, and how often it was tried."""
    fixed = speed.design
    tried = f" Attempts at this measurement: {len(speed.attempts)}." * bool(speed.attempts)
    made_by = {f"{each} {speed.made_by[each]}" for each in _VERSIONS if each in speed.made_by}
    holds = (speed.made_by.get("processor", ""), *sorted(made_by))
    return (
        f"Profile {fixed.profile} on {fixed.device}, {plural(fixed.num_threads, 'thread')}, "
        f"{fixed.precision}; {fixed.order}; at most {fixed.most_blocks} blocks. Verdicts hold for "
        f"these conditions alone: {', '.join(filter(None, holds)) or 'unknown versions'}.{tried}"
    )
