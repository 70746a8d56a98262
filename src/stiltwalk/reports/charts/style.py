"""What all figures share: their look, their marks for arms, and the words around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from stiltwalk.reports.charts.series import Point

ARM_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d1f")
"""Okabe and Ito's colours, which people with any colour vision can tell apart."""
SHAPES = ("circle", "diamond", "triangle-up", "square", "cross", "triangle-down", "triangle-right")
ROW_HEIGHT = 17
WIDE = 380
"""Widths that the page takes instead where two figures still fit side by side."""
SMALL_TEXT = {"labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal"}
FONT = "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'DejaVu Sans', sans-serif"


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
        background = {"background": "#ffffff"}
        title: dict[str, object] = {"text": self.title, "subtitle": f"{self.key}: {self.start}"}
        title |= {"anchor": "start", "fontSize": 13, "subtitleFontSize": 11}
        return {**self.spec, "title": title, "config": {**self.spec["config"], **background}}


def arm_scale(arms: Sequence[str], shown: Sequence[str]) -> alt.Scale:
    """Return each arm's own colour, the same in every figure."""
    places = [arms.index(arm) for arm in shown]
    return alt.Scale(
        domain=list(shown), range=[ARM_COLOURS[place % len(ARM_COLOURS)] for place in places]
    )


def arm_marks(chart: alt.Chart, arms: Sequence[str], shown: Sequence[str], x: alt.X) -> alt.Chart:
    """Return one mark per shown arm and language; colour and shape both tell the arm."""
    places = [arms.index(arm) for arm in shown]
    legend = alt.Legend(orient="top", title=None, columns=4)
    colours = arm_scale(arms, shown)
    shapes = alt.Scale(domain=list(shown), range=[_shape(place) for place in places])
    marked: alt.Chart = chart.mark_point(filled=False, size=44, strokeWidth=1.8, opacity=1).encode(
        x=x,
        color=alt.Color("arm:N", scale=colours, legend=legend),
        shape=alt.Shape("arm:N", scale=shapes, legend=legend),
    )
    return marked


def _shape(place: int) -> str:
    """Return an arm's shape; once the colours are used up they come back with other shapes."""
    return SHAPES[(place + place // len(ARM_COLOURS)) % len(SHAPES)]


def drawing(
    chart: alt.TopLevelMixin, wide: int | dict[str, int], **datasets: list[Point]
) -> Mapping[str, Any]:
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
    return {**spec, "config": config, "datasets": datasets, "usermeta": {"wide": wide}}
