"""What every page of this room shares: its head, its look, its scripts, and no way out."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from string import Template

import vl_convert

from stiltwalk.reports.charts.style import Chart
from stiltwalk.tables.html import escape, json_block, select


def framed(template: str, parts: Mapping[str, str], figures: Sequence[Chart]) -> str:
    """Return a whole page: one file that needs nothing else and asks the network for nothing.

    Args:
        template: the file beside this module that holds the page's own part.
        parts: HTML by the name that it has in the template; "title" is in the head too.
        figures: that the page has places for.
    """
    script = _text("script.html").strip().removeprefix("<script>").removesuffix("</script>")
    scripts = (_vega(), script)
    return Template(_text("frame.html")).substitute(
        policy=_policy(scripts),
        style=_text("style.html"),
        title=parts["title"],
        body=Template(_text(template)).substitute(parts),
        data="\n".join(json_block(f"spec-{each.name}", each.spec) for each in figures),
        scripts="\n".join(f"<script>{each}</script>" for each in scripts),
    )


def choice(
    key: str, label: str, options: Sequence[str], chosen: str, drives: Sequence[Chart | str]
) -> str:
    """Return a choice that drives figures and tables; "" where there is nothing to choose."""
    if not options or not drives:
        return ""
    ids = [each if isinstance(each, str) else each.name for each in drives]
    return select(key, label, options, chosen or options[0], " ".join(ids))


def place(figure: Chart, not_for: str = "") -> str:
    """Return where the script draws a figure, with its title and reading aid.

    Args:
        figure: what is drawn there.
        not_for: the choice for which the figure is hidden.
    """
    hide = f' data-not-for="{escape(not_for)}"' if not_for else ""
    return (
        f'<figure id="{figure.name}"{hide}><h3>{escape(figure.title)}</h3>'
        f'<div class="plot" tabindex="0" role="group" aria-label="{escape(figure.title)}"></div>'
        f"<figcaption>{escape(figure.aid)}</figcaption></figure>"
    )


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
    return files("stiltwalk.reports").joinpath("templates", file).read_text(encoding="utf-8")
