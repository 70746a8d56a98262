"""Heat maps of targets by languages, one arm at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt

from stiltwalk.report.chart_style import ROW_HEIGHT, Figure, drawing
from stiltwalk.report.rows import RunRows
from stiltwalk.report.series import Point, label, ordered_languages

LOSS_TO_GAIN = ("#b35806", "#f1a340", "#fee0b6", "#f7f7f7", "#c6dbef", "#6baed6", "#08519c")
CELL_WIDTH, WIDE_CELL = 27, 42
_SHOWN = {
    "score": "format(datum.score, '.0f')",
    "gain": "format(datum.gain, '.0f') + (datum.clear ? '*' : '')",
}


def score_map(run: RunRows, points: list[Point], arm: str) -> Figure:
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
        start=arm,
        spec=drawing(
            _heat_map(run, arm, "score", value, text),
            wide={"step": WIDE_CELL},
            points=points,
        ),
    )


def gain_map(run: RunRows, points: list[Point], arm: str) -> Figure | None:
    """Return the heat map of gains over "none" of one arm at a time."""
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
        "An asterisk marks what a paired test confirms, corrected for all arms, targets and "
        "languages; other cells may be noise.",
        key="arm",
        start=arm,
        spec=drawing(
            _heat_map(run, arm, "gain", value, text), wide={"step": WIDE_CELL}, points=points
        ),
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
        tooltip=[
            alt.Tooltip("arm:N"),
            alt.Tooltip("task:N"),
            alt.Tooltip("name:N", title="language"),
            alt.Tooltip("score:Q", title="score, %", format=".1f"),
            alt.Tooltip("gain:Q", title="gain, points", format="+.1f"),
            alt.Tooltip("test:N", title="test of the gain"),
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
