"""The rules of the architecture: imports point to earlier rooms, and never go in circles."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOMS = (
    "errors records draws languages files wording tables metrics selection mini data tasks recipe "
    "store serving features models heads inference training timing stages publishing execution "
    "reports mini_base study cli"
).split()
SOURCE = Path(__file__).parents[1] / "src" / "stiltwalk"
FILES = sorted(SOURCE.rglob("*.py"))
PACKAGE = "stiltwalk"


def imported(text: str, module: tuple[str, ...], *, is_package: bool) -> set[tuple[str, ...]]:
    """Return what a module's text imports from this package, however it writes that."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        names.update(_names(node, module if is_package else module[:-1]))
    parts = [tuple(name.split(".")) for name in names]
    return {each for each in parts if each[0] == PACKAGE and len(each) > 1}


def imported_rooms(text: str, module: tuple[str, ...], *, is_package: bool) -> set[str]:
    return {each[1] for each in imported(text, module, is_package=is_package)}


def _names(node: ast.AST, package: tuple[str, ...]) -> Iterator[str]:
    """Yield the full dotted names that one statement imports, package first."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        start = package[: len(package) - node.level + 1] if node.level else ()
        within = ".".join((*start, *([node.module] if node.module else [])))
        yield from (f"{within}.{alias.name}" for alias in node.names)


def module_of(file: Path) -> tuple[str, ...]:
    parts = file.relative_to(SOURCE.parent).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_imports_point_to_earlier_rooms_only(file: Path) -> None:
    module = module_of(file)
    if module in ((PACKAGE,), (PACKAGE, "__main__")):
        return  # the public names, lazily from wherever they live; what starts the last room
    assert module[1] in ROOMS, f"{file} is in no room that the architecture knows"
    used = imported_rooms(
        file.read_text(encoding="utf-8"), module, is_package=file.stem == "__init__"
    )
    later = [room for room in used if ROOMS.index(room) > ROOMS.index(module[1])]
    assert not later, f"{module[1]} may not import {', '.join(later)}"


def test_no_files_import_each_other_in_a_circle() -> None:
    files = {module_of(file): file for file in FILES if module_of(file) != (PACKAGE,)}
    waiting = {
        module: {
            used
            for name in imported(
                file.read_text(encoding="utf-8"), module, is_package=file.stem == "__init__"
            )
            if (used := name if name in files else name[:-1]) in files and used != module
        }
        for module, file in files.items()
    }
    while ready := {module for module, used in waiting.items() if not used & waiting.keys()}:
        waiting = {module: used for module, used in waiting.items() if module not in ready}
    assert not waiting, sorted(".".join(module[1:]) for module in waiting)


@pytest.mark.parametrize(
    "text",
    [
        "import stiltwalk.training.loop",
        "import json, stiltwalk.training as loop",
        "from stiltwalk import training",
        "from stiltwalk.training import loop",
        "from stiltwalk.training.loop import fit",
        "from .. import training",
        "from ..training import loop",
        "from ..training.loop import fit",
        "def later():\n    from stiltwalk.training.loop import fit",
        "if TYPE_CHECKING:\n    from stiltwalk.training.loop import fit",
    ],
)
def test_every_way_to_write_an_import_is_seen(text: str) -> None:
    assert imported_rooms(text, (PACKAGE, "stages", "graph"), is_package=False) == {"training"}


def test_a_package_counts_its_dots_from_itself() -> None:
    found = imported_rooms("from ..store import Folder", (PACKAGE, "stages"), is_package=True)
    assert found == {"store"}


def test_other_packages_are_no_rooms() -> None:
    text = "import torch\nfrom accelerate import Accelerator\nfrom . import graph"
    assert imported_rooms(text, (PACKAGE, "stages", "stage"), is_package=False) == {"stages"}
