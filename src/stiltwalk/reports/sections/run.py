"""What was run: stages, versions, training curves and the recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stiltwalk.records import Phase
from stiltwalk.reports.charts import curve_names, training_charts
from stiltwalk.reports.data import RunRows, StageLine
from stiltwalk.reports.findings import Findings
from stiltwalk.reports.parts import (
    Code,
    Facts,
    Folded,
    Graphic,
    Section,
    SideBySide,
    Words,
    chosen_by,
)
from stiltwalk.reports.wording import count, duration
from stiltwalk.tables.html import escape
from stiltwalk.tables.table import PAGE, Cell, Table, heads


def what_was_run(found: Findings) -> Section:
    """Return where all figures come from."""
    run = found.run
    curves = tuple(training_charts(run))
    done = [each.time_s for each in run.stages if each.time_s is not None]
    number = count(len(done))
    if len(done) < len(run.stages):
        number += f" of {count(len(run.stages))}"
    return Section(
        name="run",
        link="What was run",
        title="What was run",
        parts=(
            Graphic("Stages by phase", stage_graph(run)),
            Words(
                "Reading aid: work flows from left to right; a box stands for the stages that do "
                "the same for other arms and seeds, a dashed one is not finished.",
                "aid",
                PAGE,
            ),
            Facts(tuple(run.provenance.items()), columns=True),
            Folded(
                "Training curves",
                (*chosen_by("curve", "Task", curve_names(run), curves), SideBySide(curves)),
            ),
            Folded(f"Stages: {number}, {duration(sum(done))} together", (stages(run),)),
            Folded("The recipe", (Code(run.recipe, "toml"),)),
        ),
        is_folded=True,
    )


def stages(run: RunRows) -> Table:
    """Return every stage with what it took."""
    total_s = sum(each.time_s or 0.0 for each in run.stages)
    tokens = sum(each.num_tokens for each in run.stages)
    together = ("together", duration(total_s), count(tokens), "")
    return Table(
        name="stages",
        title="Stages",
        note=f"{len(run.stages)} stages in the order in which they are carried out.",
        columns=heads("stage", "time", "real tokens", "fingerprint"),
        rows=tuple(
            (
                Cell(each.what),
                _time(each),
                Cell(count(each.num_tokens), each.num_tokens),
                Cell(each.fingerprint),
            )
            for each in run.stages
        ),
        foot=(heads(*together),),
        formats=("html", "markdown"),
    )


def _time(stage: StageLine) -> Cell:
    if stage.time_s is None:
        return Cell("not run", tone="missing")
    return Cell(duration(stage.time_s), stage.time_s)


_COLUMNS = {phase: phase for phase in Phase} | {Phase.PROMPT: Phase.TARGET}
"""Where the stages of a phase are drawn: a prompt is trained in place of a head."""
_BOX_WIDTH, _BOX_HEIGHT, _GAP, _COLUMN_WIDTH, _TOP = 168, 36, 9, 232, 30
_LONGEST = 22
"""Characters that a box has room for."""


@dataclass(frozen=True, kw_only=True)
class _Box:
    """Stages that do the same for other seeds or arms, and where they are drawn."""

    label: str
    stages: tuple[StageLine, ...]
    x: int
    y: int

    @property
    def detail(self) -> str:
        done = [each.time_s for each in self.stages if each.time_s is not None]
        number = count(len(self.stages))
        if len(done) < len(self.stages):
            number = f"{count(len(done))} of {number}"
        return f"{number} stage{'s' * (len(self.stages) != 1)}, {duration(sum(done))}"


def stage_graph(run: RunRows) -> str:
    """Return the stages of a run as SVG, parents to the left; "" where no class is known."""
    columns = [column for column in _columns(run.stages) if column[1]]
    if not columns:
        return ""
    boxes = [
        _Box(
            label=label, stages=stages, x=place * _COLUMN_WIDTH, y=_TOP + row * (_BOX_HEIGHT + _GAP)
        )
        for place, (_, groups) in enumerate(columns)
        for row, (label, stages) in enumerate(groups.items())
    ]
    width = (len(columns) - 1) * _COLUMN_WIDTH + _BOX_WIDTH + 2
    height = max(box.y for box in boxes) + _BOX_HEIGHT + 2
    heads = "".join(
        f'<text x="{place * _COLUMN_WIDTH}" y="14" font-weight="600">{escape(title)}</text>'
        for place, (title, _) in enumerate(columns)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-1 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" font-size="12" fill="currentColor" '
        'font-family="system-ui, sans-serif">'
        f"<title>{escape(f'{len(run.stages)} stages by phase')}</title>"
        f"{heads}{''.join(_edges(boxes))}{''.join(map(_drawn, boxes))}</svg>"
    )


def _columns(stages: Sequence[StageLine]) -> list[tuple[str, dict[str, tuple[StageLine, ...]]]]:
    columns: dict[str, dict[str, tuple[StageLine, ...]]] = {
        column: {} for column in _COLUMNS.values()
    }
    for each in stages:
        groups, label = columns[_COLUMNS[each.phase]], _label(each)
        groups[label] = (*groups.get(label, ()), each)
    return list(columns.items())


def _label(stage: StageLine) -> str:
    if stage.phase is Phase.INTERMEDIATE and stage.arms:
        return " = ".join(stage.arms)
    return " + ".join(stage.about) or stage.what.removeprefix("base encoder ")


def _edges(boxes: Sequence[_Box]) -> list[str]:
    box_of: Mapping[str, _Box] = {each.fingerprint: box for box in boxes for each in box.stages}
    pairs = {
        (id(box_of[parent]), id(box)): (box_of[parent], box)
        for box in boxes
        for stage in box.stages
        for parent in stage.parents
        if parent in box_of
    }
    return [_curve(start, end) for start, end in pairs.values()]


def _curve(start: _Box, end: _Box) -> str:
    x1, y1 = start.x + _BOX_WIDTH, start.y + _BOX_HEIGHT // 2
    x2, y2 = end.x, end.y + _BOX_HEIGHT // 2
    bend = min(40, (x2 - x1) // 2)
    return (
        f'<path d="M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}" fill="none" '
        'stroke="currentColor" stroke-opacity=".22"/>'
    )


def _drawn(box: _Box) -> str:
    label = box.label if len(box.label) <= _LONGEST else f"{box.label[: _LONGEST - 1]}…"
    is_done = all(each.time_s is not None for each in box.stages)
    dashes = "" if is_done else ' stroke-dasharray="4 3"'
    return (
        f"<g><title>{escape(f'{box.label}: {box.detail}')}</title>"
        f'<rect x="{box.x}" y="{box.y}" width="{_BOX_WIDTH}" height="{_BOX_HEIGHT}" rx="5" '
        f'fill="#f2f5f7" stroke="currentColor" stroke-opacity=".4"{dashes}/>'
        f'<text x="{box.x + 9}" y="{box.y + 15}">{escape(label)}</text>'
        f'<text x="{box.x + 9}" y="{box.y + 29}" font-size="10.5" opacity=".75">'
        f"{escape(box.detail)}</text></g>"
    )
