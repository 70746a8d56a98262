"""What a run was: kept beside its report, so that a report can be made again from rows alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stiltwalk.data.source import MINI
from stiltwalk.errors import WorkspaceError
from stiltwalk.plan import Plan, fingerprint
from stiltwalk.plan.stages import FineTune, Predict, describe
from stiltwalk.records import Split
from stiltwalk.report.rows import ArmScore, ArmTiming, RunRows, StageLine
from stiltwalk.store import Workspace
from stiltwalk.store.workspace import write_atomically

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
class RunRecord:
    """Which stages a recipe came to, and what a report says about the recipe."""

    name: str
    recipe: str
    miniature: bool
    limited: str
    arms: tuple[str, ...]
    targets: tuple[str, ...]
    stages: tuple[RecordedStage, ...]


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
    )


def run_folder(workspace: Workspace, name: str) -> Path:
    """Return where a run's record and report are."""
    return workspace.root / RUNS / name


def write_record(workspace: Workspace, record: RunRecord) -> None:
    """Keep the record of a run."""
    folder = run_folder(workspace, record.name)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / _FILE, json.dumps(asdict(record), indent=1, ensure_ascii=False))


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
        return RunRecord(**values, stages=stages)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WorkspaceError(
            f"{file} is not a record of a run: {error}. Run the recipe again to write it anew; "
            "finished stages are kept."
        ) from error


def rows_of(record: RunRecord, workspace: Workspace) -> RunRows:
    """Gather the rows of a run's finished stages for its report."""
    done = [
        s for s in record.stages if (workspace.folder(s.fingerprint) / "complete.json").exists()
    ]
    markers = {stage.fingerprint: workspace.marker(stage.fingerprint) for stage in done}
    return RunRows(
        title=record.name,
        recipe=record.recipe,
        miniature=record.miniature,
        limited=record.limited,
        arms=record.arms,
        targets=record.targets,
        rows=tuple(row for stage in done if stage.arm for row in _scores(stage, workspace)),
        timings=tuple(
            ArmTiming(arm=stage.arm, row=row)
            for stage in done
            if stage.arm
            for row in workspace.timings(stage.fingerprint)
        ),
        baselines=tuple(
            ArmScore(arm=row.control, row=row)
            for stage in done
            for row in workspace.scores(stage.fingerprint)
            if row.control
        ),
        stages=tuple(_line(stage, markers[stage.fingerprint], workspace) for stage in done),
        provenance=_provenance(list(markers.values())),
    )


def _scores(stage: RecordedStage, workspace: Workspace) -> Iterator[ArmScore]:
    """Yield a target's test rows, and its model's English dev score under the target's name."""
    for row in workspace.scores(stage.fingerprint):
        yield ArmScore(arm=stage.arm, row=row)
    if stage.trained:
        for row in workspace.scores(stage.trained):
            if row.split == Split.DEV:
                named = type(row)(**{**asdict(row), "task": stage.target})
                yield ArmScore(arm=stage.arm, row=named)


def _line(stage: RecordedStage, marker: dict[str, Any], workspace: Workspace) -> StageLine:
    tokens = sum(row.real_tokens for row in workspace.timings(stage.fingerprint))
    looks = workspace.folder(stage.fingerprint) / "dev.json"
    if looks.is_file():
        tokens = int(json.loads(looks.read_text(encoding="utf-8"))["num_tokens"])
    return StageLine(
        fingerprint=stage.fingerprint,
        what=stage.does,
        time_s=float(marker["time_s"]),
        num_tokens=tokens,
    )


def _provenance(markers: list[dict[str, Any]]) -> dict[str, str]:
    """Return what the stages were made with; several values where stages differ."""
    merged: dict[str, list[str]] = {}
    for marker in markers:
        for key, value in marker["provenance"].items():
            if str(value) not in merged.setdefault(key, []):
                merged[key].append(str(value))
    if markers:
        times = [float(marker["began_unix_s"]) for marker in markers]
        merged["first stage began"] = [_utc(min(times))]
        merged["last stage began"] = [_utc(max(times))]
    return {key: ", ".join(values) for key, values in merged.items()}


def _utc(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
