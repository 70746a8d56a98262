"""What `plan` accepts, `run` starts: over generated recipes, with what is hostile among them."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from stiltwalk.errors import StiltwalkError
from stiltwalk.execution.executors import EXECUTORS, Assignment, Executor
from stiltwalk.execution.executors.local import InProcess
from stiltwalk.execution.executors.worker import context_of
from stiltwalk.execution.plan_view import plan_view
from stiltwalk.execution.study import run_study
from stiltwalk.stages.stage import Stage
from stiltwalk.store.manifest import read_record

RECIPE = """
name = "tiny"
targets = ["xnli", "tatoeba"]
languages = ["de"]
num_threads = 1
model = { name = "mini-base" }
data = { source = "mini", test_rows = 8 }
arms = { none = [], mnli = ["mnli"] }
"""
NUMBERS = st.sampled_from([-1, 0, 1, 2, 16, 200, 256, 257, 2**31, 2**63 - 1, 2**63, 2**64, 10**400])
FRACTIONS = st.one_of(
    st.sampled_from([0.0, -0.0, 1e-300, 0.5, 1.0, 1e300, float("inf"), float("nan")]), NUMBERS
)
NAMES = st.one_of(
    st.sampled_from(["a", "none", "labels", "..", "a/b", "a" * 100, "a" * 300, "ж", "", "é" * 90]),
    st.text(max_size=8),
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "name": NAMES,
    "seeds": st.lists(NUMBERS, max_size=3),
    "languages": st.lists(st.sampled_from(["de", "en", "zh", "xx"]), max_size=3),
    "targets": st.lists(st.sampled_from(["xnli", "tatoeba", "udpos", "xnly"]), max_size=3),
    "num_threads": NUMBERS,
    "retrieval.relative_depth": FRACTIONS,
    "resume_every_s": FRACTIONS,
    "precision": st.sampled_from(["fp32", "bf16", "auto", "fp8"]),
    "data.test_rows": NUMBERS,
    "mixing.temperature": FRACTIONS,
    "mixing.cap": NUMBERS,
    "arms.b": st.lists(st.sampled_from(["mnli", "qqp", "squad_v1", "nothing"]), max_size=3),
    "arms.c.lora.rank": NUMBERS,
    "arms.c.examples_per_class": NUMBERS,
    "intermediate.learning_rate": FRACTIONS,
    "intermediate.max_length_tokens": NUMBERS,
    "intermediate.num_epochs": NUMBERS,
    "target.warmup_share": FRACTIONS,
    "target.max_length_tokens": NUMBERS,
    "target.xnli.max_rows": NUMBERS,
    "target.panx.num_epochs": NUMBERS,
    "target.panx.nonsense": NUMBERS,
    "measure.profile": st.sampled_from(["quick", "full", "slow"]),
    "claims": st.just([{"says": "x" * 50_000, "arm": "y" * 50_000}]),
}
CHANGES = st.lists(
    st.sampled_from(sorted(VALUES)).flatmap(
        lambda key: VALUES[key].map(lambda value: (key, value))
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda change: change[0],
)


class Reached(Exception):  # noqa: N818 - no error
    """A run came as far as its first stage."""


@contextmanager
def reaching(_address: str, assignment: Assignment) -> Iterator[Executor]:
    """Give what carries out nothing, once all is there that would."""
    context_of(assignment)

    def reached(_stage: Stage) -> None:
        raise Reached

    yield InProcess(reached)


def toml(value: object) -> str:
    """Return a value as TOML spells it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return str(value) if isinstance(value, float) else json.dumps(value)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=CHANGES)
def test_what_plan_accepts_run_starts(
    changes: list[tuple[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("reaching_executor")
    module.__dict__["started"] = reaching
    monkeypatch.setitem(sys.modules, "reaching_executor", module)
    monkeypatch.setitem(EXECUTORS, "reaching", "reaching_executor")
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(RECIPE, encoding="utf-8")
    asked = [f"{key}={toml(value)}" for key, value in changes]
    try:
        name = plan_view(recipe, tmp_path, asked)["recipe"]
    except StiltwalkError as error:
        said = str(error)
        assert said.endswith((".", "?")), said
        assert len(said) < 2_000
        return
    with pytest.raises(Reached):
        run_study(recipe, tmp_path, Console(file=io.StringIO()), asked, "reaching")
    assert read_record(tmp_path / "runs" / name).name == name
