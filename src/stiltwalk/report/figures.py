"""The figures as Vega-Lite specifications. Percent and points, since only people read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import altair as alt

from stiltwalk.report.rows import RunRows
from stiltwalk.report.series import (
    Point,
    baseline_points,
    label,
    language_points,
    ordered_languages,
    speed_points,
)

ARM_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d1f")
"""Okabe and Ito's colours, which people with any colour vision can tell apart."""
SHAPES = ("circle", "diamond", "triangle-up", "square", "cross", "triangle-down", "triangle-right")
LOSS_TO_GAIN = ("#b35806", "#f1a340", "#fee0b6", "#f7f7f7", "#c6dbef", "#6baed6", "#08519c")
ROW_HEIGHT = 17
CELL_WIDTH = 27
SMALL_TEXT = {"labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal"}
FONT = "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'DejaVu Sans', sans-serif"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure: its specification, and the words that let a person read it.

    `name` is its id on the page and its file name. `key` is the parameter that a choice on the
    page sets ("arm" or "task").
    """

    name: str
    title: str
    aid: str
    key: str
    spec: Mapping[str, Any]


def all_figures(run: RunRows, arm: str) -> tuple[Figure, ...]:
    """Return the figures of a run, those that have something to show.

    Args:
        run: the rows.
        arm: the arm that the heat maps show at first.
    """
    makers: Sequence[Callable[[], Figure | None]] = (
        partial(_score_map, run, arm),
        partial(_gain_map, run, arm),
        partial(_bars, run),
        partial(_speed, run, "tokens_per_s"),
        partial(_speed, run, "ms_per_example"),
    )
    return tuple(figure for make in makers if (figure := make()))


def _score_map(run: RunRows, arm: str) -> Figure:
    """Return the heat map of scores, task by language, of one arm at a time."""
    value = alt.Color("score:Q", title="score, %", legend=_bottom()).scale(
        scheme="viridis", domain=[0, 100]
    )
    text = alt.condition("datum.score < 62", alt.value("#ffffff"), alt.value("#111111"))
    return Figure(
        name="score-map",
        title="Score by task and language (%)",
        aid="Yellow is high, dark blue is low. A cross marks a missing score; a blank cell is a "
        "language that the task does not have. Questions show the mean of exact match and F1.",
        key="arm",
        spec=_spec(_heat_map(run, arm, "score", value, text), points=language_points(run)),
    )


def _gain_map(run: RunRows, arm: str) -> Figure | None:
    """Return the heat map of gains over "none" of one arm at a time."""
    points = language_points(run)
    gains = [p["gain"] for p in points if p["gain"] is not None]
    if not gains:
        return None
    limit = max(5.0, *(abs(gain) for gain in gains))
    scale = alt.Scale(domain=[-limit, limit], range=list(LOSS_TO_GAIN), domainMid=0)
    value = alt.Color("gain:Q", title="gain, points", scale=scale, legend=_bottom())
    text = alt.condition(
        f"abs(datum.gain) > {0.75 * limit:.3f}", alt.value("#ffffff"), alt.value("#111111")
    )
    return Figure(
        name="gain-map",
        title="Gain over “none” by task and language (points)",
        aid="Blue cells gain from the intermediate task, orange cells lose; white is no change. "
        "One language has few test rows, so single cells are noisy: read rows and columns.",
        key="arm",
        spec=_spec(_heat_map(run, arm, "gain", value, text), points=points),
    )


def _heat_map(
    run: RunRows, arm: str, field: str, colour: alt.Color, text: Mapping[str, Any]
) -> alt.TopLevelMixin:
    """Return cells with their number inside, and crosses where a score is missing."""
    names = [label(code) for code in ordered_languages(run.targets)]
    top = alt.Axis(orient="top", labelAngle=-50, title=None, domain=False, ticks=False)
    side = alt.Axis(title=None, domain=False, ticks=False)
    cells = alt.Chart(name=f"{field}_cells").encode(
        x=alt.X("task:N", sort=list(run.targets), axis=top),
        y=alt.Y("name:N", sort=names, axis=side),
        tooltip=[
            alt.Tooltip("arm:N"),
            alt.Tooltip("task:N"),
            alt.Tooltip("name:N", title="language"),
            alt.Tooltip("score:Q", title="score, %", format=".1f"),
            alt.Tooltip("gain:Q", title="gain, points", format="+.1f"),
            alt.Tooltip("num_examples:Q", title="test rows", format=","),
            alt.Tooltip("missing:N", title="missing because"),
        ],
    )
    there = cells.transform_filter(f"datum.{field} !== null")
    empty = cells.properties(name=f"{field}_empty").transform_filter("datum.missing !== null")
    layers = (
        there.mark_rect(stroke=None).encode(color=colour),
        there.properties(name=f"{field}_text")
        .mark_text(fontSize=10)
        .encode(text=alt.Text(f"{field}:Q", format=".0f"), color=dict(text)),
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


def _bars(run: RunRows) -> Figure:
    """Return bars per language for the first arm, with the other arms as marks on them."""
    points = [p for p in language_points(run) if p["score"] is not None]
    x = alt.X("score:Q", title="score, %").scale(domain=[0, 100])
    order = alt.EncodingSortField(field="rank", op="max", order="descending")
    shared = alt.Chart().encode(
        y=alt.Y("name:N", title=None, sort=order),
        tooltip=[
            alt.Tooltip("arm:N"),
            alt.Tooltip("name:N", title="language"),
            alt.Tooltip("score:Q", title="score, %", format=".1f"),
            alt.Tooltip("sd:Q", title="sd over seeds", format=".1f"),
        ],
    )
    marks = _arm_marks(shared.properties(name="bars_arms"), run.arms, run.arms[1:], x)
    marks = marks.transform_filter("datum.place > 0")
    layers = [
        shared.properties(name="bars_first", data=alt.NamedData(name="points"))
        .transform_filter("datum.place === 0 && datum.task === task")
        .mark_bar(color="#9db4c4", opacity=0.55)
        .encode(x=x),
        shared.properties(name="bars_baselines", data=alt.NamedData(name="baselines"))
        .transform_filter("datum.task === task")
        .mark_tick(color="#777777", thickness=2, size=11)
        .encode(x=x),
        marks.properties(data=alt.NamedData(name="points")).transform_filter("datum.task === task"),
    ]
    chart = alt.layer(*layers).add_params(alt.param(name="task", value=run.targets[0]))
    return Figure(
        name="language-bars",
        title="Score by language, all arms (%)",
        aid=f"The bar is “{run.arms[0]}”; a mark to the right of its end is an arm that is better "
        "in that language. Grey ticks are baselines without training; languages are sorted by "
        "the bar.",
        key="task",
        spec=_spec(
            chart.properties(width=320, height=alt.Step(ROW_HEIGHT)),
            points=points,
            baselines=baseline_points(run),
        ),
    )


def _arm_marks(chart: alt.Chart, arms: Sequence[str], shown: Sequence[str], x: alt.X) -> alt.Chart:
    """Return one mark per shown arm and language; colour and shape both tell the arm."""
    places = [arms.index(arm) for arm in shown]
    legend = alt.Legend(orient="top", title=None, columns=4)
    colours = alt.Scale(
        domain=list(shown), range=[ARM_COLOURS[place % len(ARM_COLOURS)] for place in places]
    )
    shapes = alt.Scale(domain=list(shown), range=[SHAPES[place % len(SHAPES)] for place in places])
    marked: alt.Chart = chart.mark_point(filled=False, size=44, strokeWidth=1.8, opacity=1).encode(
        x=x,
        color=alt.Color("arm:N", scale=colours, legend=legend),
        shape=alt.Shape("arm:N", scale=shapes, legend=legend),
    )
    return marked


def _speed(run: RunRows, field: str) -> Figure | None:
    """Return what predicting each language took, one mark per arm."""
    points = speed_points(run)
    if not points:
        return None
    unit = {"tokens_per_s": "real tokens per second", "ms_per_example": "ms per example"}[field]
    x = alt.X(f"{field}:Q", title=unit).scale(zero=True, nice=True)
    chart = alt.Chart(alt.NamedData(name="points"), name=field).encode(
        y=alt.Y("name:N", title=None, sort=alt.SortField("name")),
        tooltip=[
            alt.Tooltip("arm:N"),
            alt.Tooltip("name:N", title="language"),
            alt.Tooltip("tokens_per_s:Q", title="tokens per s", format=",.0f"),
            alt.Tooltip("ms_per_example:Q", title="ms per example", format=".3s"),
            alt.Tooltip("padding:Q", title="padding, %", format=".1f"),
        ],
    )
    chart = _arm_marks(chart, run.arms, run.arms, x)
    chart = chart.transform_filter("datum.task === task")
    chart = chart.add_params(alt.param(name="task", value=points[0]["task"]))
    aids = {
        "tokens_per_s": "Further right is faster. Padding is not counted as work done.",
        "ms_per_example": "Further left is faster. A language that is cut into more sub-words has "
        "more to compute per example, so it can be slow here at the same tokens per second.",
    }
    return Figure(
        name=field.replace("_", "-"),
        title=f"Unpaired: {unit}, by language",
        aid=aids[field],
        key="task",
        spec=_spec(chart.properties(width=260, height=alt.Step(ROW_HEIGHT)), points=points),
    )


def _spec(chart: alt.TopLevelMixin, **datasets: list[Point]) -> Mapping[str, Any]:
    """Return the specification with the look that all figures share, and with its data.

    The data joins last: altair checks every value it holds against a schema, which takes longer
    than all the rest of a report.
    """
    grey = "#8888884d"
    config = {
        "font": FONT,
        "background": "transparent",
        "padding": 4,
        "view": {"stroke": None},
        "axis": SMALL_TEXT
        | {"gridColor": grey, "domainColor": grey, "tickColor": grey}
        | {"labelLimit": 130},
        "legend": SMALL_TEXT,
    }
    spec: dict[str, Any] = chart.to_dict()
    return {**spec, "config": config, "datasets": datasets}
