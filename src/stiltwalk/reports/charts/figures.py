"""The figures of reports. Percent and points, since only people read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import altair as alt

from stiltwalk.metrics.aggregate import mean
from stiltwalk.records import BASELINE_ARM, Phase
from stiltwalk.reports.charts.series import (
    Point,
    baseline_points,
    label,
    ordered_languages,
    speed_points,
)
from stiltwalk.reports.charts.style import ROW_HEIGHT, WIDE, Chart, arm_marks, arm_scale, drawing
from stiltwalk.reports.costs import efficiency, speed_per_language
from stiltwalk.reports.data import RunRows, TrainingCurve
from stiltwalk.timing.record import Speed

_TIPS: Mapping[str, dict[str, Any]] = {
    "arm:N": {},
    "name:N": {"title": "language"},
    "score:Q": {"title": "score, %", "format": ".1f"},
    "sd:Q": {"title": "sd over seeds", "format": ".1f"},
    "gain:Q": {"title": "gain, points", "format": "+.1f"},
    "tokens:Q": {"title": "sub-words per example", "format": ".1f"},
    "tokens_per_s:Q": {"title": "tokens per s", "format": ",.0f"},
    "ms_per_example:Q": {"title": "ms per example", "format": ".3s"},
    "padding:Q": {"title": "padding, %", "format": ".1f"},
    "task:N": {},
    "test:N": {"title": "test of the gain"},
    "num_examples:Q": {"title": "test rows", "format": ","},
    "missing:N": {"title": "missing because"},
    "model:N": {},
    "quality:Q": {"title": "quality, %", "format": ".1f"},
    "p50:Q": {"title": "p50, ms", "format": ".3~f"},
    "memory:Q": {"title": "memory, MB", "format": ",.1f"},
    "front:N": {"title": "on the front"},
}
"""What a mark tells that is pointed at."""


def _tips(fields: str) -> list[alt.Tooltip]:
    return [alt.Tooltip(each, **_TIPS[each]) for each in fields.split()]


def language_bars(run: RunRows, points: list[Point]) -> Chart:
    """Return bars per language for the first arm, with the other arms as marks on them."""
    points = [p for p in points if p["score"] is not None]
    x = alt.X("score:Q", title="score, %").scale(domain=[0, 100])
    order = alt.EncodingSortField(field="rank", op="max", order="descending")
    shared = alt.Chart().encode(
        y=alt.Y("name:N", title=None, sort=order),
        tooltip=_tips("arm:N name:N score:Q sd:Q"),
    )
    layers = [
        shared.properties(name="bars_first", data=alt.NamedData(name="points"))
        .transform_filter("datum.place === 0 && datum.task === task")
        .mark_bar(color="#8fa9bb", opacity=0.45)
        .encode(x=x),
        shared.properties(name="bars_baselines", data=alt.NamedData(name="baselines"))
        .transform_filter("datum.task === task")
        .mark_tick(color="#777777", thickness=2, size=11)
        .encode(x=x),
    ]
    if len(run.arms) > 1:  # a legend of nothing is drawn without end
        marks = arm_marks(shared.properties(name="bars_arms"), run.arms, run.arms[1:], x)
        marks = marks.properties(data=alt.NamedData(name="points"))
        layers.append(marks.transform_filter("datum.place > 0 && datum.task === task"))
    chart = alt.layer(*layers).add_params(alt.param(name="task", value=run.targets[0]))
    return Chart(
        name="language-bars",
        title="Score by language, all arms (%)",
        aid=f"The bar is “{run.arms[0]}”; a mark to the right of its end is an arm that is better "
        f"in that language. {'Grey ticks are baselines; l' if run.baselines else 'L'}anguages are "
        "sorted by the bar.",
        key="task",
        start=run.targets[0],
        spec=drawing(
            chart.properties(width=240, height=alt.Step(ROW_HEIGHT)),
            wide=WIDE,
            points=points,
            baselines=baseline_points(run),
        ),
    )


def gains(run: RunRows, points: list[Point]) -> Chart | None:
    """Return gains over "none" per language, one mark per arm: the bars' ends, magnified."""
    points = [p for p in points if p["gain"] is not None]
    if not points:
        return None
    order = alt.EncodingSortField(field="rank", op="max", order="descending")
    x = alt.X("gain:Q", title="gain over “none”, points", axis=alt.Axis(tickCount=6))
    chart = alt.Chart(name="gains").encode(
        y=alt.Y("name:N", title=None, sort=order, axis=alt.Axis(grid=True)),
        tooltip=_tips("arm:N name:N gain:Q"),
    )
    rule = alt.Chart(alt.NamedData(name="zero"), name="gains_zero").mark_rule(color="#888888")
    marks = arm_marks(chart, run.arms, [arm for arm in run.arms if arm != BASELINE_ARM], x)
    layers = alt.layer(
        rule.encode(x="gain:Q"),
        marks.properties(data=alt.NamedData(name="points")).transform_filter("datum.task === task"),
    ).add_params(alt.param(name="task", value=run.targets[0]))
    return Chart(
        name="language-gains",
        title="Gain by language, all arms (points)",
        aid="Right of the line is better than “none”. The languages are in the order of the bars.",
        key="task",
        start=run.targets[0],
        spec=drawing(
            layers.properties(width=240, height=alt.Step(ROW_HEIGHT)),
            wide=WIDE,
            points=points,
            zero=[{"gain": 0}],
        ),
    )


def lengths(run: RunRows, points: list[Point]) -> Chart | None:
    """Return gains against how many sub-words a language needs, one mark per arm and language."""
    tokens = {
        (each.arm, each.task, label(each.language)): round(each.tokens_per_example, 1)
        for each in speed_per_language(run)
    }
    points = [
        {**{key: p[key] for key in ("arm", "task", "name", "gain")}, "tokens": tokens[cell]}
        for p in points
        if p["gain"] is not None and (cell := (p["arm"], p["task"], p["name"])) in tokens
    ]
    if not points:
        return None
    chart = alt.Chart(alt.NamedData(name="points"), name="lengths").encode(
        y=alt.Y("gain:Q", title="gain over “none”, points"),
        tooltip=_tips("arm:N name:N gain:Q tokens:Q"),
    )
    x = alt.X("tokens:Q", title="sub-words per example").scale(zero=False)
    chart = arm_marks(chart, run.arms, [arm for arm in run.arms if arm != BASELINE_ARM], x)
    chart = chart.transform_filter("datum.task === task")
    chart = chart.add_params(alt.param(name="task", value=run.targets[0]))
    return Chart(
        name="language-lengths",
        title="Gain against sub-words per example",
        aid="Where a test set is parallel, languages further right are cut into more pieces for "
        "the same content. Marks that rise or fall to the right would tie the gain to that.",
        key="task",
        start=run.targets[0],
        spec=drawing(chart.properties(width=240, height=260), wide=WIDE, points=points),
    )


def speed_chart(run: RunRows, field: str) -> Chart | None:
    """Return what predicting each language took, one mark per arm."""
    points = speed_points(run)
    if not points:
        return None
    unit = {"tokens_per_s": "real tokens per second", "ms_per_example": "ms per example"}[field]
    x = alt.X(f"{field}:Q", title=unit).scale(zero=True, nice=True)
    chart = alt.Chart(alt.NamedData(name="points"), name=field).encode(
        y=alt.Y("name:N", title=None, sort=alt.SortField("name")),
        tooltip=_tips("arm:N name:N tokens_per_s:Q ms_per_example:Q padding:Q"),
    )
    chart = arm_marks(chart, run.arms, run.arms, x)
    chart = chart.transform_filter("datum.task === task")
    chart = chart.add_params(alt.param(name="task", value=points[0]["task"]))
    aids = {
        "tokens_per_s": "Further right is faster. Padding is not counted as work done.",
        "ms_per_example": "Further left is faster. A language that is cut into more sub-words has "
        "more to compute per example, so it can be slow here at the same tokens per second.",
    }
    return Chart(
        name=field.replace("_", "-"),
        title=f"Unpaired: {unit}, by language",
        aid=aids[field],
        key="task",
        start=points[0]["task"],
        spec=drawing(
            chart.properties(width=240, height=alt.Step(ROW_HEIGHT)), wide=WIDE, points=points
        ),
    )


LOSS_TO_GAIN = ("#b35806", "#f1a340", "#fee0b6", "#f7f7f7", "#c6dbef", "#6baed6", "#08519c")
CELL_WIDTH, WIDE_CELL = 27, 42
_SHOWN = {
    "score": "format(datum.score, '.0f')",
    "gain": "format(datum.gain, '.0f') + (datum.clear ? '*' : '')",
}


def score_map(run: RunRows, points: list[Point], arm: str) -> Chart:
    """Return the heat map of scores, task by language, of one arm at a time."""
    value = alt.Color("score:Q", title="score, %", legend=_bottom()).scale(
        scheme="viridis", domain=[0, 100]
    )
    text = alt.condition("datum.score < 62", alt.value("#ffffff"), alt.value("#111111"))
    return Chart(
        name="score-map",
        title="Score by task and language (%)",
        aid="Yellow is high, dark blue is low. A cross marks a missing score; a blank cell is a "
        "language that the task does not have. Questions show the mean of exact match and F1.",
        key="arm",
        start=arm,
        spec=drawing(
            _heat_map(run, arm, "score", value, text),
            wide={"step": WIDE_CELL},
            points=points,
        ),
    )


def gain_map(run: RunRows, points: list[Point], arm: str) -> Chart | None:
    """Return the heat map of gains over "none" of one arm at a time."""
    seen = [p["gain"] for p in points if p["gain"] is not None]
    if not seen:
        return None
    limit = max(5.0, *map(abs, seen))
    scale = alt.Scale(domain=[-limit, limit], range=list(LOSS_TO_GAIN), domainMid=0)
    value = alt.Color("gain:Q", title="gain, points", scale=scale, legend=_bottom())
    text = alt.condition(
        f"abs(datum.gain) > {0.75 * limit:.3f}", alt.value("#ffffff"), alt.value("#111111")
    )
    return Chart(
        name="gain-map",
        title="Gain over “none” by task and language (points)",
        aid="Blue cells gain from the intermediate task, orange cells lose; white is no change. "
        "An asterisk marks what a paired test confirms, corrected for all arms, targets and "
        "languages; other cells may be noise.",
        key="arm",
        start=arm,
        spec=drawing(
            _heat_map(run, arm, "gain", value, text), wide={"step": WIDE_CELL}, points=points
        ),
        not_for=BASELINE_ARM,
    )


def _heat_map(
    run: RunRows, arm: str, field: str, colour: alt.Color, text: Mapping[str, Any]
) -> alt.TopLevelMixin:
    """Return cells with their number inside, and crosses where a score is missing."""
    names = [label(code) for code in ordered_languages(run, run.targets)]
    top = alt.Axis(orient="top", labelAngle=-50, title=None, domain=False, ticks=False)
    side = alt.Axis(title=None, domain=False, ticks=False)
    cells = alt.Chart(name=f"{field}_cells").encode(
        x=alt.X("task:N", sort=None, axis=top).scale(domain=list(run.targets)),
        y=alt.Y("name:N", sort=None, axis=side).scale(domain=names),
        tooltip=_tips("arm:N task:N name:N score:Q gain:Q test:N num_examples:Q missing:N"),
    )
    there = cells.transform_filter(f"datum.{field} !== null")
    empty = cells.properties(name=f"{field}_empty").transform_filter("datum.missing !== null")
    layers = (
        there.mark_rect(stroke=None).encode(color=colour),
        there.properties(name=f"{field}_text")
        .mark_text(fontSize=10)
        .transform_calculate(shown=_SHOWN[field])
        .encode(text=alt.Text("shown:N"), color=dict(text)),
        empty.mark_text(text="\N{MULTIPLICATION SIGN}", fontSize=12, color="#888888"),
    )
    choice = alt.param(name="arm", value=arm)
    return (
        alt.layer(*layers, data=alt.NamedData(name="points"))
        .add_params(choice)
        .transform_filter("datum.arm === arm")
        .properties(width=alt.Step(CELL_WIDTH), height=alt.Step(ROW_HEIGHT))
    )


def _bottom() -> alt.Legend:
    """Return a legend below the cells, where it costs no width on a phone."""
    return alt.Legend(orient="bottom", gradientLength=180, gradientThickness=9)


def curve_name(curve: TrainingCurve) -> str:
    """Return what a figure of training is chosen by."""
    return f"{curve.task}, {curve.phase}"


def curve_names(run: RunRows) -> tuple[str, ...]:
    """Return the tasks and phases that were trained, the targets' first."""
    ordered = sorted(run.training_curves, key=lambda each: each.phase != Phase.TARGET)
    return tuple(dict.fromkeys(map(curve_name, ordered)))


def dev_curves(run: RunRows) -> Chart | None:
    """Return the scores of the evaluations on dev; None where no stage looked twice."""
    if all(len(each.evaluations) < 2 for each in run.training_curves):  # noqa: PLR2004 - a line needs two
        return None
    evaluations = _points(
        run, lambda curve: [(step, 100 * score) for step, score in curve.evaluations]
    )
    return _lines(
        run,
        evaluations,
        name="dev-curves",
        title="English dev while training (%)",
        aid="Each mark is a look at English dev, by which the weights that are kept were chosen.",
        unit="score on dev, %",
    )


def loss_curves(run: RunRows) -> Chart | None:
    """Return the training loss; None where nothing was trained."""
    losses = _points(run, lambda curve: curve.losses)
    if not losses:
        return None
    return _lines(
        run,
        losses,
        name="loss-curves",
        title="Loss while training (nats)",
        aid="A loss that falls and settles is a training that went well; arms that start lower "
        "brought something along.",
        unit="training loss, nats",
    )


def _points(
    run: RunRows, values: Callable[[TrainingCurve], Sequence[tuple[int, float]]]
) -> list[Point]:
    """Return the mean over seeds per arm, task and step."""
    found: dict[tuple[str, str, int], list[float]] = {}
    for curve in run.training_curves:
        for arm in curve.arms:
            for step, value in values(curve):
                found.setdefault((arm, curve_name(curve), step), []).append(value)
    return [
        {"arm": arm, "course": curve, "step": step, "value": round(mean(each), 3)}
        for (arm, curve, step), each in found.items()
    ]


def _lines(
    run: RunRows, points: list[Point], *, name: str, title: str, aid: str, unit: str
) -> Chart:
    start = curve_names(run)[0]
    shown = [arm for arm in run.arms if any(p["arm"] == arm for p in points)]
    chart = (
        alt.Chart(alt.NamedData(name="points"), name=name.replace("-", "_"))
        .transform_filter("datum.course === course")
        .mark_line(point=alt.OverlayMarkDef(size=14), strokeWidth=1.6)
        .encode(
            x=alt.X("step:Q", title="optimiser step"),
            y=alt.Y("value:Q", title=unit).scale(zero=False),
            color=alt.Color(
                "arm:N",
                scale=arm_scale(run.arms, shown),
                legend=alt.Legend(orient="top", title=None, columns=4),
            ),
            tooltip=[
                alt.Tooltip("arm:N"),
                alt.Tooltip("step:Q", title="optimiser step"),
                alt.Tooltip("value:Q", title=unit, format=".3~f"),
            ],
        )
        .add_params(alt.param(name="course", value=start))
        .properties(width=240, height=200)
    )
    return Chart(
        name=name,
        title=title,
        aid=aid,
        key="course",
        start=start,
        spec=drawing(chart, wide=WIDE, points=points),
    )


def pareto(comparisons: Sequence[Speed]) -> Chart | None:
    """Return the plot; None where no models were compared."""
    points: list[Point] = [
        {
            "task": each.task,
            "model": each.model,
            "quality": round(100 * each.system.quality, 2),
            "p50": round(1000 * each.system.latency, 4),
            "memory": round(each.system.memory / 1e6, 1),
            "front": "no other beats it" if each.is_on_front else "another beats it",
        }
        for each in efficiency(comparisons)
    ]
    if not points:
        return None
    start = points[0]["task"]
    return Chart(
        name="pareto",
        title="Quality against latency and memory",
        aid="Up and to the left is better; a larger mark needs more memory. A grey one is beaten: "
        "another is at least as good in all three and better in one, where EQUIVALENT is equal.",
        key="task",
        start=start,
        spec=drawing(_chart(start), wide=WIDE, points=points),
    )


def _chart(start: str) -> alt.TopLevelMixin:
    """Return the marks and names of one task's models, of `start` at first."""
    shown = alt.Chart(alt.NamedData(name="points"), name="pareto").encode(
        x=alt.X("p50:Q", title="p50 latency, ms").scale(zero=False, padding=20),
        y=alt.Y("quality:Q", title="quality, %").scale(zero=False, padding=20),
        tooltip=_tips("model:N quality:Q p50:Q memory:Q front:N"),
    )
    marks = shown.mark_point(filled=True, opacity=0.8).encode(
        size=alt.Size("memory:Q", legend=None, scale=alt.Scale(zero=True, rangeMax=160)),
        color=alt.Color(
            "front:N",
            title=None,
            legend=alt.Legend(orient="top"),
            scale=alt.Scale(
                domain=["no other beats it", "another beats it"], range=["#0072b2", "#999999"]
            ),
        ),
    )
    names = shown.properties(name="pareto_names").mark_text(dy=-13, fontSize=11)
    return (
        alt.layer(marks, names.encode(text="model:N", color=alt.value("#888888")))
        .transform_filter("datum.task === task")
        .add_params(alt.param(name="task", value=start))
        .properties(width=240, height=220)
    )
