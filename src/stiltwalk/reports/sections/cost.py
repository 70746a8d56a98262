"""Training cost, verdicts about speed from paired comparisons, and tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stiltwalk.metrics.efficiency import per_warning
from stiltwalk.reports.answers import kernels_of, summed, why_open
from stiltwalk.reports.charts import pareto
from stiltwalk.reports.costs import efficiency, tokens_per_arm, training_costs, why_no_efficiency
from stiltwalk.reports.data import RunRows
from stiltwalk.reports.findings import Findings
from stiltwalk.reports.parts import (
    Facts,
    Folded,
    Heading,
    Part,
    Points,
    Section,
    SideBySide,
    Words,
    charts_of,
    chosen_by,
)
from stiltwalk.reports.sections import instrument
from stiltwalk.reports.sections.instrument import known
from stiltwalk.reports.wording import (
    DASH,
    count,
    duration,
    figures,
    interval,
    language_name,
    percent,
    plural,
)
from stiltwalk.tables.table import PAGE, Cell, Table, heads
from stiltwalk.timing.combined import pairs_of, told_pairs
from stiltwalk.timing.record import VOID, LatencyBreakdown, PartRatio, Speed
from stiltwalk.wording import rounded


def cost(found: Findings) -> Section:
    """Return what arms cost to train and to use."""
    run = found.run
    return Section(
        name="cost",
        link="Cost",
        title="Speed and training in detail",
        parts=(*verdicts(run.comparisons), SideBySide((training(run), tokens(run)))),
        is_folded=True,
    )


def tokens(run: RunRows) -> Table:
    """Return how much text every arm was fed."""
    return Table(
        name="tokens",
        title="Tokens at prediction",
        note="All targets and languages together, counted: what an arm is fed depends on tokenizer "
        "and texts alone. Padding: share of tokens that only fill a batch.",
        columns=heads("arm", "tokens per example", "padding, %", "examples"),
        rows=tuple(
            (
                Cell(each.arm),
                Cell(figures(each.tokens_per_example), each.tokens_per_example),
                Cell(percent(each.padding), each.padding),
                Cell(count(each.num_examples), each.num_examples),
            )
            for each in tokens_per_arm(run)
        ),
    )


def training(run: RunRows) -> Table:
    """Return what training every arm took."""
    return Table(
        name="training",
        title="Training cost",
        note="Intermediate and target phase, all seeds; a stage that arms share counts for each.",
        columns=(
            *heads("arm", "stages", "real tokens", "time"),
            Cell("more time", below="than the baseline"),
        ),
        rows=tuple(
            (
                Cell(each.arm),
                Cell(count(each.num_stages), each.num_stages),
                Cell(count(each.num_tokens), each.num_tokens),
                Cell(duration(each.time_s), each.time_s),
                Cell(DASH if each.more_s is None else duration(each.more_s), each.more_s),
            )
            for each in training_costs(run)
        ),
    )


_VERSIONS = ("stiltwalk", "torch", "transformers")


def verdicts(comparisons: Sequence[Speed]) -> Iterator[Part]:
    """Yield every paired comparison with its A/A and delay tests."""
    places = {id(each): place for place, each in enumerate(comparisons)}
    if comparisons:
        yield Heading("Verdicts about speed")
    groups = pairs_of(comparisons)
    timed = [pairs for pairs in groups if any(each.cells or each.void for each in pairs)]
    for pairs in timed:
        yield Heading(pairs[0].question, 3)
        if len(pairs) == 1:
            yield from _comparison(places[id(pairs[0])], pairs[0])
            continue
        yield Points(tuple(told_pairs(pairs)))
        yield instrument.together(places[id(pairs[0])], pairs)
        for each in pairs:
            parts = tuple(_comparison(places[id(each)], each, alone=False))
            yield Folded(f"The pair of seed {each.design.seed}", parts)
    untimed = [pairs for pairs in groups if pairs not in timed]
    if untimed:
        yield by_structure(untimed)
    for each in (pairs[0] for pairs in untimed if any(pairs[0].structure.values())):
        yield Folded(f"Every difference in structure of {each.b}", (Facts(structure(each)),))


def by_structure(groups: Sequence[Sequence[Speed]]) -> Table:
    """Return a row for every two models that no clock compared."""
    return Table(
        name="by-structure",
        title="Compared by structure, not timed",
        note="Operations: those that both models run for a fixed batch, over the targets. Where "
        "nothing differs, both compute the same for the same input, whatever a clock says.",
        columns=heads(
            *("arm", "against", "targets", "operations", "differences", "why it was not timed"),
            "a verdict takes about",
        ),
        rows=tuple(_by_structure(pairs) for pairs in groups),
    )


def _by_structure(pairs: Sequence[Speed]) -> tuple[Cell, ...]:
    found = [differences for each in pairs for differences in each.structure.values()]
    takes = max((e.needs_s or 0.0 for each in pairs for e in each.not_timed), default=0.0)
    return (
        *heads(pairs[0].b, pairs[0].a, str(len(pairs[0].structure)), kernels_of(pairs) or DASH),
        Cell(
            "; ".join(dict.fromkeys(filter(None, map(summed, found))))
            or "no difference in structure"
        ),
        Cell(why_open(pairs) or DASH),
        Cell(duration(takes) if takes else DASH, takes),
    )


def _comparison(place: int, speed: Speed, *, alone: bool = True) -> Iterator[Part]:
    yield from banner(speed)
    yield Points(tuple(speed.summary))
    if alone:
        yield instrument.together(place, [speed])
    yield instrument.verdicts(place, speed)
    yield breakdown(place, speed)
    yield from structure_of(speed)
    tables = (*behind_it(place, speed), *trust(place, speed))
    summary = "Memory, languages, where the time goes, A/A and delay tests"
    yield Folded(summary, (*tables, Words(design(speed))))


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
    """Return whether the measurement can be trusted."""
    return (
        instrument.blocks(place, speed),
        instrument.known_delays(place, speed),
        instrument.machine(place, speed),
    )


def banner(speed: Speed) -> Iterator[Words]:
    """Yield what must be said before any verdict; nothing where all tests passed."""
    if not speed.void:
        return
    voided, in_all = sum(cell.verdict == VOID for cell in speed.cells), len(speed.cells)
    which = (
        f"{voided} of {in_all} verdicts do not count" if voided < in_all else "no verdict counts"
    )
    yield Words(f"VOID: the measurement failed its own tests, so {which}.", "banner")


def structure_of(speed: Speed) -> Iterator[Part]:
    """Yield what differs between the two models summed up, then every difference, folded."""
    together: dict[str, list[str]] = {}
    for task, found in speed.structure.items():
        together.setdefault(summed(found) or "no difference in structure", []).append(task)
    for said, tasks in together.items():
        yield Words(f"{speed.b} against {speed.a} on {', '.join(tasks)}: {said}.")
    if any(speed.structure.values()):
        yield Folded("Every difference in structure", (Facts(structure(speed)),))


def structure(speed: Speed) -> tuple[tuple[str, str], ...]:
    """Return target and what differs between the two models there."""
    return tuple(
        (task, "; ".join(each) or "structurally identical")
        for task, each in speed.structure.items()
    )


def efficiency_of(comparisons: Sequence[Speed]) -> Iterator[Part]:
    """Yield quality against cost of the models that were compared, or why it is missing."""
    rows = list(efficiency(comparisons))
    why = "" if rows else why_no_efficiency(comparisons)
    if why:
        yield Words(why, "missing")
    warning = per_warning(len({each.model for each in rows}))
    yield Table(
        name="efficiency",
        title="Quality against cost",
        note="PER, higher is better: the geometric mean of quality, throughput, memory and latency "
        f"as ratios to the first model, and in its exact form ({DASH} where all tie in one of "
        "them). Costs are "
        "those of the first model times geometric means of paired ratios over languages and pairs: "
        "p50 in SingleStream, requests and memory in Offline. On the Pareto front: no other model "
        "scores as high or higher, is shown to be at least as good in latency and memory, and is "
        "better in one of the three. EQUIVALENT counts as equal, INCONCLUSIVE shows nothing, and "
        f"scores are compared without regard to noise. {warning}",
        columns=heads(
            *("target", "model", "quality, %", "p50, ms", "requests/s", "memory, MB"),
            *("PER, first = 1", "PER, exact", "on the Pareto front"),
        ),
        rows=tuple(
            (
                *heads(each.task, each.model),
                Cell(percent(each.system.quality), each.system.quality),
                known(each.system.latency, 1000),
                known(each.system.throughput),
                Cell(figures(each.system.memory / 1e6), each.system.memory),
                Cell(rounded(each.anchored, 3), each.anchored),
                Cell(DASH if each.exact is None else rounded(each.exact, 3), each.exact),
                Cell("yes" if each.is_on_front else "no"),
            )
            for each in rows
        ),
    )
    fronts = charts_of(pareto(comparisons))
    yield from chosen_by("task", "Target", tuple(dict.fromkeys(e.task for e in rows)), fronts)
    yield SideBySide(fronts)


def breakdown(place: int, speed: Speed) -> Table:
    """Return where the time of written answers goes, all languages first."""
    means = ("first token, ms", "tokens out", "ms per token")
    return Table(
        name=f"latency-breakdown-{place}",
        title="Latency breakdown of written answers",
        note="Why the time of written answers differs, one request at a time. A ratio above 1 is "
        "slower; the three parts are Shapley values and multiply to the whole; below them 95 % "
        "intervals over requests, corrected for three parts.",
        columns=heads(
            *("target", "language", "tokens in"),
            *(f"{which}: {model}" for which in means for model in (speed.a, speed.b)),
            *("time ratio", "by prefill", "by number of tokens", "by time per token"),
            f"why {speed.b} is",
        ),
        rows=tuple(map(_latency_breakdown, speed.breakdowns)),
        formats=PAGE,
    )


def _latency_breakdown(found: LatencyBreakdown) -> tuple[Cell, ...]:
    measured = zip(found.a, found.b, strict=True)
    scaled = zip((1000, 1, 1000), (0, 1, 0), measured, strict=True)
    return (
        Cell(found.task),
        Cell(language_name(found.language) if found.language else "all languages"),
        known(found.input_tokens),
        *(known(scale * value + more) for scale, more, pair in scaled for value in pair),
        *map(_part, (found.whole, found.prefill, found.tokens, found.token_time)),
        Cell(found.says),
    )


def _part(part: PartRatio) -> Cell:
    return Cell(rounded(part.ratio, 3), part.ratio, interval(part.low, part.high))


def design(speed: Speed) -> str:
    """Return what was fixed beforehand, what the verdicts hold for, and how often it was tried."""
    fixed = speed.design
    tried = f" Attempts at this measurement: {len(speed.attempts)}." * bool(speed.attempts)
    made_by = {f"{each} {speed.made_by[each]}" for each in _VERSIONS if each in speed.made_by}
    holds = (speed.made_by.get("processor", ""), *sorted(made_by))
    return (
        f"Profile {fixed.profile} on {fixed.device}, {plural(fixed.num_threads, 'thread')}, "
        f"{fixed.precision}; {fixed.order}; at most {fixed.most_blocks} blocks. Verdicts hold for "
        f"these conditions only: {', '.join(filter(None, holds)) or 'unknown versions'}.{tried}"
    )
