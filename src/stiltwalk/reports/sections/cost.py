"""What training took, verdicts about speed, and speed seen while predicting."""

from __future__ import annotations

from stiltwalk.reports.charts.figures import pareto, speed_chart
from stiltwalk.reports.costs import (
    ObservedSpeed,
    efficiency,
    speed_per_arm,
    speed_per_language,
    training_costs,
)
from stiltwalk.reports.data import RunRows
from stiltwalk.reports.findings import Findings
from stiltwalk.reports.parts import (
    Beside,
    Folded,
    Heading,
    Section,
    Words,
    charts_of,
    chosen_by,
)
from stiltwalk.reports.sections.verdicts import verdicts, weighing
from stiltwalk.reports.wording import DASH, count, duration, figures, language_name, percent
from stiltwalk.tables.table import PAGE, Cell, Table, heads

UNPAIRED = "Unpaired: observed while predicting, no verdict."
_RATES = heads("tokens/s", "ms per example", "padding, %", "tokens per example", "examples")


def cost(found: Findings) -> Section:
    """Return what arms cost to train and to use."""
    run, numbers = found.run, language_speed(found.run)
    fronts = charts_of(pareto(run.comparisons))
    compared = tuple(dict.fromkeys(each.task for each in efficiency(run.comparisons)))
    timed = [t for t in run.targets if any(each.row.task == t for each in run.timings)]
    speeds = charts_of(speed_chart(run, "tokens_per_s"), speed_chart(run, "ms_per_example"))
    return Section(
        name="cost",
        link="Cost",
        title="What training took",
        parts=(
            training(run),
            *verdicts(run.comparisons),
            *weighing(run.comparisons),
            *chosen_by("task", "Target", compared, fronts),
            Beside(fronts),
            Heading("Speed seen during prediction"),
            Words(
                f"{UNPAIRED} Arms ran one after another on a machine that may have been busy with "
                "other things. Arms that share architecture and inputs are expected to be equally "
                "fast; differences between them here are mostly noise.",
                "banner quiet",
            ),
            arm_speed(run),
            *chosen_by("task", "Target", timed, [*speeds, numbers.name]),
            Beside(speeds),
            Folded("The numbers: speed per target, language and arm", (numbers,)),
        ),
    )


def arm_speed(run: RunRows) -> Table:
    """Return the speed of every arm over everything it predicted."""
    return Table(
        name="arm-speed",
        title="Speed seen during prediction",
        note=f"All targets and languages together. {UNPAIRED}",
        columns=(Cell("arm"), *_RATES),
        rows=tuple((Cell(each.arm), *_rates(each)) for each in speed_per_arm(run)),
    )


def language_speed(run: RunRows) -> Table:
    """Return the speed per arm, target and language, to be filtered on the page."""
    return Table(
        name="language-speed",
        title="Speed by language",
        note=f"Per target, language and arm. {UNPAIRED}",
        columns=(*heads("target", "language", "arm"), *_RATES),
        rows=tuple(
            (
                *heads(each.task, f"{language_name(each.language)} ({each.language})", each.arm),
                *_rates(each),
            )
            for each in speed_per_language(run)
        ),
        filtered=("task", 0),
        formats=PAGE,
    )


def _rates(speed: ObservedSpeed) -> tuple[Cell, ...]:
    """Return the cells of one speed."""
    return (
        Cell(figures(speed.tokens_per_s), speed.tokens_per_s),
        Cell(figures(speed.ms_per_example), speed.ms_per_example),
        Cell(percent(speed.padding), speed.padding),
        Cell(figures(speed.tokens_per_example), speed.tokens_per_example),
        Cell(count(speed.num_examples), speed.num_examples),
    )


def training(run: RunRows) -> Table:
    """Return what training every arm took."""
    return Table(
        name="training",
        title="What training took",
        note="Intermediate and target phase, all seeds; a stage that arms share counts in each.",
        columns=heads("arm", "stages", "real tokens", "time", "time more than “none”"),
        rows=tuple(
            (
                Cell(each.arm),
                Cell(count(each.num_stages), each.num_stages),
                Cell(count(each.num_tokens), each.num_tokens),
                Cell(duration(each.time_s), each.time_s),
                Cell(DASH if each.more_s is None else duration(each.more_s), each.more_s),
            )
            for each in training_costs(run)
        ),
    )
