"""How large the house may be: lines, files and functions, and nothing written twice."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "stiltwalk"
FILES = sorted(SOURCE.rglob("*.py"))
MOST_LINES = 43_870  # to be lowered to 25,000
MOST_FILES = 218  # to be lowered to 150
MOST_IN_A_FILE = 501
MOST_IN_A_FUNCTION = 47  # to be lowered to 40
EQUAL_LINES = 8


def functions(file: Path) -> Iterator[tuple[str, int]]:
    """Yield the functions of a file with their numbers of lines."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


def told_lines(file: Path) -> list[tuple[int, str]]:
    """Return a file's lines with their numbers, without imports, white space made equal."""
    text = file.read_text(encoding="utf-8")
    imports = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    numbered = enumerate(text.splitlines(), start=1)
    return [
        (number, " ".join(line.split()))
        for number, line in numbered
        if line.strip() and number not in imports
    ]


def test_the_source_is_small() -> None:
    lines = sum(len(file.read_text(encoding="utf-8").splitlines()) for file in FILES)
    assert lines <= MOST_LINES
    assert len(FILES) <= MOST_FILES


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_files_and_functions_can_be_overlooked(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= MOST_IN_A_FILE
    long = [f"{name}: {lines}" for name, lines in functions(file) if lines > MOST_IN_A_FUNCTION]
    assert not long


def test_no_class_has_the_name_of_another() -> None:
    names = Counter(
        node.name
        for file in FILES
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    )
    assert {name for name, number in names.items() if number > 1} == set()


def test_nothing_is_written_twice() -> None:
    places: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for file in FILES:
        lines = told_lines(file)
        for start in range(len(lines) - EQUAL_LINES + 1):
            stretch = lines[start : start + EQUAL_LINES]
            at = f"{file.relative_to(SOURCE)}:{stretch[0][0]}"
            places[tuple(text for _, text in stretch)].append(at)
    equal = [found for found in places.values() if len(found) > 1]
    assert not equal
