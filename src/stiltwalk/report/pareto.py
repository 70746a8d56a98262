"""Quality against latency and memory of the models that were compared in pairs."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from stiltwalk.measure.speed import Speed
from stiltwalk.report.chart_style import WIDE, Figure, drawing
from stiltwalk.report.series import Point
from stiltwalk.report.weighed import weighed


def pareto(comparisons: Sequence[Speed]) -> Figure | None:
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
        for each in weighed(comparisons)
    ]
    if not points:
        return None
    start = points[0]["task"]
    return Figure(
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
        tooltip=[
            alt.Tooltip("model:N"),
            alt.Tooltip("quality:Q", title="quality, %", format=".1f"),
            alt.Tooltip("p50:Q", title="p50, ms", format=".3~f"),
            alt.Tooltip("memory:Q", title="memory, MB", format=",.1f"),
            alt.Tooltip("front:N", title="on the front"),
        ],
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
