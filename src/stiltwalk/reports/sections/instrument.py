"""Tables of one comparison of speed: verdicts, languages, costs, memory, A/A tests, the machine.

All take the comparison's place among those of the page, which makes their names differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from stiltwalk.reports.answers import TimedAnswer
from stiltwalk.reports.wording import (
    BETTER,
    DASH,
    as_read,
    asked_figure,
    figures,
    interval,
    language_name,
    percent,
    timed,
)
from stiltwalk.tables.table import PAGE, Cell, Range, Table, Tone, heads
from stiltwalk.timing.attribution import LanguageAttribution, language_attribution, uneven_costs
from stiltwalk.timing.combined import Combined, by_task, has_parts
from stiltwalk.timing.record import VOID, LoadGenRun, Speed, TimedCell
from stiltwalk.timing.sample_size import Figure
from stiltwalk.timing.tost import LEAST_BLOCKS, MEMORY_WORDS, Judged, Verdict
from stiltwalk.wording import rounded

WIDEST = 0.25
"""Bars of intervals that reach further from 1 end in an arrow and a number."""
_TONES: Mapping[str, Tone] = {
    Verdict.EQUIVALENT: "better",
    Verdict.FASTER: "better",
    Verdict.SLOWER: "worse",
    Verdict.INCONCLUSIVE: "open",
    VOID: "open",
}
_WORST_FIRST: tuple[Tone, ...] = ("worse", "open", "better")
_JUDGED = ("verdict", "ratio", "90 % interval", "margin")
_NOT_ALONE = "\N{DAGGER}"
_PERCENTILES = ("p50", "p90", "p95", "p99")
_PICTURE = (
    "In the picture the band is the margin within which times count as equal, and the bar the "
    "interval; where it is longer than the picture an arrow and the number tell how far it goes."
)


def verdicts(place: int, speed: Speed) -> Table:
    """Return every verdict with what it rests on, and a picture of its interval."""
    span = widest_of([cell.judged for cell in speed.cells])
    note = (
        f"Paired on the same requests; under each figure which way its ratio is good. {_PICTURE} "
        f"EQUIVALENT: the 90 % interval lies inside the margin. {speed.design.style}."
    )
    if any(_is_not_alone(cell) for cell in speed.cells):
        note += f" {_NOT_ALONE} counts towards “equal everywhere”, and may not be quoted alone."
    return Table(
        name=f"verdicts-{place}",
        title=f"Verdicts about speed, {_pair(speed)}",
        note=note,
        columns=heads("target", "figure", *_JUDGED, speed.a, speed.b, "blocks"),
        rows=tuple(_verdict(cell, span) for cell in speed.cells),
    )


def _verdict(cell: TimedCell, span: float) -> tuple[Cell, ...]:
    judged, wanted = cell.judged, cell.wanted_blocks
    return (
        Cell(_asked(cell.task, cell.language)),
        _figure(cell.scenario, cell.figure),
        _badge(cell.verdict, f" {_NOT_ALONE}" * _is_not_alone(cell)),
        *_judged(judged, cell.verdict, span, cell.figure),
        Cell(timed(cell.figure, cell.a_s), cell.a_s),
        Cell(timed(cell.figure, cell.b_s), cell.b_s),
        Cell(
            str(judged.num_blocks),
            judged.num_blocks,
            f"of {wanted} wanted" if wanted > judged.num_blocks else "",
        ),
    )


def together(place: int, pairs: Sequence[Speed]) -> Table:
    """Return the verdicts over languages and pairs; no rows where nothing is combined."""
    over = by_task(pairs) if has_parts(pairs) else ()
    span = widest_of(over)
    note = "Ratios are geometric means over the languages of a target"
    if len(pairs) > 1:
        note += (
            " and over pairs of checkpoints, one per seed, each timed in a process of its own. The "
            "interval is t over pairs, so that the verdict is about such arms, not "
            "these checkpoints; VOID verdicts of a pair are left out"
        )
    return Table(
        name=f"together-{place}",
        title=f"Verdicts over languages and pairs, {_pair(pairs[0], with_seed=False)}",
        note=f"{note}.",
        columns=heads(
            *("target", "figure", *_JUDGED, "sd between pairs"),
            "of pairs" if len(pairs) > 1 else "of languages",
        ),
        rows=tuple(
            (
                Cell(each.task),
                _figure(each.scenario, each.figure),
                _badge(each.verdict),
                *_judged(each, each.verdict, span, each.figure),
                Cell(
                    DASH if each.spread is None else f"{rounded(100 * each.spread, 2)} %",
                    each.spread,
                ),
                Cell(each.counts),
            )
            for each in over
        ),
    )


def languages(place: int, speed: Speed, least_change: float = 0.0) -> Table:
    """Return what the median request of every language takes, and why."""
    return Table(
        name=f"speed-languages-{place}",
        title="Median request by language",
        note="Median time per request by language: estimates, except where there is a verdict; a "
        "time ratio above 1 is slower. "
        "Operations and tokens are counted, not timed: matrix products for the request of median "
        f"length, and mean tokens; {DASH} where they were not counted.",
        columns=heads(
            *("target", "language", "scenario", f"{speed.a}, ms", f"{speed.b}, ms", "time ratio"),
            *("90 % interval", "ratio of operations", f"{speed.a}, tokens", f"{speed.b}, tokens"),
            "verdict",
        ),
        rows=tuple(
            _language(each)
            for each in language_attribution(speed)
            if not least_change or abs((each.work or 1.0) - 1) >= least_change
        ),
        formats=PAGE,
    )


def _language(cause: LanguageAttribution) -> tuple[Cell, ...]:
    each = cause.time
    ours, theirs = cause.tokens or (None, None)
    return (
        *heads(each.task, language_name(each.language), each.scenario),
        known(each.a_s, 1000),
        known(each.b_s, 1000),
        Cell(rounded(each.ratio, 3), each.ratio),
        Cell(interval(each.low, each.high), each.low),
        Cell(DASH if cause.work is None else rounded(cause.work, 3), cause.work),
        known(ours),
        known(theirs),
        _badge(cause.verdict) if cause.verdict else Cell(DASH),
    )


def costs(place: int, speed: Speed) -> Table:
    """Return where each model's time and memory go."""
    return Table(
        name=f"costs-{place}",
        title="Where time and memory go",
        note="Time and memory per request: means, no verdicts.",
        columns=heads(
            *("target", "scenario", "model", "tokenise, ms", "model, ms", "decode, ms", "tokens"),
            *("with padding", "weights, MB", "peak beyond weights, MB"),
        ),
        rows=tuple(
            (
                *heads(_asked(each.task, each.language), each.scenario, _model(speed, each.model)),
                *(known(part, 1000) for part in (each.tokenise_s, each.forward_s, each.decode_s)),
                known(each.real_tokens),
                known(each.padded_tokens),
                known(each.weight_bytes / 1e6),
                Cell("unknown") if each.peak_bytes is None else known(each.peak_bytes / 1e6),
            )
            for each in speed.costs
        ),
        formats=PAGE,
    )


def loadgen(place: int, speed: Speed) -> Table:
    """Return what MLPerf's load generator says of each model alone."""
    return Table(
        name=f"loadgen-{place}",
        title="MLPerf's load generator",
        note="Measured by MLPerf's load generator: absolute figures of each model, no comparison. "
        "A percentile is its early-stopping estimate, with 99 % confidence no smaller than the "
        f"true one; “raw” is that of the queries themselves. {DASH}: too few queries for that "
        "percentile. Runs whose medians contradict the paired verdict are not shown. "
        f"{speed.design.style}.",
        columns=heads(
            *("target", "scenario", "model", "queries"),
            *(f"{each}, ms" for each in _PERCENTILES),
            "requests/s",
        ),
        rows=tuple(
            (
                *heads(each.task, _scenario(each)),
                Cell(_model(speed, each.model)),
                Cell(str(each.num_queries), each.num_queries),
                *(_percentile(each, wanted) for wanted in _PERCENTILES),
                known(each.requests_per_s),
            )
            for each in speed.loadgen
            if not _is_contradicted(each, speed)
        ),
        formats=PAGE,
    )


def _is_contradicted(run: LoadGenRun, speed: Speed) -> bool:
    """Whether this run and that of the other model say otherwise than the paired measurement.

    They were taken one after the other, so that a busy minute of the machine looks like a model.
    """
    medians = {
        each.model: each.percentiles_s["p50"]
        for each in speed.loadgen
        if (each.task, each.scenario) == (run.task, run.scenario) and "p50" in each.percentiles_s
    }
    paired = [
        cell.judged
        for cell in speed.cells
        if (cell.task, cell.scenario, cell.figure) == (run.task, run.scenario, Figure.P50)
    ]
    if len(medians) < 2 or not paired:  # noqa: PLR2004 - of two models
        return False
    ratio = medians["b"] / medians["a"]
    room = 1 + max(each.margin for each in paired)
    low, high = min(each.low for each in paired), max(each.high for each in paired)
    return not low / room <= ratio <= high * room


def _scenario(run: LoadGenRun) -> str:
    if run.bound_s is None:
        return run.scenario
    kept = "kept" if run.kept_bound else "missed"
    return f"{run.scenario}, p99 under {figures(1000 * run.bound_s)} ms {kept}"


def _percentile(run: LoadGenRun, wanted: str) -> Cell:
    """Return the estimate, and the raw percentile as such; the median needs no estimate."""
    estimate, raw = run.estimates_s.get(wanted), run.percentiles_s.get(wanted)
    if raw is None or wanted == "p50":
        return known(raw, 1000)
    shown = "" if estimate is None else figures(1000 * estimate)
    return Cell(shown, estimate or raw, f"raw {figures(1000 * raw)}")


def blocks(place: int, speed: Speed) -> Table:
    """Return how many independent blocks stand behind every verdict."""
    return Table(
        name=f"blocks-{place}",
        title="Blocks behind the verdicts",
        note="Consecutive blocks are correlated: their lag-1 correlation, and the effective number "
        "of independent blocks, on which all intervals rest (Student's t over means of blocks, "
        "widened by the correlation left between these). With fewer than "
        f"{LEAST_BLOCKS} effective blocks a verdict is VOID. FASTER, SLOWER and “small but real” "
        "need a 95 % interval without 1, and Holm's correction.",
        columns=heads(
            *("target", "figure", "blocks", "lag-1 correlation", "effective blocks"),
            "95 % interval",
        ),
        rows=tuple(
            (
                Cell(_asked(cell.task, cell.language)),
                _figure(cell.scenario, cell.figure),
                Cell(str(cell.judged.num_blocks), cell.judged.num_blocks),
                *_worth(cell.judged),
                Cell(interval(*as_read(cell.figure, cell.judged.low_95, cell.judged.high_95))),
            )
            for cell in speed.cells
        ),
        formats=PAGE,
    )


def _worth(judged: Judged) -> tuple[Cell, Cell]:
    return (
        Cell(rounded(judged.correlation, 2), judged.correlation),
        Cell(rounded(judged.effective_blocks, 0), judged.effective_blocks),
    )


def known_delays(place: int, speed: Speed) -> Table:
    """Return what was measured of differences that are known."""
    least = ", ".join(
        f"{percent(each.resolvable)} % in {asked_figure(each.scenario, each.figure)}"
        for each in speed.instrument_tests
    )
    return Table(
        name=f"known-delays-{place}",
        title=f"A/A test and delay test, {_pair(speed)}",
        note="Differences that are known before they are measured. The A/A test must come out "
        "EQUIVALENT and the delay of 5 % SLOWER, or no verdict counts; the delay of 2 % is only "
        f"reported. Equality could be shown here within {least}.",
        columns=heads(
            *("test", "figure", "ratio", "90 % interval"),
            *("lag-1 correlation", "effective blocks", "verdict"),
        ),
        rows=tuple(
            (
                Cell(what),
                _figure(test.scenario, test.figure),
                *_ratio(judged, test.figure),
                *_worth(judged),
                _badge(judged.verdict),
            )
            for test in speed.instrument_tests
            for what, judged in (
                ("A/A: the model against itself", test.aa),
                ("delayed by 5 %", test.delay_5),
                ("delayed by 2 %", test.delay_2),
            )
        ),
    )


def machine(place: int, speed: Speed) -> Table:
    """Return the state of the machine during the measurement."""
    counters = {each.energy_counter for each in speed.machine_states}
    return Table(
        name=f"machine-{place}",
        title="The machine during the measurement",
        note=f"State of the machine; {DASH} is what it does not report. Energy is of both models "
        f"together, from this counter: {', '.join(sorted(counters))}.",
        columns=heads(
            *("measured", "scenario", "load", "CPU of other processes, %"),
            *("steal time, %", "clock, MHz", "temperature, °C", "energy, J"),
        ),
        rows=tuple(
            (
                *heads(each.task, each.scenario),
                known(each.load),
                known(each.elsewhere, 100),
                known(each.steal_time, 100),
                known(each.clock_mhz),
                known(each.temperature_c),
                known(each.energy_j),
            )
            for each in speed.machine_states
        ),
        formats=PAGE,
    )


def memory(place: int, speed: Speed) -> Table:
    """Return the verdicts about memory."""
    return Table(
        name=f"memory-{place}",
        title="Peak memory",
        note="Peak memory of a model, weights included; a ratio above 1 is more.",
        columns=heads(
            *("target", "scenario", "verdict", f"{speed.a}, MB", f"{speed.b}, MB", "ratio"),
            *("90 % interval", "margin"),
        ),
        rows=tuple(
            (
                *heads(_asked(each.task, each.language), each.scenario),
                Cell(
                    MEMORY_WORDS[each.judged.verdict],
                    tone=_TONES[each.judged.verdict],
                    is_badge=True,
                ),
                known(each.a_bytes / 1e6),
                known(each.b_bytes / 1e6),
                Cell(rounded(each.judged.ratio, 3), each.judged.ratio),
                Cell(interval(each.judged.low, each.judged.high), each.judged.low),
                Cell(f"{100 * each.judged.margin:g} %", each.judged.margin),
            )
            for each in speed.memory
        ),
        formats=PAGE,
    )


def texts(place: int, speed: Speed) -> Table:
    """Return into how many tokens each model cuts a text of each language."""

    def ratio(value: float | None) -> Cell:
        return Cell(DASH if value is None else rounded(value, 2), value)

    return Table(
        name=f"texts-{place}",
        title="Tokens per text",
        note="Into how many tokens texts of each language are split, comparable where the test "
        f"sets are parallel; {DASH} where the script does not separate words.",
        columns=heads(
            *("target", "language", "model", "tokens per example", "sub-words per character"),
            "sub-words per word",
        ),
        rows=tuple(
            (
                *heads(each.task, language_name(each.language), _model(speed, each.model)),
                known(each.tokens_per_example),
                ratio(each.subwords_per_character),
                ratio(each.subwords_per_word),
            )
            for each in speed.texts
        ),
        formats=PAGE,
    )


def uneven(place: int, speed: Speed) -> Table:
    """Return how unevenly languages pay for the same content."""
    return Table(
        name=f"uneven-{place}",
        title="Cost of the same content by language",
        note="The languages in which the same content costs least and most, where the test sets "
        "are parallel; Gini: 0 where it costs the same in all.",
        columns=heads("target", "cost", "model", "cheapest", "most expensive", "ratio", "Gini"),
        rows=tuple(
            (
                *heads(
                    each.task, each.cost, each.model, each.found.cheapest, each.found.most_expensive
                ),
                Cell(rounded(each.found.ratio, 2), each.found.ratio),
                Cell(rounded(each.found.gini, 3), each.found.gini),
            )
            for each in uneven_costs(speed)
        ),
        formats=PAGE,
    )


def _pair(speed: Speed, *, with_seed: bool = True) -> str:
    seed = f", seed {speed.design.seed}" if with_seed else ""
    return f"{speed.b} against {speed.a}{seed}"


def _asked(task: str, language: str) -> str:
    return f"{task} {language}".strip()


def _model(speed: Speed, which: str) -> str:
    return speed.a if which == "a" else speed.b


def _badge(verdict: str, mark: str = "") -> Cell:
    return Cell(f"{verdict}{mark}", tone=_TONES[verdict], is_badge=True)


def known(value: float | None, times: float = 1.0) -> Cell:
    """Return a figure in the unit that is `times` smaller, or that nobody knows it."""
    return Cell(DASH if value is None else figures(times * value), value)


def _figure(scenario: str, figure: Figure) -> Cell:
    return Cell(asked_figure(scenario, figure), below=BETTER[figure])


def _ratio(judged: Judged | Combined, figure: Figure) -> tuple[Cell, Cell]:
    low, ratio, high = as_read(figure, judged.low, judged.ratio, judged.high)
    return Cell(rounded(ratio, 3), ratio), Cell(interval(low, high), low)


def _judged(
    judged: Judged | Combined, verdict: str, span: float, figure: Figure
) -> tuple[Cell, Cell, Cell]:
    low, ratio, high = as_read(figure, judged.low, judged.ratio, judged.high)
    drawn = Range(low, ratio, high, judged.margin, span)
    shown, between = _ratio(judged, figure)
    margin = Cell(f"{100 * judged.margin:g} %", judged.margin)
    return replace(shown, tone=_TONES[verdict], drawn=drawn), between, margin


def _is_not_alone(cell: TimedCell) -> bool:
    return cell.verdict == Verdict.EQUIVALENT and not cell.judged.stands_alone


def widest_of(drawn: Iterable[Judged | Combined | TimedAnswer]) -> float:
    """Return how far from 1 the pictures of a table reach."""
    reached = [max(2 * each.margin, 1 - each.low, each.high - 1) for each in drawn]
    return min(WIDEST, max(reached, default=WIDEST))


def tone_of(verdicts: Sequence[str]) -> Tone:
    """Return the tone of several verdicts together: the worst counts."""
    tones = {_TONES[each] for each in verdicts}
    return next((tone for tone in _WORST_FIRST if tone in tones), "open")
