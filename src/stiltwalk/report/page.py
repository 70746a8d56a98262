"""The HTML page: one file that needs nothing else and asks the network for nothing."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from string import Template

import vl_convert

from stiltwalk.records import BASELINE_ARM
from stiltwalk.report import (
    page_claims,
    page_details,
    page_languages,
    page_matrix,
    page_tables,
    page_verdicts,
)
from stiltwalk.report.chart_style import Figure
from stiltwalk.report.findings import Findings
from stiltwalk.report.markup import escape, json_block, select
from stiltwalk.report.notices import notices
from stiltwalk.report.numbers import count, duration, percent
from stiltwalk.report.rows import RunRows
from stiltwalk.report.series import ordered_languages
from stiltwalk.report.stage_graph import stage_graph
from stiltwalk.report.training_figures import course_names
from stiltwalk.report.weighed import weighed


def page(found: Findings, figures: Sequence[Figure]) -> str:
    """Return the whole page.

    Args:
        found: what the rows say.
        figures: the figures of these rows.
    """
    script = _text("page_script.html").strip().removeprefix("<script>").removesuffix("</script>")
    scripts = (_vega(), script)
    parts = {
        "policy": _policy(scripts),
        "style": _text("page_style.html"),
        "scripts": "\n".join(f"<script>{each}</script>" for each in scripts),
        "data": "\n".join(json_block(f"spec-{each.name}", each.spec) for each in figures),
        **_words(found),
        **_scores(found),
        **_drawn(found, figures),
        **_details(found.run),
    }
    return Template(_text("page.html")).substitute(parts)


def _words(found: Findings) -> Mapping[str, str]:
    """Return the parts that are sentences."""
    run, said = found.run, found.said
    chips = (
        _plural(len(run.arms), "arm"),
        _plural(len(run.targets), "target"),
        _plural(len(ordered_languages(run, run.targets)), "language"),
        _plural(found.table.num_seeds, "seed"),
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
        "groups": escape(page_tables.group_names()),
        "tally": escape(page_claims.tally(found.claims)),
    }


def _scores(found: Findings) -> Mapping[str, str]:
    """Return the tables of scores."""
    run, table = found.run, found.table
    return {
        "means": page_tables.mean_strip(table),
        "transfer": page_matrix.matrix(run, table),
        "full_scale": percent(page_matrix.full_scale(table)),
        "english": page_tables.english(run),
        "dev": page_tables.dev(run) + page_tables.guard(run),
        "claims": page_claims.claims(found.claims),
        "languages": page_languages.languages(found),
        "language_groups": page_languages.groups(run),
    }


def _drawn(found: Findings, figures: Sequence[Figure]) -> Mapping[str, str]:
    """Return the places of the figures, and the choices that drive them."""
    run = found.run
    parts = {
        "maps": [each for each in figures if each.name.endswith("-map")],
        "bars": [each for each in figures if each.name.startswith("language-")],
        "curves": [each for each in figures if each.name.endswith("-curves")],
        "pareto": [each for each in figures if each.name == "pareto"],
    }
    compared = tuple(dict.fromkeys(each.task for each in weighed(run)))
    placed = [each for part in parts.values() for each in part]
    parts["speed"] = [each for each in figures if each not in placed]
    timed = [t for t in run.targets if any(each.row.task == t for each in run.timings)]
    first = found.first_arm
    return {
        **{f"{part}_figures": "".join(map(_place, drawn)) for part, drawn in parts.items()},
        "maps_choice": _choice("arm", "Arm", run.arms, first, [*parts["maps"], "language-scores"]),
        "bars_choice": _choice("task", "Target", run.targets, run.targets[0], parts["bars"]),
        "speed_choice": _choice("task", "Target", timed, "", [*parts["speed"], "language-speed"]),
        "pareto_choice": _choice("task", "Target", compared, "", parts["pareto"]),
        "curves_choice": _choice("course", "Task", course_names(run), "", parts["curves"]),
        "groups_choice": _choice("grouping", "By", page_languages.grouping_names(), "", ["groups"]),
    }


def _choice(
    key: str, label: str, options: Sequence[str], chosen: str, drives: Sequence[Figure | str]
) -> str:
    """Return a choice that drives figures and tables; "" where there is nothing to choose."""
    if not options or not drives:
        return ""
    ids = [each if isinstance(each, str) else each.name for each in drives]
    return select(key, label, options, chosen or options[0], " ".join(ids))


def _place(figure: Figure) -> str:
    """Return where the script draws a figure, with its title and reading aid."""
    hide = f' data-not-for="{BASELINE_ARM}"' if figure.name == "gain-map" else ""
    return (
        f'<figure id="{figure.name}"{hide}><h3>{escape(figure.title)}</h3>'
        f'<div class="plot" tabindex="0" role="group" aria-label="{escape(figure.title)}"></div>'
        f"<figcaption>{escape(figure.aid)}</figcaption></figure>"
    )


def _details(run: RunRows) -> Mapping[str, str]:
    """Return speed, training, stages, recipe and provenance."""
    done = [each.time_s for each in run.stages if each.time_s is not None]
    states = f"{count(len(done))} of {count(len(run.stages))}"
    return {
        "training": page_details.training(run),
        "verdicts": page_verdicts.verdicts(run) + page_verdicts.weighing(run),
        "graph": stage_graph(run),
        "arm_speed": page_details.arm_speed(run),
        "language_speed": page_details.language_speed(run),
        "stages": page_details.stages(run),
        "num_stages": count(len(done)) if len(done) == len(run.stages) else states,
        "total_time": escape(duration(sum(done))),
        "recipe": escape(run.recipe),
        "provenance": page_details.provenance(run),
    }


def _policy(scripts: Sequence[str]) -> str:
    """Return a policy under which a browser runs these scripts only and requests nothing."""
    hashes = " ".join(
        f"'sha256-{b64encode(sha256(each.encode()).digest()).decode()}'" for each in scripts
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:"
    )


@cache
def _vega() -> str:
    """Return the one bundle that draws every figure."""
    bundle: str = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # its stub lacks the default
    return bundle.replace("\r", "").replace("<!--", r"\x3c!--").replace("</script", r"<\/script")


def _text(file: str) -> str:
    """Return a text that is shipped beside this module."""
    return files("stiltwalk.report").joinpath(file).read_text(encoding="utf-8")


def _plural(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{count(number)} {noun}{'s' * (number != 1)}"
