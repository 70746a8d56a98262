"""What was run: stages, versions, training curves and the recipe."""

from __future__ import annotations

from stiltwalk.reports.charts.figures import curve_names, dev_curves, loss_curves
from stiltwalk.reports.charts.stage_graph import stage_graph
from stiltwalk.reports.data import RunRows, StageLine
from stiltwalk.reports.findings import Findings
from stiltwalk.reports.parts import (
    Beside,
    Code,
    Facts,
    Folded,
    Graphic,
    Section,
    Words,
    charts_of,
    chosen_by,
)
from stiltwalk.reports.wording import count, duration
from stiltwalk.tables.table import PAGE, Cell, Table, heads


def what_was_run(found: Findings) -> Section:
    """Return where all figures come from."""
    run = found.run
    curves = charts_of(dev_curves(run), loss_curves(run))
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
                (*chosen_by("course", "Task", curve_names(run), curves), Beside(curves)),
            ),
            Folded(f"Stages: {number}, {duration(sum(done))} together", (stages(run),)),
            Folded("The recipe", (Code(run.recipe, "toml"),)),
        ),
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
