"""The figures of reports, in one look. Percent and points, since only people read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from stiltwalk.metrics.aggregate import mean
from stiltwalk.records import BASELINE_ARM, Phase, Split
from stiltwalk.reports.costs import efficiency, tokens_per_language
from stiltwalk.reports.data import RunRows, TrainingCurve
from stiltwalk.reports.scores import ScoreBook, spread
from stiltwalk.reports.wording import label, ordered_languages
from stiltwalk.timing.record import Speed

ARM_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d1f")
"""Okabe and Ito's colours, which people with any colour vision can tell apart."""
SHAPES = ("circle", "diamond", "triangle-up", "square", "cross", "triangle-down", "triangle-right")
LOSS_TO_GAIN = ("#b35806", "#f1a340", "#fee0b6", "#f7f7f7", "#c6dbef", "#6baed6", "#08519c")
IN_THE_DARK = {
    "#b35806": "#f0a45c", "#f1a340": "#b96a1e", "#fee0b6": "#55350f", "#f7f7f7": "#1d242b",
    "#c6dbef": "#173a55", "#6baed6": "#2f74ad", "#08519c": "#7cbcf0", "#111111": "#f2f4f6",
    "#ffffff": "#0d1115",
}  # fmt: skip
"""Colours of the map of gains on a dark page, where no change is dark and much change bright."""
GREY, LIGHT = "#888888", "#8888884d"
WIDTH, ROW_HEIGHT, CELL_WIDTH = 240, 17, 27
WIDE, WIDE_CELL = 380, 42
"""Widths that the page takes instead where two figures still fit side by side."""
_ROOM = 10
"""Pixels between the outermost mark and the edge of its figure."""
FONT = "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'DejaVu Sans', sans-serif"
_SMALL = {"labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal"}
_CONFIG = {
    "font": FONT,
    "background": "transparent",
    "padding": 4,
    "view": {"stroke": None},
    "axis": {**_SMALL, "gridColor": LIGHT, "domainColor": LIGHT, "tickColor": LIGHT}
    | {"labelLimit": 130},
    "legend": _SMALL,
}
_TIPS: Mapping[str, dict[str, Any]] = {
    "arm:N": {},
    "name:N": {"title": "language"},
    "score:Q": {"title": "score, %", "format": ".1f"},
    "sd:Q": {"title": "sd over seeds", "format": ".1f"},
    "gained:N": {"title": "gain, points"},
    "tokens:Q": {"title": "sub-words per example", "format": ".1f"},
    "task:N": {},
    "test:N": {"title": "test of the gain"},
    "num_examples:Q": {"title": "test rows", "format": ","},
    "missing:N": {"title": "missing because"},
    "model:N": {},
    "quality:Q": {"title": "quality, %", "format": ".1f"},
    "p50:Q": {"title": "p50, ms", "format": ".3~f"},
    "memory:Q": {"title": "memory, MB", "format": ",.1f"},
    "front:N": {"title": "Pareto front"},
    "step:Q": {"title": "optimiser step"},
}
"""What a mark shows on hover."""
_THIS_TASK = "datum.task === task"
Point = dict[str, Any]
"""A record of a figure's data: names, and numbers rounded to what can be seen."""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One figure: its specification, and the words that let a person read it.

    `name` is its id on the page and its file name. `key` is the parameter that a choice on the
    page sets ("arm" or "task"), `start` its value at first; the figure is hidden for `not_for`.
    """

    name: str
    title: str
    aid: str
    key: str
    start: str
    spec: Mapping[str, Any]
    not_for: str = ""

    def alone(self) -> dict[str, Any]:
        """Return the specification as a file of its own: with its title, on white."""
        title: dict[str, object] = {"text": self.title, "subtitle": f"{self.key}: {self.start}"}
        title |= {"anchor": "start", "fontSize": 13, "subtitleFontSize": 11}
        config = {**self.spec["config"], "background": "#ffffff"}
        return {**self.spec, "title": title, "config": config}


def in_percent(fraction: float | None) -> float | None:
    """Return percent to a hundredth, which no eye tells from the full figure."""
    return None if fraction is None else round(100 * fraction, 2)


def language_bars(run: RunRows, points: Sequence[Point]) -> Chart:
    """Return bars per language for the first arm, with the other arms as marks on them."""
    x = alt.X("score:Q", title="score, %").scale(domain=[0, 100])

    def layer(name: str, which: str, data: str = "points") -> alt.Chart:
        return (
            alt.Chart(alt.NamedData(data), name=name)
            .transform_filter(which)
            .encode(x=x, y=_languages(), tooltip=_tips("arm:N name:N score:Q sd:Q"))
        )

    layers = [
        layer("bars_first", f"datum.place === 0 && {_THIS_TASK}").mark_bar(
            color="#8fa9bb", opacity=0.45
        ),
        layer("bars_references", _THIS_TASK, "reference_points").mark_tick(
            color="#777777", thickness=2, size=11
        ),
    ]
    if len(run.arms) > 1:  # a legend of nothing is drawn without end
        others = layer("bars_arms", f"datum.place > 0 && {_THIS_TASK}")
        layers.append(_arm_marks(others, run.arms, run.arms[1:]))
    return Chart(
        name="language-bars",
        title="Score by language, all arms (%)",
        aid=f"The bar is “{run.arms[0]}”; a mark to the right of its end is an arm that is better "
        "in that language."
        + " Grey ticks are reference points." * bool(run.reference_points)
        + " Languages are sorted by the bar.",
        key="task",
        start=run.targets[0],
        spec=_spec(
            _for_task(alt.layer(*layers), run.targets[0], alt.Step(ROW_HEIGHT)),
            points=[p for p in points if p["score"] is not None],
            reference_points=_reference_points(run),
        ),
    )


def _reference_points(run: RunRows) -> list[Point]:
    book, first = ScoreBook(run.reference_points, Split.TEST), ScoreBook(run.rows, Split.TEST)
    return [
        {
            "arm": name,
            "task": task,
            "name": label(language),
            "score": in_percent(score.mean),
            "rank": in_percent(rank.mean),
        }
        for name in dict.fromkeys(each.arm for each in run.reference_points)
        for task in run.targets
        for language in ordered_languages(run, [task])
        if (score := spread(book.language_scores(name, task, language).values()))
        and (rank := spread(first.language_scores(run.arms[0], task, language).values()))
    ]


def gains(run: RunRows, points: Sequence[Point]) -> Chart | None:
    """Return gains over "none" per language, one mark per arm: the bars' ends, magnified."""
    points = [p for p in points if p["gain"] is not None]
    if not points:
        return None
    chart = _points("gains").encode(
        x=alt.X("gain:Q", title="gain over the baseline, points", axis=alt.Axis(tickCount=6)).scale(
            padding=_ROOM
        ),
        y=_languages(axis=alt.Axis(grid=True)),
        tooltip=_tips("arm:N name:N gained:N"),
    )
    rule = alt.Chart(alt.NamedData(name="zero"), name="gains_zero").mark_rule(color=GREY)
    layers = alt.layer(rule.encode(x="gain:Q"), _arm_marks(chart, run.arms, _compared(run)))
    return Chart(
        name="language-gains",
        title="Gain by language, all arms (points)",
        aid="Right of the line is better than the baseline. Languages are ordered as in the bars.",
        key="task",
        start=run.targets[0],
        spec=_spec(
            _for_task(layers, run.targets[0], alt.Step(ROW_HEIGHT)),
            points=points,
            zero=[{"gain": 0}],
        ),
    )


def lengths(run: RunRows, points: Sequence[Point]) -> Chart | None:
    """Return gains against how many sub-words a language needs, one mark per arm and language."""
    tokens = {
        (arm, task, label(language)): round(each.tokens_per_example, 1)
        for (arm, task, language), each in tokens_per_language(run).items()
    }
    points = [
        {
            **{key: p[key] for key in ("arm", "task", "name", "gain", "gained")},
            "tokens": tokens[cell],
        }
        for p in points
        if p["gain"] is not None and (cell := (p["arm"], p["task"], p["name"])) in tokens
    ]
    if not points:
        return None
    chart = _points("lengths").encode(
        x=alt.X("tokens:Q", title="sub-words per example").scale(zero=False, padding=_ROOM),
        y=alt.Y("gain:Q", title="gain over the baseline, points").scale(padding=_ROOM),
        tooltip=_tips("arm:N name:N gained:N tokens:Q"),
    )
    marks = _arm_marks(chart, run.arms, _compared(run))
    return Chart(
        name="language-lengths",
        title="Gain against sub-words per example",
        aid="Where a test set is parallel, the tokenizer splits the same content into more "
        "sub-words for languages further right. A trend in the marks would tie gains to that.",
        key="task",
        start=run.targets[0],
        spec=_spec(_for_task(marks, run.targets[0], 260), points=points),
    )


def score_map(run: RunRows, points: Sequence[Point], arm: str) -> Chart:
    """Return the heat map of scores, task by language, of one arm at a time."""
    scale = alt.Scale(scheme="viridis", domain=[0, 100])
    colour = alt.Color("score:Q", title="score, %", legend=_bottom(), scale=scale)
    return Chart(
        name="score-map",
        title="Score by task and language (%)",
        aid="Yellow is high, dark blue is low. A cross marks a missing score; a blank cell is a "
        "language that the task does not have. Questions show the mean of exact match and F1.",
        key="arm",
        start=arm,
        spec=_heat_map(run, points, arm, "score", colour, "datum.score < 62"),
    )


def gain_map(run: RunRows, points: Sequence[Point], arm: str) -> Chart | None:
    """Return the heat map of gains over "none" of one arm at a time."""
    seen = [p["gain"] for p in points if p["gain"] is not None]
    if not seen:
        return None
    limit = max(5.0, *map(abs, seen))
    scale = alt.Scale(
        domain=[-limit, limit], range=list(LOSS_TO_GAIN), domainMid=0, interpolate="rgb"
    )
    colour = alt.Color("gain:Q", title="gain, points", scale=scale, legend=_bottom())
    return Chart(
        name="gain-map",
        title="Gain over the baseline by task and language (points)",
        aid="Blue cells gain from the intermediate task, orange cells lose; the colour between is "
        "no change. "
        "An asterisk marks a gain that a paired test confirms, corrected for all arms, targets "
        "and languages; other cells may be noise.",
        key="arm",
        start=arm,
        spec=_heat_map(
            run, points, arm, "gain", colour, f"abs(datum.gain) > {round(0.75 * limit, 3)}"
        ),
        not_for=BASELINE_ARM,
    )


def _heat_map(
    run: RunRows, points: Sequence[Point], arm: str, field: str, colour: alt.Color, is_dark: str
) -> Mapping[str, Any]:
    shown = f"format(datum.{field}, '.0f')" + " + (datum.clear ? '*' : '')" * (field == "gain")
    names = [label(code) for code in ordered_languages(run, run.targets)]
    top = alt.Axis(orient="top", labelAngle=-50, title=None, domain=False, ticks=False)
    side = alt.Axis(title=None, domain=False, ticks=False)
    cells = alt.Chart(name=f"{field}_cells").encode(
        x=alt.X("task:N", sort=None, axis=top).scale(domain=list(run.targets)),
        y=alt.Y("name:N", sort=None, axis=side).scale(domain=names),
        tooltip=_tips("arm:N task:N name:N score:Q gained:N test:N num_examples:Q missing:N"),
    )
    there = cells.transform_filter(f"datum.{field} !== null")
    empty = cells.properties(name=f"{field}_empty").transform_filter("datum.missing !== null")
    text = alt.condition(is_dark, alt.value("#ffffff"), alt.value("#111111"))
    layers = (
        there.mark_rect(stroke=None).encode(color=colour),
        there.properties(name=f"{field}_text")
        .mark_text(fontSize=10)
        .transform_calculate(shown=shown)
        .encode(text=alt.Text("shown:N"), color=dict(text)),
        empty.mark_text(text="\N{MULTIPLICATION SIGN}", fontSize=12, color=GREY),
    )
    chart = (
        alt.layer(*layers, data=alt.NamedData(name="points"))
        .add_params(alt.param(name="arm", value=arm))
        .transform_filter("datum.arm === arm")
        .properties(width=alt.Step(CELL_WIDTH), height=alt.Step(ROW_HEIGHT))
    )
    dark = IN_THE_DARK if field == "gain" else None
    return _spec(chart, wide={"step": WIDE_CELL}, dark=dark, points=points)


def _bottom() -> alt.Legend:
    return alt.Legend(orient="bottom", gradientLength=180, gradientThickness=9)


def curve_names(run: RunRows) -> tuple[str, ...]:
    """Return the tasks and phases that were trained, the targets' first."""
    ordered = sorted(run.training_curves, key=lambda each: each.phase != Phase.TARGET)
    return tuple(dict.fromkeys(map(_curve_name, ordered)))


def _curve_name(curve: TrainingCurve) -> str:
    return f"{curve.task}, {curve.phase}"


def training_charts(run: RunRows) -> Iterator[Chart]:
    """Yield dev scores, where any stage was evaluated twice, and losses, where any was trained."""
    if any(len(each.evaluations) > 1 for each in run.training_curves):
        yield _history(
            run,
            _history_points(run, "evaluations", 100),
            name="dev-curves",
            title="English dev while training (%)",
            aid="Each mark is an evaluation on English dev; the checkpoint is chosen by them.",
            unit="score on dev, %",
        )
    losses = _history_points(run, "losses", 1)
    if losses:
        yield _history(
            run,
            losses,
            name="loss-curves",
            title="Loss while training (nats)",
            aid="A loss that falls and levels off is a training that went well; an arm that starts "
            "lower learned something useful before.",
            unit="training loss, nats",
        )


def _history_points(run: RunRows, field: str, scale: float) -> list[Point]:
    found: dict[tuple[str, str, int], list[float]] = {}
    for curve in run.training_curves:
        for arm in curve.arms:
            for step, value in getattr(curve, field):
                found.setdefault((arm, _curve_name(curve), step), []).append(scale * value)
    return [
        {"arm": arm, "curve": curve, "step": step, "value": round(mean(each), 3)}
        for (arm, curve, step), each in found.items()
    ]


def _history(
    run: RunRows, points: list[Point], *, name: str, title: str, aid: str, unit: str
) -> Chart:
    start = curve_names(run)[0]
    shown = [arm for arm in run.arms if any(p["arm"] == arm for p in points)]
    tips = [*_tips("arm:N step:Q"), alt.Tooltip("value:Q", title=unit, format=".3~f")]
    chart = (
        alt.Chart(alt.NamedData(name="points"), name=name.replace("-", "_"))
        .transform_filter("datum.curve === curve")
        .mark_line(point=alt.OverlayMarkDef(size=14), strokeWidth=1.6)
        .encode(
            x=alt.X("step:Q", title="optimiser step"),
            y=alt.Y("value:Q", title=unit).scale(zero=False),
            color=alt.Color("arm:N", scale=_colours(run.arms, shown), legend=_on_top()),
            tooltip=tips,
        )
        .add_params(alt.param(name="curve", value=start))
        .properties(width=WIDTH, height=200)
    )
    spec = _spec(chart, points=points)
    return Chart(name=name, title=title, aid=aid, key="curve", start=start, spec=spec)


def pareto(comparisons: Sequence[Speed]) -> Chart | None:
    """Return quality against latency and memory; None where no models were compared."""
    on_front, dominated = "not dominated", "dominated"
    points: list[Point] = [
        {
            "task": each.task,
            "model": each.model,
            "quality": round(100 * each.system.quality, 2),
            "p50": round(1000 * each.system.latency, 4),
            "memory": round(each.system.memory / 1e6, 1),
            "front": on_front if each.is_on_front else dominated,
        }
        for each in efficiency(comparisons)
    ]
    if not points:
        return None
    shown = _points("pareto").encode(
        x=alt.X("p50:Q", title="p50 latency, ms").scale(zero=False, padding=20),
        y=alt.Y("quality:Q", title="quality, %").scale(zero=False, padding=20),
        tooltip=_tips("model:N quality:Q p50:Q memory:Q front:N"),
    )
    colours = alt.Scale(domain=[on_front, dominated], range=["#0072b2", "#999999"])
    marks = shown.mark_point(filled=True, opacity=0.8).encode(
        size=alt.Size("memory:Q", legend=None, scale=alt.Scale(zero=True, rangeMax=160)),
        color=alt.Color("front:N", title=None, legend=alt.Legend(orient="top"), scale=colours),
    )
    names = shown.properties(name="pareto_names").mark_text(dy=-13, fontSize=11)
    layers = alt.layer(marks, names.encode(text="model:N", color=alt.value(GREY)))
    return Chart(
        name="pareto",
        title="Quality against latency and memory",
        aid="Up and to the left is better; a larger mark needs more memory. A grey model is "
        "dominated: another is at least as good in all three and better in one, where EQUIVALENT "
        "counts as equal.",
        key="task",
        start=points[0]["task"],
        spec=_spec(_for_task(layers, points[0]["task"], 220), points=points),
    )


def _tips(fields: str) -> list[alt.Tooltip]:
    return [alt.Tooltip(each, **_TIPS[each]) for each in fields.split()]


def _languages(**more: Any) -> alt.Y:  # noqa: ANN401 - whatever altair takes
    order = alt.EncodingSortField(field="rank", op="max", order="descending")
    return alt.Y("name:N", title=None, sort=order, **more)


def _points(name: str) -> alt.Chart:
    return alt.Chart(alt.NamedData(name="points"), name=name).transform_filter(_THIS_TASK)


def _for_task(chart: Any, start: str, height: int | alt.Step) -> Any:  # noqa: ANN401 - of marks or layers
    task = alt.param(name="task", value=start)
    return chart.add_params(task).properties(width=WIDTH, height=height)


def _compared(run: RunRows) -> list[str]:
    return [arm for arm in run.arms if arm != BASELINE_ARM]


def _on_top() -> alt.Legend:
    return alt.Legend(orient="top", title=None, columns=4)


def _colours(arms: Sequence[str], shown: Sequence[str]) -> alt.Scale:
    colours = [ARM_COLOURS[arms.index(arm) % len(ARM_COLOURS)] for arm in shown]
    return alt.Scale(domain=list(shown), range=colours)


def _arm_marks(chart: alt.Chart, arms: Sequence[str], shown: Sequence[str]) -> alt.Chart:
    shapes = alt.Scale(domain=list(shown), range=[_shape(arms.index(arm)) for arm in shown])
    legend = _on_top()
    marked: alt.Chart = chart.mark_point(filled=False, size=44, strokeWidth=1.8, opacity=1).encode(
        color=alt.Color("arm:N", scale=_colours(arms, shown), legend=legend),
        shape=alt.Shape("arm:N", scale=shapes, legend=legend),
    )
    return marked


def _shape(place: int) -> str:
    """Return an arm's shape; once the colours are used up they come back with other shapes."""
    return SHAPES[(place + place // len(ARM_COLOURS)) % len(SHAPES)]


def _spec(
    chart: alt.TopLevelMixin,
    wide: int | dict[str, int] = WIDE,
    dark: Mapping[str, str] | None = None,
    **datasets: Sequence[Point],
) -> Mapping[str, Any]:
    """Return the specification with the look that all figures share, and with its data.

    The data joins last: altair checks every value it holds against a schema, which takes longer
    than all the rest of a report.
    """
    spec: dict[str, Any] = chart.to_dict()
    usermeta = {"wide": wide, "dark": dark or {}}
    return {**spec, "config": _CONFIG, "datasets": datasets, "usermeta": usermeta}
