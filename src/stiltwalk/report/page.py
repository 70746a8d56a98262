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
from stiltwalk.report import page_details, page_tables
from stiltwalk.report.chart_style import Figure
from stiltwalk.report.headline import Headline
from stiltwalk.report.markup import escape, json_block, select
from stiltwalk.report.notices import notices
from stiltwalk.report.numbers import count, duration, percent
from stiltwalk.report.page_languages import languages
from stiltwalk.report.rows import RunRows
from stiltwalk.report.series import ordered_languages
from stiltwalk.report.tables import TransferTable


def page(
    run: RunRows,
    table: TransferTable,
    said: Headline,
    figures: Sequence[Figure],
    arm: str,
) -> str:
    """Return the whole page.

    Args:
        run: the rows.
        table: the targets and arms of these rows.
        said: the answer in words.
        figures: the figures of these rows.
        arm: the arm that the heat maps show at first.
    """
    script = _text("page_script.html").strip().removeprefix("<script>").removesuffix("</script>")
    scripts = (_vega(), script)
    parts = {
        "policy": _policy(scripts),
        "style": _text("page_style.html"),
        "scripts": "\n".join(f"<script>{each}</script>" for each in scripts),
        "data": "\n".join(json_block(f"spec-{each.name}", each.spec) for each in figures),
        **_words(run, table, said),
        **_scores(run, table),
        **_drawn(run, figures, arm),
        **_details(run),
    }
    return Template(_text("page.html")).substitute(parts)


def _words(run: RunRows, table: TransferTable, said: Headline) -> Mapping[str, str]:
    """Return the parts that are sentences."""
    chips = (
        _plural(len(run.arms), "arm"),
        _plural(len(run.targets), "target"),
        _plural(len(ordered_languages(run, run.targets)), "language"),
        _plural(table.num_seeds, "seed"),
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
    }


def _scores(run: RunRows, table: TransferTable) -> Mapping[str, str]:
    """Return the tables of scores."""
    return {
        "means": page_tables.mean_strip(table),
        "transfer": page_tables.transfer(table),
        "full_scale": percent(page_tables.full_scale(table)),
        "english": page_tables.english(run),
        "dev": page_tables.dev(run),
        "languages": languages(run),
    }


def _drawn(run: RunRows, figures: Sequence[Figure], arm: str) -> Mapping[str, str]:
    """Return the places of the figures, and the choices that drive them."""
    maps = [each for each in figures if each.name.endswith("-map")]
    bars = [each for each in figures if each.name.startswith("language-")]
    speed = [each for each in figures if each not in maps and each not in bars]
    map_ids = " ".join([*(each.name for each in maps), "language-scores"])
    bar_ids = " ".join(each.name for each in bars)
    speed_ids = " ".join([*(each.name for each in speed), "language-speed"])
    timed = [t for t in run.targets if any(each.row.task == t for each in run.timings)]
    return {
        "maps": "".join(_place(each) for each in maps),
        "bars": "".join(_place(each) for each in bars),
        "speed_figures": "".join(_place(each) for each in speed),
        "map_choice": select("arm", "Arm", run.arms, arm, map_ids),
        "bars_choice": select("task", "Target", run.targets, run.targets[0], bar_ids),
        "speed_choice": select("task", "Target", timed, timed[0], speed_ids) if timed else "",
    }


def _place(figure: Figure) -> str:
    """Return where the script draws a figure, with its title and reading aid."""
    hide = f' data-not-for="{BASELINE_ARM}"' if figure.name == "gain-map" else ""
    return (
        f'<figure id="{figure.name}"{hide}><h3>{escape(figure.title)}</h3>'
        f'<div class="plot" tabindex="0" role="group" aria-label="{escape(figure.title)}"></div>'
        f"<figcaption>{escape(figure.aid)}</figcaption></figure>"
    )


def _details(run: RunRows) -> Mapping[str, str]:
    """Return speed, stages, recipe and provenance."""
    return {
        "arm_speed": page_details.arm_speed(run),
        "language_speed": page_details.language_speed(run),
        "stages": page_details.stages(run),
        "num_stages": count(len(run.stages)),
        "total_time": escape(duration(sum(each.time_s for each in run.stages))),
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
