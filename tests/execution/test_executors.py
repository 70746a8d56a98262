"""Tests for stiltwalk.execution.executors: one more is a file and an entry of the dictionary."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest
from rich.console import Console

from stiltwalk.errors import ClusterError, RecipeError
from stiltwalk.execution.executors import EXECUTORS, Assignment, Executor, check_executor, started
from stiltwalk.execution.executors.local import InProcess
from stiltwalk.execution.executors.worker import context_of, perform
from stiltwalk.execution.study import run_study
from stiltwalk.stages.stage import Stage

RECIPE = """
name = "tiny"
targets = ["tatoeba"]
languages = ["de"]
num_threads = 1
model = { name = "MODEL" }
data = { source = "mini", test_rows = 8 }
arms = { none = [] }
"""
CARRIED: list[str] = []


@contextmanager
def noting(address: str, assignment: Assignment) -> Iterator[Executor]:
    """Give what notes the stages that it carries out."""
    context = context_of(assignment)

    def noted(stage: Stage) -> None:
        CARRIED.append(f"{address} {stage.title}")
        perform(stage, context)

    yield InProcess(noted)


def test_an_executor_of_one_file_and_one_entry_runs_a_recipe(
    tmp_path: Path, tiny_xlmr: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("my_executor")
    module.__dict__["started"] = noting
    monkeypatch.setitem(sys.modules, "my_executor", module)
    monkeypatch.setitem(EXECUTORS, "noting", "my_executor")
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(RECIPE.replace("MODEL", str(tiny_xlmr)), encoding="utf-8")
    said = Console(file=io.StringIO())
    assert run_study(recipe, tmp_path, said, executor="noting://here").needs_report
    assert [each.partition(" ")[0] for each in CARRIED] == ["noting://here"] * 2
    assert CARRIED[1].endswith("predict tatoeba in 1 language")
    assert len(list((tmp_path / "stages").glob("*/complete.json"))) == 2


@pytest.mark.parametrize(
    "address", ["rey", "", "local://here", "local://0", "local://-1", "ray://", "ray:/x", "://"]
)
def test_an_executor_that_does_not_exist_is_refused(address: str) -> None:
    with pytest.raises(RecipeError, match="There is: local, ray, ray://HEAD:PORT, and local://N"):
        check_executor(address)


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXECUTORS, "mine", "no_such_package.executor")
    with pytest.raises(ClusterError, match=r"needs no_such_package, .* 'stiltwalk\[mine\]'"):
        started("mine", None)  # type: ignore[arg-type]
