"""Every figure of a report. Percent and points, since only people read them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import altair as alt

from stiltwalk.records import BASELINE_ARM
from stiltwalk.report.chart_style import ROW_HEIGHT, WIDE, Figure, arm_marks, drawing
from stiltwalk.report.findings import Findings
from stiltwalk.report.heat_maps import gain_map, score_map
from stiltwalk.report.pareto import pareto
from stiltwalk.report.rows import RunRows
from stiltwalk.report.series import (
    Point,
    baseline_points,
    label,
    speed_points,
)
from stiltwalk.report.speed import speed_per_language
from stiltwalk.report.training_figures import dev_curves, loss_curves


def all_figures(found: Findings) -> tuple[Figure, ...]:
    """Return the figures of a run, those that have something to show."""
    run, arm = found.run, found.first_arm
    points = list(found.points)
    makers: Sequence[Callable[[], Figure | None]] = (
        partial(score_map, run, points, arm),
        partial(gain_map, run, points, arm),
        partial(language_bars, run, points),
        partial(_gains, run, points),
        partial(_lengths, run, points),
        partial(pareto, run.comparisons),
        partial(_speed, run, "tokens_per_s"),
        partial(_speed, run, "ms_per_example"),
        partial(dev_curves, run),
        partial(loss_curves, run),
    )
    return tuple(figure for make in makers if (figure := make()))


def language_bars(run: RunRows, points: list[Point]) -> Figure:
    """Return bars per language for the first arm, with the other arms as marks on them."""
    points = [p for p in points if p["score"] is not None]
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
    return Figure(
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


def _gains(run: RunRows, points: list[Point]) -> Figure | None:
    """Return gains over "none" per language, one mark per arm: the bars' ends, magnified."""
    points = [p for p in points if p["gain"] is not None]
    if not points:
        return None
    order = alt.EncodingSortField(field="rank", op="max", order="descending")
    x = alt.X("gain:Q", title="gain over “none”, points", axis=alt.Axis(tickCount=6))
    chart = alt.Chart(name="gains").encode(
        y=alt.Y("name:N", title=None, sort=order, axis=alt.Axis(grid=True)),
        tooltip=[
            alt.Tooltip("arm:N"),
            alt.Tooltip("name:N", title="language"),
            alt.Tooltip("gain:Q", title="gain, points", format="+.1f"),
        ],
    )
    rule = alt.Chart(alt.NamedData(name="zero"), name="gains_zero").mark_rule(color="#888888")
    marks = arm_marks(chart, run.arms, [arm for arm in run.arms if arm != BASELINE_ARM], x)
    layers = alt.layer(
        rule.encode(x="gain:Q"),
        marks.properties(data=alt.NamedData(name="points")).transform_filter("datum.task === task"),
    ).add_params(alt.param(name="task", value=run.targets[0]))
    return Figure(
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


def _lengths(run: RunRows, points: list[Point]) -> Figure | None:
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
        tooltip=[
            alt.Tooltip("arm:N"),
            alt.Tooltip("name:N", title="language"),
            alt.Tooltip("gain:Q", title="gain, points", format="+.1f"),
            alt.Tooltip("tokens:Q", title="sub-words per example", format=".1f"),
        ],
    )
    x = alt.X("tokens:Q", title="sub-words per example").scale(zero=False)
    chart = arm_marks(chart, run.arms, [arm for arm in run.arms if arm != BASELINE_ARM], x)
    chart = chart.transform_filter("datum.task === task")
    chart = chart.add_params(alt.param(name="task", value=run.targets[0]))
    return Figure(
        name="language-lengths",
        title="Gain against sub-words per example",
        aid="Where a test set is parallel, languages further right are cut into more pieces for "
        "the same content. Marks that rise or fall to the right would tie the gain to that.",
        key="task",
        start=run.targets[0],
        spec=drawing(chart.properties(width=240, height=260), wide=WIDE, points=points),
    )


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
    chart = arm_marks(chart, run.arms, run.arms, x)
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
        start=points[0]["task"],
        spec=drawing(
            chart.properties(width=240, height=alt.Step(ROW_HEIGHT)), wide=WIDE, points=points
        ),
    )
