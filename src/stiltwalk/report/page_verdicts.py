"""The page's verdicts about speed, from paired comparisons."""

from __future__ import annotations

from stiltwalk.measure.profiles import Figure
from stiltwalk.measure.speed import VOID, Cell, Speed
from stiltwalk.measure.verdicts import Judged, Verdict
from stiltwalk.metrics.efficiency import per_warning
from stiltwalk.report.markup import Td, Tr, escape, name, table
from stiltwalk.report.numbers import DASH, figures, language_name, percent
from stiltwalk.report.page_splits import splits
from stiltwalk.report.rows import RunRows
from stiltwalk.report.weighed import weighed

_BADGES = {
    Verdict.EQUIVALENT: "yes",
    Verdict.FASTER: "yes",
    Verdict.SLOWER: "no",
    Verdict.INCONCLUSIVE: "open",
}


def verdicts(run: RunRows) -> str:
    """Return every paired comparison with its controls; "" where there is none."""
    found = "".join(_comparison(place, each) for place, each in enumerate(run.comparisons))
    return f"<h2>Verdicts about speed</h2>{found}" if found else ""


def weighing(run: RunRows) -> str:
    """Return quality against cost of the models that were compared; "" where there is none."""
    rows = list(weighed(run))
    if not rows:
        return ""
    body = [
        Tr(
            cells=[
                Td(html=name(each.task), key=each.task, head=True),
                Td(html=name(each.model), key=each.model),
                _number(percent(each.system.quality), each.system.quality),
                _number(figures(1000 * each.system.latency), each.system.latency),
                _number(figures(each.system.throughput), each.system.throughput),
                _number(figures(each.system.memory / 1e6), each.system.memory),
                _number(f"{each.anchored:.3f}", each.anchored),
                _number(DASH if each.exact is None else f"{each.exact:.3f}", each.exact or -1.0),
                Td(html="yes" if each.is_on_front else "no", key=float(each.is_on_front)),
            ]
        )
        for each in rows
    ]
    heads = "p50, ms|requests/s|memory, MB|PER, first = 1|PER, exact"
    head = [
        Td(html="target"),
        Td(html="model"),
        Td(html="quality, %", css="num"),
        *(Td(html=each, css="num") for each in heads.split("|")),
        Td(html="on the front"),
    ]
    warning = per_warning(len({each.model for each in rows}))
    caption = (
        "PER: the geometric mean of quality, throughput, memory and latency, as ratios to the "
        "first model, and in its exact form. On the front: no other model equals or beats it in "
        f"quality, latency and memory. {warning}"
    )
    return table("weighed", caption, head, body)


def _comparison(place: int, speed: Speed) -> str:
    """Return one comparison: its answer first, then verdicts, estimates and controls."""
    answer = "".join(f"<li>{escape(each)}</li>" for each in speed.summary)
    void = '<p class="banner"><b>VOID: the instrument failed its own controls.</b></p>'
    found = "; ".join(
        f"{task}: {', '.join(each) or 'structurally identical'}"
        for task, each in speed.structure.items()
    )
    return (
        f"<h3>{escape(speed.question)}</h3>{void * bool(speed.void)}<ul>{answer}</ul>"
        f"{_verdicts(place, speed)}{splits(place, speed)}"
        f"<p>Structure: {escape(found)}.</p>"
        f"<details><summary>Every language, and the controls</summary>{_languages(place, speed)}"
        f"{_controls(place, speed)}<p>{escape(_design(speed))}</p></details>"
    )


def _verdicts(place: int, speed: Speed) -> str:
    body = [
        Tr(
            cells=[
                Td(html=name(f"{cell.task} {cell.language}".strip()), key=cell.task, head=True),
                Td(html=escape(_figure(cell)), key=_figure(cell)),
                _number(_value(cell, cell.a_s), cell.a_s),
                _number(_value(cell, cell.b_s), cell.b_s),
                *_ratio(cell.judged),
                _number(f"{100 * cell.judged.margin:g} %", cell.judged.margin),
                _number(str(cell.judged.num_blocks), float(cell.judged.num_blocks)),
                Td(html=_badge(cell.verdict), key=cell.verdict),
            ]
        )
        for cell in speed.cells
    ]
    heads = (speed.a, speed.b, "time ratio", "90 % interval", "margin", "blocks")
    head = [
        Td(html="target"),
        Td(html="figure"),
        *(Td(html=name(each), css="num") for each in heads),
        Td(html="verdict"),
    ]
    caption = "Paired on the same requests; a ratio above 1 is slower. MLPerf-style."
    return table(f"verdicts-{place}", caption, head, body)


def _languages(place: int, speed: Speed) -> str:
    body = [
        Tr(
            cells=[
                Td(html=name(each.task), key=each.task, head=True),
                Td(html=escape(language_name(each.language)), key=language_name(each.language)),
                Td(html=escape(each.scenario), key=each.scenario),
                _number(figures(1000 * each.a_s), each.a_s),
                _number(figures(1000 * each.b_s), each.b_s),
                _number(f"{each.ratio:.3f}", each.ratio),
                _number(f"{each.low:.3f} to {each.high:.3f}", each.low),
            ]
        )
        for each in speed.languages
    ]
    heads = (f"{speed.a}, ms", f"{speed.b}, ms", "time ratio", "90 % interval")
    head = [Td(html="target"), Td(html="language"), Td(html="scenario")]
    head += [Td(html=name(each), css="num") for each in heads]
    caption = "Median time per request: estimates, no verdicts."
    return table(f"speed-languages-{place}", caption, head, body) if body else ""


def _controls(place: int, speed: Speed) -> str:
    rows = [
        (control, what, judged)
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
                Td(html=escape(f"{control.scenario} {control.figure}"), key=control.scenario),
                *_ratio(judged),
                Td(html=_badge(judged.verdict), key=judged.verdict),
            ]
        )
        for control, what, judged in rows
    ]
    head = [Td(html="control"), Td(html="figure"), Td(html="time ratio", css="num")]
    head += [Td(html="90 % interval", css="num"), Td(html="verdict")]
    caption = "What the instrument said about differences that are known."
    return table(f"controls-{place}", caption, head, body)


def _design(speed: Speed) -> str:
    """Return what was fixed beforehand, in a sentence."""
    design = speed.design
    return (
        f"Profile {design.profile} on {design.device}, {design.num_threads} threads, "
        f"{design.precision}; {design.order}; at most {design.most_blocks} blocks. "
        f"{_energy(speed)}"
    )


def _energy(speed: Speed) -> str:
    """Return what the machine's counter said, both models and all scenarios together."""
    found = [each.conditions for each in speed.machine if each.conditions.energy_j is not None]
    if not found:
        return "Energy: no counter on this machine."
    energy_j = sum(each.energy_j or 0.0 for each in found)
    return f"Energy: {figures(energy_j)} J for both models ({found[0].energy_counter})."


def _figure(cell: Cell) -> str:
    what = "throughput" if cell.figure is Figure.TIME else cell.figure
    return f"{cell.scenario} {what}"


def _value(cell: Cell, time_s: float) -> str:
    if cell.figure is Figure.TIME:
        return f"{figures(1 / time_s)}/s"
    return f"{figures(1000 * time_s)} ms"


def _ratio(judged: Judged) -> list[Td]:
    interval = f"{judged.low:.3f} to {judged.high:.3f}"
    return [_number(f"{judged.ratio:.3f}", judged.ratio), _number(interval, judged.low)]


def _badge(verdict: str) -> str:
    css = "no" if verdict == VOID else _BADGES[Verdict(verdict)]
    return f'<span class="badge {css}">{escape(verdict)}</span>'


def _number(text: str, key: float) -> Td:
    return Td(html=escape(text), key=key, css="num")
