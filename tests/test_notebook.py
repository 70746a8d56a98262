"""The notebook's cells run in their order, and each shows what a notebook would."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).parents[1] / "docs" / "notebooks" / "quickstart.ipynb"


def shown(source: str, names: dict[str, Any]) -> object:
    """Run a cell; return what its last line is worth."""
    *first, last = ast.parse(source).body
    assert isinstance(last, ast.Expr)
    exec(compile(ast.Module(first, []), "cell", "exec"), names)  # noqa: S102 - our own page
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)  # noqa: S307


def test_the_notebook_works_as_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cells = json.loads(FILE.read_text(encoding="utf-8"))["cells"]
    names: dict[str, Any] = {}
    code = [each for each in cells if each["cell_type"] == "code"]
    assert not any(each["outputs"] for each in code)
    study, gains, scores, verdicts, errors, to_do, report = (
        shown("".join(each["source"]), names) for each in code
    )
    assert "<table>" in study._repr_html_()
    assert set(gains.arm) == {"mnli"}
    assert {"none", "mnli"} <= set(scores.columns)
    assert len(verdicts) == 4
    assert len(errors) > 0
    assert to_do["num_stages"] > 0
    assert report.is_file()
