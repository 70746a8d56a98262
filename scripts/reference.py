#!/usr/bin/env python3
"""Write docs/reference/ from types, command line and docstrings: run it after a change."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import typer

import stiltwalk
from stiltwalk import cli
from stiltwalk.recipe.schema import Recipe
from stiltwalk.study import Study

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
MADE = "<!-- Made by scripts/reference.py: change what it is made from. -->"
SIGNS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below", "min_length": "at least"}


def recipe_page() -> str:
    """Return every table and key of a recipe with type, default and meaning."""
    parts = [
        "# Every key of a recipe",
        MADE,
        "A recipe is TOML. `stiltwalk init NAME` writes a commented one, `--set KEY=VALUE` changes "
        "a key for a run, and an unknown key is refused with the nearest one.",
    ]
    waiting: list[tuple[str, type]] = [("", Recipe)]
    seen: dict[type, str] = {}
    while waiting:
        key, table = waiting.pop(0)
        if table in seen:
            continue
        seen[table] = key
        found = list(tables_in(key, table))
        waiting += found
        parts += [f"## {f'[{key}]' if key else 'The recipe itself'}", *described(table)]
    return "\n\n".join(parts) + "\n"


def tables_in(key: str, table: type) -> Iterator[tuple[str, type]]:
    """Yield the tables inside a table, with their keys."""
    for name, hint in get_type_hints(table).items():
        for inner, more in dataclasses_in(hint):
            yield f"{key}.{name}{more}".lstrip("."), inner


def dataclasses_in(hint: Any, more: str = "") -> Iterator[tuple[type, str]]:  # noqa: ANN401
    """Yield the dataclasses of a type; values of a mapping stand under a name of the user's."""
    if is_dataclass(hint) and isinstance(hint, type):
        yield hint, more
    arguments = get_args(hint) if get_origin(hint) is not Literal else ()
    is_mapping = bool(arguments) and get_origin(hint) not in (UnionType, Union, tuple, Annotated)
    for each in arguments:
        yield from dataclasses_in(each, f"{more}.NAME" if is_mapping else more)


def described(table: type) -> Iterator[str]:
    """Yield what a table is, and its keys."""
    head, meanings = told(inspect.getdoc(table) or "")
    yield head
    hints = get_type_hints(table, include_extras=True)
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for each in fields(table):
        if not each.name.startswith("_"):
            cells = (f"`{each.name}`", said(hints[each.name]), default(each))
            meaning = meanings.get(each.name, "")
            lines.append(f"| {' | '.join(map(cell, (*cells, meaning)))} |")
    yield "\n".join(lines)


def cell(text: str) -> str:
    """Return text that stays in its cell."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def told(docstring: str) -> tuple[str, dict[str, str]]:
    """Return a docstring's text, and name to meaning of its arguments."""
    head, _, rest = docstring.partition("\nArgs:\n")
    rest = re.split(r"\n(?=\w+:\n)", rest)[0]
    meanings = {}
    for names, text in re.findall(r"^    ([\w, ]+): (.*(?:\n {8}.*)*)", rest, re.MULTILINE):
        meanings |= dict.fromkeys(names.split(", "), " ".join(text.split()))
    return head.strip(), meanings


def said(hint: Any) -> str:  # noqa: ANN401 - any type
    """Return a type in words."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return " ".join([said(arguments[0]), *limits(arguments[1:])])
    if origin is Literal:
        return ", ".join(f"`{each!r}`".replace("'", '"') for each in arguments)
    if origin in (UnionType, Union):
        return " or ".join(said(each) for each in arguments if each is not NoneType)
    if origin is not None:
        kind, inner = ("list", arguments[0]) if origin is tuple else ("table", arguments[-1])
        return f"a {kind} of {said(inner)}"
    if is_dataclass(hint):
        return "a table"
    return {str: "text", int: "a whole number", float: "a number", bool: "true or false"}.get(
        hint, getattr(hint, "__name__", str(hint))
    )


def limits(extras: tuple[object, ...]) -> Iterator[str]:
    """Yield the bounds of an annotated type."""
    for extra in (each for given in extras for each in getattr(given, "metadata", [given])):
        for name, sign in SIGNS.items():
            if (bound := getattr(extra, name, None)) is not None:
                yield f"{sign} {bound}"


def default(each: Field[Any]) -> str:
    """Return a key's default in words."""
    if each.default is MISSING and each.default_factory is MISSING:
        return "needed"
    value = each.default if each.default is not MISSING else None
    if value is None or is_dataclass(value) or value == ():
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def cli_page() -> str:
    """Return every command with its arguments and options."""
    codes = "Exit codes: 0 done, 1 the run failed, 2 wrong input, 130 interrupted."
    parts = ["# Every command", MADE, codes]
    group: Any = typer.main.get_command(cli.app)
    commands = {
        f"{name} {inner}".strip(): command
        for name, found in group.commands.items()
        for inner, command in (getattr(found, "commands", None) or {"": found}).items()
    }
    for name, command in commands.items():
        usage, rows = [f"stiltwalk {name}"], ["| argument or option | what it is |", "|---|---|"]
        for each in command.params:
            word = ", ".join(each.opts)
            if each.param_type_name == "argument":
                word = (each.metavar or each.name.upper()).strip("[]")
                usage.append(word if each.required else f"[{word}]")
            rows.append(f"| `{word}` | {cell(getattr(each, 'help', None) or '')} |")
        parts += [f"## {usage[0]}", command.help, f"`{' '.join(usage)}`"]
        parts += ["\n".join(rows)] * bool(command.params)
    return "\n\n".join(parts) + "\n"


def api_page() -> str:
    """Return every public function, and what a study has."""
    parts = ["# From Python", MADE, inspect.getdoc(stiltwalk) or ""]
    for name in stiltwalk.__all__:
        if inspect.isfunction(each := getattr(stiltwalk, name)):
            parts += function(f"stiltwalk.{name}", each)
    parts += ["## stiltwalk.study.Study", inspect.getdoc(Study) or ""]
    for name, member in vars(Study).items():
        if not name.startswith("_"):
            is_method = inspect.isfunction(member)
            plain = [f"### `Study.{name}`", inspect.getdoc(member) or ""]
            parts += function(f"Study.{name}", member) if is_method else plain
    return "\n\n".join(parts) + "\n"


def function(name: str, each: Any) -> list[str]:  # noqa: ANN401
    """Return a function's signature and docstring."""
    head, *sections = re.split(r"\n(?=\w+:\n)", inspect.getdoc(each) or "")
    listed = "\n".join(f"* `{k}`: {v}" for k, v in told(inspect.getdoc(each) or "")[1].items())
    more = [
        f"*{title}:* {' '.join(text.split())}"
        for title, _, text in (section.partition(":") for section in sections)
        if title != "Args"
    ]
    signature = re.sub(r"(: |-> )'([^']*)'", r"\1\2", str(inspect.signature(each)))
    code = f"```python\n{name.rpartition('.')[2]}{signature}\n```"
    return [f"### `{name}`", code, head.strip(), *[listed] * bool(listed), *more]


PAGES = {"recipe.md": recipe_page, "cli.md": cli_page, "api.md": api_page}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")
