"""What stands behind verdicts about speed: languages, parts, controls, memory."""

from __future__ import annotations

from collections.abc import Mapping

from stiltwalk.reports.wording import (
    DASH,
    asked_figure,
    figures,
    interval,
    language_name,
    percent,
    plural,
)
from stiltwalk.tables.html import Td, Tr, escape, name, number, table
from stiltwalk.timing.attribution import LanguageAttribution, language_attribution
from stiltwalk.timing.record import VOID, LatencyBreakdown, LoadGenRun, Part, Speed
from stiltwalk.timing.tost import LEAST_BLOCKS, MEMORY_WORDS, Verdict

BADGES: Mapping[str, str] = {
    Verdict.EQUIVALENT: "yes",
    Verdict.FASTER: "yes",
    Verdict.SLOWER: "no",
    Verdict.INCONCLUSIVE: "open",
    VOID: "open",
}
_VERSIONS = ("stiltwalk", "torch", "transformers")
_PERCENTILES = ("p50", "p90", "p95", "p99")


def everything(place: int, speed: Speed) -> str:
    """Return all that stands behind a comparison's verdicts.

    Args:
        place: of the comparison among those of the page.
        speed: the comparison.
    """
    return (
        f"{languages(place, speed)}{costs(place, speed)}{loadgen(place, speed)}"
        f"{blocks(place, speed)}{controls(place, speed)}{machine(place, speed)}"
        f"<p>{escape(design(speed))}</p>"
    )


def badge(verdict: str) -> str:
    """Return a verdict as a badge; colour and word both tell it."""
    return f'<span class="badge {BADGES[verdict]}">{escape(verdict)}</span>'


def languages(place: int, speed: Speed) -> str:
    """Return what the median request of every language takes, and why; "" for nothing."""
    body = [_language(each) for each in language_attribution(speed)]
    heads = (
        *(f"{speed.a}, ms", f"{speed.b}, ms", "time ratio", "90 % interval"),
        *("ratio of operations", f"{speed.a}, tokens", f"{speed.b}, tokens"),
    )
    caption = (
        "Median time per request, by language: estimates, but for those with a verdict. Beside it "
        "what is counted, not timed: matrix products for the request of median length, and mean "
        f"tokens; {DASH} where they were not counted."
    )
    head = [*_head("target|language|scenario", heads), Td(html="verdict")]
    return table(f"speed-languages-{place}", caption, head, body) if body else ""


def _language(cause: LanguageAttribution) -> Tr:
    each = cause.time
    ours, theirs = cause.tokens or (None, None)
    return Tr(
        cells=[
            Td(html=name(each.task), key=each.task, head=True),
            Td(html=escape(language_name(each.language)), key=language_name(each.language)),
            Td(html=escape(each.scenario), key=each.scenario),
            number(figures(1000 * each.a_s), each.a_s),
            number(figures(1000 * each.b_s), each.b_s),
            number(f"{each.ratio:.3f}", each.ratio),
            number(interval(each.low, each.high), each.low),
            number(DASH if cause.work is None else f"{cause.work:.3f}", cause.work or -1.0),
            _known(ours, 1.0),
            _known(theirs, 1.0),
            Td(html=badge(cause.verdict) if cause.verdict else DASH, key=cause.verdict),
        ]
    )


def costs(place: int, speed: Speed) -> str:
    """Return where each model's time and memory go."""
    body = [
        Tr(
            cells=[
                Td(html=name(f"{each.task} {each.language}".strip()), key=each.task, head=True),
                Td(html=escape(each.scenario), key=each.scenario),
                Td(html=name(_model(speed, each.model)), key=each.model),
                number(figures(1000 * each.tokenise_s), each.tokenise_s),
                number(figures(1000 * each.forward_s), each.forward_s),
                number(figures(1000 * each.decode_s), each.decode_s),
                number(figures(each.real_tokens), each.real_tokens),
                number(figures(each.padded_tokens), each.padded_tokens),
                number(figures(each.weight_bytes / 1e6), float(each.weight_bytes)),
                number(
                    "unknown" if each.peak_bytes is None else figures(each.peak_bytes / 1e6),
                    float(each.peak_bytes or -1),
                ),
            ]
        )
        for each in speed.costs
    ]
    heads = "tokenise, ms|model, ms|decode, ms|tokens|with padding|weights, MB|peak beyond, MB"
    caption = "Where time and memory go, per request: means, no verdicts."
    head = _head("target|scenario|model", heads.split("|"))
    return table(f"costs-{place}", caption, head, body) if body else ""


def loadgen(place: int, speed: Speed) -> str:
    """Return what MLPerf's load generator says of each model alone; "" where it was not asked."""
    body = [
        Tr(
            cells=[
                Td(html=name(f"{each.task} {each.language}".strip()), key=each.task, head=True),
                Td(html=escape(_scenario(each)), key=each.scenario),
                Td(html=name(_model(speed, each.model)), key=each.model),
                number(str(each.num_queries), float(each.num_queries)),
                *(_percentile(each, wanted) for wanted in _PERCENTILES),
                number(figures(each.requests_per_s), each.requests_per_s),
            ]
        )
        for each in speed.loadgen
    ]
    caption = (
        "By MLPerf's load generator: absolute figures of each model, compared with nothing. A "
        "percentile is its early-stopping estimate, with 99 % confidence no smaller than the true "
        "one; “raw” is that of the queries that were asked. "
        f"{DASH}: too few of them for that percentile. {escape(speed.design.style)}."
    )
    head = _head(
        "target|scenario|model", ("queries", *(f"{p}, ms" for p in _PERCENTILES), "requests/s")
    )
    return table(f"loadgen-{place}", caption, head, body) if body else ""


def blocks(place: int, speed: Speed) -> str:
    """Return how many independent blocks stand behind every verdict; "" for no verdicts."""
    body = [
        Tr(
            cells=[
                Td(html=name(f"{cell.task} {cell.language}".strip()), key=cell.task, head=True),
                Td(html=escape(figure), key=figure),
                number(str(cell.judged.num_blocks), float(cell.judged.num_blocks)),
                number(f"{cell.judged.correlation:.2f}", cell.judged.correlation),
                number(f"{cell.judged.effective_blocks:.0f}", cell.judged.effective_blocks),
                number(interval(cell.judged.low_95, cell.judged.high_95), cell.judged.low_95),
            ]
        )
        for cell in speed.cells
        for figure in (asked_figure(cell.scenario, cell.figure),)
    ]
    caption = (
        "Consecutive blocks repeat one another: their lag-1 correlation, and how many independent "
        "blocks they are worth, which all intervals rest on; block means, and Student's t widened "
        f"by what correlation these have left. Worth fewer than {LEAST_BLOCKS}, a verdict is VOID. "
        "FASTER, SLOWER and “small but real” need a 95 % interval without 1, and Holm's correction."
    )
    heads = ("blocks", "correlation", "worth", "95 % interval")
    return table(f"blocks-{place}", caption, _head("target|figure", heads), body) if body else ""


def controls(place: int, speed: Speed) -> str:
    """Return what the instrument said about differences that are known."""
    rows = [
        (asked_figure(control.scenario, control.figure), what, judged)
        for control in speed.controls
        for what, judged in (
            ("the model against itself", control.found.aa),
            ("delayed by 5 %", control.found.delay_5),
            ("delayed by 2 %", control.found.delay_2),
        )
    ]
    body = [
        Tr(
            cells=[
                Td(html=escape(what), key=what, head=True),
                Td(html=escape(figure), key=figure),
                number(f"{judged.ratio:.3f}", judged.ratio),
                number(interval(judged.low, judged.high), judged.low),
                number(f"{judged.correlation:.2f}", judged.correlation),
                number(f"{judged.effective_blocks:.0f}", judged.effective_blocks),
                Td(html=badge(judged.verdict), key=judged.verdict),
            ]
        )
        for figure, what, judged in rows
    ]
    least = ", ".join(
        f"{percent(each.found.resolvable)} % in {asked_figure(each.scenario, each.figure)}"
        for each in speed.controls
    )
    caption = (
        "What the instrument said about differences that are known. The first must come out "
        "EQUIVALENT and the second SLOWER, or nothing counts; the third is only reported. "
        f"Equality could be shown here within {escape(least)}."
    )
    heads = ("time ratio", "90 % interval", "correlation", "blocks worth")
    head = [*_head("control|figure", heads), Td(html="verdict")]
    return table(f"controls-{place}", caption, head, body) if body else ""


def machine(place: int, speed: Speed) -> str:
    """Return what the machine was like meanwhile."""
    body = [
        Tr(
            cells=[
                Td(html=name(each.task), key=each.task, head=True),
                Td(html=escape(each.scenario), key=each.scenario),
                _known(each.conditions.load, 1.0),
                _known(each.conditions.elsewhere, 100.0),
                _known(each.conditions.stolen, 100.0),
                _known(each.conditions.clock_mhz, 1.0),
                _known(each.conditions.temperature_c, 1.0),
                _known(each.conditions.energy_j, 1.0),
            ]
        )
        for each in speed.machine
    ]
    heads = "load|taken by others, %|taken by the host, %|clock, MHz|heat, °C|energy, J"
    counters = {each.conditions.energy_counter for each in speed.machine}
    caption = (
        f"The machine meanwhile; {DASH} is what it does not tell. Energy is of both models "
        f"together, its counter: {escape(', '.join(sorted(counters)))}."
    )
    head = _head("measured|scenario", heads.split("|"))
    return table(f"machine-{place}", caption, head, body) if body else ""


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


def _head(words: str, numbers: tuple[str, ...] | list[str]) -> list[Td]:
    """Return the heads of columns of words, then of numbers."""
    left = [Td(html=each) for each in words.split("|")]
    return left + [Td(html=name(each), css="num") for each in numbers]


def _model(speed: Speed, which: str) -> str:
    return speed.a if which == "a" else speed.b


def _scenario(run: LoadGenRun) -> str:
    """Return a scenario, with the bound of its 99th percentile where it has one."""
    if run.bound_s is None:
        return run.scenario
    kept = "kept" if run.kept_bound else "missed"
    return f"{run.scenario}, p99 under {figures(1000 * run.bound_s)} ms {kept}"


def _percentile(run: LoadGenRun, wanted: str) -> Td:
    """Return the estimate, and the raw percentile as such; the median needs no estimate."""
    estimate, raw = run.estimates_s.get(wanted), run.percentiles_s.get(wanted)
    if raw is None or wanted == "p50":
        return _known(raw, 1000.0)
    shown = "" if estimate is None else f"{figures(1000 * estimate)} "
    html = f"{shown}<small>raw {figures(1000 * raw)}</small>"
    return Td(html=html, key=estimate or raw, css="num")


def _known(value: float | None, times: float) -> Td:
    """Return a figure in the unit that is `times` smaller, or that nobody knows it."""
    if value is None:
        return number(DASH, -1.0)
    return number(figures(times * value), value)


def footprint(place: int, speed: Speed) -> str:
    """Return the verdicts about memory, and tokens per language; "" where none were made.

    Args:
        place: of the comparison among those of the page.
        speed: the comparison.
    """
    return _memory(place, speed) + _texts(place, speed)


def _memory(place: int, speed: Speed) -> str:
    body = [
        Tr(
            cells=[
                Td(html=name(f"{each.task} {each.language}".strip()), key=each.task, head=True),
                Td(html=escape(each.scenario), key=each.scenario),
                _badge(each.judged.verdict),
                number(figures(each.a_bytes / 1e6), float(each.a_bytes)),
                number(figures(each.b_bytes / 1e6), float(each.b_bytes)),
                number(f"{each.judged.ratio:.3f}", each.judged.ratio),
                number(interval(each.judged.low, each.judged.high), each.judged.low),
                number(f"{100 * each.judged.margin:g} %", each.judged.margin),
            ]
        )
        for each in speed.memory
    ]
    heads = (f"{speed.a}, MB", f"{speed.b}, MB", "ratio", "90 % interval", "margin")
    head = [Td(html=each) for each in ("target", "scenario", "verdict")]
    head += [Td(html=name(each), css="num") for each in heads]
    caption = "What a model holds at most, weights and all; a ratio above 1 is more."
    return table(f"memory-{place}", caption, head, body) if body else ""


def _badge(verdict: Verdict) -> Td:
    word = MEMORY_WORDS[verdict]
    return Td(html=f'<span class="badge {BADGES[verdict]}">{escape(word)}</span>', key=word)


def _texts(place: int, speed: Speed) -> str:
    body = [
        Tr(
            cells=[
                Td(html=name(each.task), key=each.task, head=True),
                Td(html=escape(language_name(each.language)), key=language_name(each.language)),
                Td(html=name(speed.a if each.model == "a" else speed.b), key=each.model),
                number(figures(each.tokens_per_example), each.tokens_per_example),
                number(f"{each.subwords_per_character:.2f}", each.subwords_per_character),
                number(
                    DASH if each.subwords_per_word is None else f"{each.subwords_per_word:.2f}",
                    each.subwords_per_word or -1.0,
                ),
            ]
        )
        for each in speed.texts
    ]
    heads = ("tokens per example", "sub-words per character", "sub-words per word")
    head = [Td(html=each) for each in ("target", "language", "model")]
    head += [Td(html=each, css="num") for each in heads]
    caption = (
        "What a text of each language comes to, comparable where the test sets are parallel; "
        f"{DASH} where words are not set apart."
    )
    return table(f"texts-{place}", caption, head, body) if body else ""


_ALL = "all languages"


def splits(place: int, speed: Speed) -> str:
    """Return the split of one comparison, all languages first; "" where nothing was written."""
    if not speed.splits:
        return ""
    parts = "change of time|by prefill|by number of tokens|by time per token".split("|")
    heads = [
        "tokens in",
        *(f"{which}: {name(model)}" for which in _MEANS for model in (speed.a, speed.b)),
        *parts,
    ]
    head = [
        Td(html="target"),
        Td(html="language"),
        *(Td(html=each, css="num") for each in heads),
        Td(html=f"why {name(speed.b)} is"),
    ]
    caption = (
        "Where a change of written answers' time comes from. A ratio above 1 is slower; the three "
        "parts are Shapley values and multiply to the whole; below them 95 % intervals over "
        "requests, corrected for three parts, one request at a time."
    )
    return table(f"splits-{place}", caption, head, [_row(each) for each in speed.splits])


_MEANS = ("first token, ms", "tokens out", "ms per token")


def _row(split: LatencyBreakdown) -> Tr:
    language = language_name(split.language) if split.language else _ALL
    measured = zip(split.a, split.b, strict=True)
    scaled = zip((1000, 1, 1000), (0, 1, 0), measured, strict=True)
    means = [scale * value + more for scale, more, pair in scaled for value in pair]
    return Tr(
        cells=[
            Td(html=name(split.task), key=split.task, head=True),
            Td(html=escape(language), key="" if not split.language else language),
            number(figures(split.input_tokens), split.input_tokens),
            *(number(figures(each), each) for each in means),
            *map(_part, (split.whole, split.prefill, split.tokens, split.token_time)),
            Td(html=escape(split.says), key=split.says),
        ]
    )


def _part(part: Part) -> Td:
    html = f"{part.ratio:.3f}<small>{interval(part.low, part.high)}</small>"
    return Td(html=html, key=part.ratio, css="num")
