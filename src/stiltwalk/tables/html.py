"""Tables as HTML: jinja2's autoescape keeps text text, and no text turns its neighbours round."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from markupsafe import escape as escaped

from stiltwalk.tables.table import Range, Table, visible
from stiltwalk.wording import rounded


def environment(*packages: str) -> Environment:
    """Return what renders the templates of some packages, and those of tables for them."""
    loaders = [PackageLoader(package) for package in (*packages, "stiltwalk.tables")]
    made = Environment(
        loader=ChoiceLoader(loaders),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=_shown,
    )
    made.filters |= {"at": at, "beyond": beyond}
    return made


def render(table: Table) -> Markup:
    """Return a table that can be sorted by its columns; its foot keeps its place."""
    macros: Any = _macros()
    return Markup(macros.show(table))  # noqa: S704 - the template escapes


def escape(text: str) -> Markup:
    """Return text that stays text inside an element or a quoted attribute."""
    return escaped(visible(text))


def json_block(ident: str, value: Any) -> Markup:  # noqa: ANN401 - whatever JSON can hold
    """Return a block of data for the page's script; nothing in it can end the block."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    block = Markup('<script type="application/json" id="{}">{}</script>')
    return block.format(ident, Markup(text))  # noqa: S704 - no sign of HTML is left in it


def at(drawn: Range, ratio: float) -> str:
    """Return where a ratio lies in a picture that is 120 pixels wide, 1 in its middle."""
    return f"{60 + 52 * max(-1.0, min(1.0, (ratio - 1) / drawn.span)):.1f}"


def beyond(drawn: Range, ratio: float) -> str:
    """Return the ratio, rounded, where it lies outside of the picture; "" inside."""
    return "" if abs(ratio - 1) <= drawn.span else rounded(ratio, 2)


@cache
def _macros() -> object:
    return environment().get_template("table.html").module


def _shown(value: object) -> object:
    """Return what is written where a template names a value; markup is not touched."""
    if value is None or value is False:
        return ""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
