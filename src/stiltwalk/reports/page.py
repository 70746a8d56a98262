"""The page of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stiltwalk.records import BASELINE_ARM
from stiltwalk.reports.charts.figures import curve_names
from stiltwalk.reports.charts.series import ordered_languages
from stiltwalk.reports.charts.stage_graph import stage_graph
from stiltwalk.reports.charts.style import Chart
from stiltwalk.reports.costs import efficiency
from stiltwalk.reports.data import RunRows
from stiltwalk.reports.findings import Findings
from stiltwalk.reports.frame import choice, framed, place
from stiltwalk.reports.sections import details, scores, verdicts
from stiltwalk.reports.wording import count, duration, notices, percent, plural
from stiltwalk.tables.html import escape


def page(found: Findings, figures: Sequence[Chart]) -> str:
    """Return the whole page.

    Args:
        found: what the rows say.
        figures: the figures of these rows.
    """
    parts = {
        **_words(found),
        **_scores(found),
        **_drawn(found, figures),
        **_details(found.run),
    }
    return framed("page.html", parts, figures)


def _words(found: Findings) -> Mapping[str, str]:
    """Return the parts that are sentences."""
    run, said = found.run, found.said
    chips = (
        plural(len(run.arms), "arm"),
        plural(len(run.targets), "target"),
        plural(len(ordered_languages(run, run.targets)), "language"),
        plural(found.table.num_seeds, "seed"),
    )
    points = "".join(f"<li>{escape(each)}</li>" for each in said.details)
    return {
        "title": escape(run.title),
        "banners": "".join(f'<p class="banner"><b>{escape(each)}</b></p>' for each in notices(run)),
        "chips": "".join(f"<li>{each}</li>" for each in chips),
        "answer": escape(said.answer),
        "details": f"<ul>{points}</ul>" if points else "",
        "caution": escape(said.caution),
        "noise": escape(said.caution),
        "groups": escape(scores.group_names()),
        "tally": escape(scores.tally(found.claims)),
    }


def _scores(found: Findings) -> Mapping[str, str]:
    """Return the tables of scores."""
    run, table = found.run, found.table
    return {
        "means": scores.mean_strip(table),
        "transfer": scores.matrix(run, table),
        "full_scale": percent(scores.full_scale(table)),
        "english": scores.english(run),
        "few_shot": scores.few_shot(run),
        "dev": scores.dev(run) + scores.guard(run),
        "claims": scores.claims(found.claims),
        "languages": scores.languages(found),
        "language_groups": scores.groups(run),
    }


def _drawn(found: Findings, figures: Sequence[Chart]) -> Mapping[str, str]:
    """Return the places of the figures, and the choices that drive them."""
    run = found.run
    parts = {
        "maps": [each for each in figures if each.name.endswith("-map")],
        "bars": [each for each in figures if each.name.startswith("language-")],
        "curves": [each for each in figures if each.name.endswith("-curves")],
        "pareto": [each for each in figures if each.name == "pareto"],
    }
    compared = tuple(dict.fromkeys(each.task for each in efficiency(run.comparisons)))
    placed = [each for part in parts.values() for each in part]
    parts["speed"] = [each for each in figures if each not in placed]
    timed = [t for t in run.targets if any(each.row.task == t for each in run.timings)]
    first = found.first_arm
    return {
        **{f"{part}_figures": "".join(map(_placed, drawn)) for part, drawn in parts.items()},
        "maps_choice": choice("arm", "Arm", run.arms, first, [*parts["maps"], "language-scores"]),
        "bars_choice": choice("task", "Target", run.targets, run.targets[0], parts["bars"]),
        "speed_choice": choice("task", "Target", timed, "", [*parts["speed"], "language-speed"]),
        "pareto_choice": choice("task", "Target", compared, "", parts["pareto"]),
        "curves_choice": choice("course", "Task", curve_names(run), "", parts["curves"]),
        "groups_choice": choice("grouping", "By", scores.grouping_names(), "", ["groups"]),
    }


def _placed(figure: Chart) -> str:
    return place(figure, BASELINE_ARM if figure.name == "gain-map" else "")


def _details(run: RunRows) -> Mapping[str, str]:
    """Return speed, training, stages, recipe and provenance."""
    done = [each.time_s for each in run.stages if each.time_s is not None]
    states = f"{count(len(done))} of {count(len(run.stages))}"
    return {
        "training": details.training(run),
        "verdicts": verdicts.verdicts(run.comparisons) + verdicts.weighing(run.comparisons),
        "graph": stage_graph(run),
        "arm_speed": details.arm_speed(run),
        "language_speed": details.language_speed(run),
        "stages": details.stages(run),
        "num_stages": count(len(done)) if len(done) == len(run.stages) else states,
        "total_time": escape(duration(sum(done))),
        "recipe": escape(run.recipe),
        "provenance": details.provenance(run),
    }
