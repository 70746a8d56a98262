"""What a run was: kept beside its report, so that a report can be made again from rows alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stiltwalk.data.source import MINI
from stiltwalk.errors import WorkspaceError
from stiltwalk.plan import Plan, fingerprint
from stiltwalk.plan.stages import FineTune, Predict, describe
from stiltwalk.store.workspace import Workspace, write_atomically
from stiltwalk.tasks import TASKS

RUNS = "runs"
_FILE = "run.json"


@dataclass(frozen=True, kw_only=True)
class RecordedStage:
    """A stage of a run: `arm` is empty for what belongs to none, `trained` its own model."""

    fingerprint: str
    does: str
    arm: str = ""
    target: str = ""
    trained: str = ""


@dataclass(frozen=True, kw_only=True)
class RecordedGap:
    """A language of a target that is not evaluated, and why; a full sentence."""

    target: str
    language: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """Which stages a recipe came to, and what a report says about the recipe."""

    name: str
    recipe: str
    miniature: bool
    limited: str
    arms: tuple[str, ...]
    targets: tuple[str, ...]
    stages: tuple[RecordedStage, ...]
    gaps: tuple[RecordedGap, ...] = ()


def record_of(plan: Plan, recipe_text: str) -> RunRecord:
    """Return what is kept of a plan."""
    recipe = plan.recipe
    rows = recipe.data.test_rows
    stages = []
    for stage in plan.stages:
        target = stage.rows.task if isinstance(stage, Predict) else ""
        parent = stage.parent if isinstance(stage, Predict) else None
        stages.append(
            RecordedStage(
                fingerprint=fingerprint(stage),
                does=describe(stage),
                arm=plan.arm_of.get(stage, ""),
                target=target,
                trained=fingerprint(parent) if isinstance(parent, FineTune) else "",
            )
        )
    return RunRecord(
        name=recipe.name,
        recipe=recipe_text,
        miniature=recipe.data.source == MINI,
        limited=f"At most {rows:,} test rows per task and language." if rows else "",
        arms=tuple(recipe.arms),
        targets=recipe.targets,
        stages=tuple(stages),
        gaps=tuple(_gaps(plan)),
    )


def _gaps(plan: Plan) -> Iterator[RecordedGap]:
    """Yield the languages of every target that the plan leaves out."""
    recipe = plan.recipe
    evaluated = {s.rows.task: s.languages for s in plan.stages if isinstance(s, Predict)}
    for target in recipe.targets:
        for language in TASKS[target].languages:
            if language in evaluated.get(target, ()):
                continue
            asked = recipe.languages is None or language in recipe.languages
            reason = (
                "The data source has no test rows in this language."
                if asked
                else "The recipe's `languages` leave it out."
            )
            yield RecordedGap(target=target, language=language, reason=reason)


def run_folder(workspace: Workspace, name: str) -> Path:
    """Return where a run's record and report are."""
    return workspace.root / RUNS / name


def page_of(workspace: Workspace, name: str) -> Path:
    """Return where the page of a run's report is, or would be."""
    return run_folder(workspace, name) / "report.html"


def keep_record(workspace: Workspace, record: RunRecord) -> bool:
    """Keep the record of a run; return whether it is another than the one that was there."""
    file = run_folder(workspace, record.name) / _FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(asdict(record), indent=1, ensure_ascii=False)
    if file.is_file() and file.read_text(encoding="utf-8") == text:
        return False
    write_atomically(file, text)
    return True


def read_records(workspace: Workspace) -> list[RunRecord]:
    """Return the records of every run in a workspace, by name.

    Raises:
        WorkspaceError: if there is none.
    """
    files = sorted((workspace.root / RUNS).glob(f"*/{_FILE}"))
    if not files:
        raise WorkspaceError(
            f"{workspace.root} holds no run. Give the folder that was --workspace of "
            "`stiltwalk run`."
        )
    return [_read(file) for file in files]


def _read(file: Path) -> RunRecord:
    try:
        values: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        stages = tuple(RecordedStage(**stage) for stage in values.pop("stages"))
        values |= {key: tuple(values[key]) for key in ("arms", "targets")}
        gaps = tuple(RecordedGap(**gap) for gap in values.pop("gaps"))
        return RunRecord(**values, stages=stages, gaps=gaps)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WorkspaceError(
            f"{file} is not a record of a run: {error}. Run the recipe again to write it anew; "
            "finished stages are kept."
        ) from error
