"""What holds for every stage, whichever it is; a new one is tested by being in STAGES."""

from __future__ import annotations

import ast
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, is_dataclass
from pathlib import Path

import pytest
from rich.console import Console

import stiltwalk
from stiltwalk.data.source import DataSource
from stiltwalk.execution.executors.local import InProcess
from stiltwalk.execution.executors.worker import perform
from stiltwalk.execution.plan_view import record_of
from stiltwalk.execution.progress import Narrator
from stiltwalk.execution.provenance import made_otherwise
from stiltwalk.execution.scheduler import Scheduler, jobs_of
from stiltwalk.execution.study import run
from stiltwalk.recipe.load import parse_recipe
from stiltwalk.records import Phase
from stiltwalk.reports.data import rows_of
from stiltwalk.reports.sections.run import stage_graph
from stiltwalk.stages import STAGES
from stiltwalk.stages.context import Context
from stiltwalk.stages.cost import ModelShape
from stiltwalk.stages.graph import Plan
from stiltwalk.stages.stage import Stage
from stiltwalk.store.manifest import keep_record
from stiltwalk.store.workspace import Folder, Workspace

SOURCE = Path(stiltwalk.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
RECIPE = """
name = "tiny"
targets = ["xnli"]
model = { name = "mini-base" }
data = { source = "mini" }
arms = { none = [] }
"""


def asked_classes(text: str) -> Iterator[str]:
    """Yield the names that a module's text compares classes with."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.MatchClass):
            yield from _names(node.cls)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance":
            yield from _names(node.args[1])
        if isinstance(node, ast.Compare):
            for each in (node.left, *node.comparators):
                if isinstance(each, ast.Constant) and isinstance(each.value, str):
                    yield each.value


def _names(node: ast.expr) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Name):
            yield each.id
        if isinstance(each, ast.Attribute):
            yield each.attr


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_nobody_asks_of_which_class_a_stage_is(file: Path) -> None:
    if not (file.parent.name == "stages" and file.name.endswith("_run.py")):
        assert not STAGES.keys() & set(asked_classes(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "text",
    [
        "isinstance(stage, Predict)",
        "isinstance(stage, Base | Predict)",
        "isinstance(stage.parent, (predict.Predict, Base))",
        "match stage:\n    case Base() | Predict():\n        pass",
        "made['stage'] == 'Predict'",
    ],
)
def test_every_way_to_ask_for_a_class_is_seen(text: str) -> None:
    assert "Predict" in set(asked_classes(text))


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_a_stage_is_a_frozen_value(stage: type[Stage]) -> None:
    assert is_dataclass(stage)
    assert stage.__dataclass_params__.frozen  # type: ignore[attr-defined]


def test_another_version_of_a_stage_s_code_is_another_stage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = Count(up_to=3).fingerprint
    monkeypatch.setattr(Count, "version", 2)
    assert Count(up_to=3).fingerprint != before


# --- a stage more is one file and one line of the list ------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Count(Stage):
    """Count on from what the stage before came to."""

    phase = Phase.REFERENCE
    follows_versions = True

    up_to: int
    before: Count | None = None

    @property
    def title(self) -> str:
        return f"count up to {self.up_to}"

    def run(self, context: Context, folder: Folder) -> None:
        done = self.before.numbers(context.workspace) if self.before else []
        numbers = [*range(len(done), self.up_to)]
        context.progress(len(numbers), len(numbers))
        (folder.path / "numbers.json").write_text(json.dumps(done + numbers), encoding="utf-8")

    def numbers(self, store: Workspace) -> list[int]:
        found: list[int] = json.loads(store.text(self, "numbers.json"))
        return found


def test_a_new_stage_is_planned_run_kept_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STAGES, "Count", Count)
    first = Count(up_to=2)
    last = Count(up_to=5, before=first)
    recipe = parse_recipe(RECIPE, folder=tmp_path)
    plan = Plan(recipe=recipe, stages=(first, last), arms_of={last: ("none",)})
    store, made_by = Workspace(tmp_path), {"torch": "0.1"}
    context = Context(
        workspace=store,
        data=DataSource(source="mini"),
        base_folder=None,
        num_threads=1,
        resume_every_s=1.0,
        trackers=(),
        provenance=made_by,
        progress=lambda _done, _all: None,
    )
    record = record_of(plan, RECIPE)
    keep_record(store, record)
    jobs = list(jobs_of(plan, ModelShape(num_blocks=1, width=8, vocabulary_size=9)))
    executor, told = InProcess(lambda stage: perform(stage, context)), io.StringIO()
    run("tiny", Scheduler(jobs), executor, store, Narrator(Console(file=told, width=200)))
    assert last.numbers(store) == [0, 1, 2, 3, 4]
    assert "[2/2]" in told.getvalue()
    assert last.title in told.getvalue()
    assert made_otherwise(plan.stages, store) == {first: made_by, last: made_by}
    picture = stage_graph(rows_of(record, store))
    assert all(stage.title in picture for stage in plan.stages)
