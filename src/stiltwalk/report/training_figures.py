"""How training went: the looks at English dev, and the loss, averaged over seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import altair as alt

from stiltwalk.metrics.aggregate import mean
from stiltwalk.report.chart_style import WIDE, Figure, arm_scale, drawing
from stiltwalk.report.rows import Course, RunRows
from stiltwalk.report.series import Point

_PHASES = {"Intermediate": "intermediate phase", "FineTune": "target phase", "Prompt": "prompt"}


def course_name(course: Course) -> str:
    """Return what a figure of training is chosen by."""
    return f"{course.task}, {_PHASES.get(course.phase, course.phase)}"


def course_names(run: RunRows) -> tuple[str, ...]:
    """Return the tasks and phases that were trained, the targets' first."""
    ordered = sorted(run.courses, key=lambda each: each.phase != "FineTune")
    return tuple(dict.fromkeys(map(course_name, ordered)))


def dev_curves(run: RunRows) -> Figure | None:
    """Return the scores of the looks at dev; None where no stage looked twice."""
    if all(len(each.looks) < 2 for each in run.courses):  # noqa: PLR2004 - a line needs two
        return None
    looks = _points(run, lambda course: [(step, 100 * score) for step, score in course.looks])
    return _lines(
        run,
        looks,
        name="dev-curves",
        title="English dev while training (%)",
        aid="Each mark is a look at English dev, by which the weights that are kept were chosen.",
        unit="score on dev, %",
    )


def loss_curves(run: RunRows) -> Figure | None:
    """Return the training loss; None where nothing was trained."""
    losses = _points(run, lambda course: course.losses)
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


def _points(run: RunRows, values: Callable[[Course], Sequence[tuple[int, float]]]) -> list[Point]:
    """Return the mean over seeds per arm, task and step."""
    found: dict[tuple[str, str, int], list[float]] = {}
    for course in run.courses:
        for arm in course.arms:
            for step, value in values(course):
                found.setdefault((arm, course_name(course), step), []).append(value)
    return [
        {"arm": arm, "course": course, "step": step, "value": round(mean(each), 3)}
        for (arm, course, step), each in found.items()
    ]


def _lines(
    run: RunRows, points: list[Point], *, name: str, title: str, aid: str, unit: str
) -> Figure:
    start = course_names(run)[0]
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
    return Figure(
        name=name,
        title=title,
        aid=aid,
        key="course",
        start=start,
        spec=drawing(chart, wide=WIDE, points=points),
    )
