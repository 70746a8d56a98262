"""A small recipe on the embedded benchmark, and what carrying it out left behind."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

import stiltwalk
from stiltwalk.execution import study

RECIPE = """
name = "small"
targets = ["xnli", "udpos", "xquad", "tatoeba", "bucc2018"]
languages = ["en", "de", "zh"]
controls = true
num_threads = 1
[model]
name = "{model}"
[data]
source = "mini"
test_rows = 8
[arms]
none = []
mixed = ["mnli", "squad_v1"]
[measure]
budget_s = 0
[intermediate]
learning_rate = 1e-3
num_epochs = 1
max_rows = 16
max_length_tokens = 96
eval_rows = 8
[target]
learning_rate = 1e-3
num_epochs = 1
max_rows = 32
max_length_tokens = 96
eval_rows = 8
"""
SHORT = ("targets=['udpos']", "arms={none=[],mixed=['mnli']}", "controls=false")
"""What leaves seven stages of it."""
LANGUAGES = {
    "xnli": ("de", "en", "zh"),
    "udpos": ("de", "en", "zh"),
    "xquad": ("de", "en", "zh"),
    "tatoeba": ("de", "zh"),
    "bucc2018": ("de", "zh"),
}
TIMED = {"complete.json", "timings.jsonl", "training.jsonl", "speed.json"}
"""Files that tell how long something took, and so differ from run to run."""


@dataclass(frozen=True, kw_only=True)
class Walked:
    """A recipe and the workspace that it was carried out in."""

    recipe: Path
    workspace: Path
    report: Path

    def copied(self, to: Path) -> Walked:
        """Return the same with a workspace of its own."""
        workspace = Path(shutil.copytree(self.workspace, to / "workspace"))
        report = workspace / self.report.relative_to(self.workspace)
        return Walked(recipe=self.recipe, workspace=workspace, report=report)

    def again(self, *changes: str) -> str:
        """Carry the recipe out again; return what was said."""
        return carry_out(self.recipe, self.workspace, changes)

    def stages(self) -> dict[str, dict[str, Any]]:
        """Return fingerprint → the completion marker of every complete stage."""
        markers = (self.workspace / "stages").glob("*/complete.json")
        return {file.parent.name: json.loads(file.read_text(encoding="utf-8")) for file in markers}

    def named(self, name: str) -> list[str]:
        """Return the fingerprints of the complete stages of one class, or phase of training."""
        return [key for key, each in self.stages().items() if class_or_phase(each["stage"]) == name]

    def rows(self) -> list[dict[str, Any]]:
        """Return all score rows."""
        return [
            json.loads(line)
            for file in sorted((self.workspace / "stages").glob("*/scores.jsonl"))
            for line in file.read_text(encoding="utf-8").splitlines()
        ]

    def results(self) -> dict[str, bytes]:
        """Return every file of every stage but those that tell times: weights, answers, scores."""
        files = sorted(
            file for file in (self.workspace / "stages").rglob("*") if file.name not in TIMED
        )
        return {
            str(file.relative_to(self.workspace)): file.read_bytes()
            for file in files
            if file.is_file()
        }


def class_or_phase(stage: dict[str, Any]) -> str:
    """Return what tests call a stage: its class, or which training it is."""
    return str(stage.get("phase", stage["stage"]))


def walked_in(folder: Path) -> Walked:
    """Return what `walk` or `walk_short` left in a folder."""
    workspace = folder / "workspace"
    report = workspace / "runs" / "small" / "report.html"
    return Walked(recipe=folder / "small.toml", workspace=workspace, report=report)


def walk(model: Path, folder: Path) -> None:
    """Carry the small recipe out in a fresh workspace."""
    console = Console(file=io.StringIO())
    stiltwalk.run(_written(model, folder), folder / "workspace", console=console)


def walk_short(model: Path, folder: Path) -> None:
    """Carry seven stages of it out in a fresh workspace, without a report."""
    carry_out(_written(model, folder), folder / "workspace", SHORT)


def _written(model: Path, folder: Path) -> Path:
    recipe = folder / "small.toml"
    recipe.write_text(RECIPE.format(model=model), encoding="utf-8")
    return recipe


def carry_out(
    recipe: Path,
    workspace: Path | str,
    changes: Sequence[str] = (),
    executor: str = "local",
    *,
    fresh_versions: bool = False,
) -> str:
    """Carry a recipe out without writing its report, which takes longest; return what was said."""
    said = io.StringIO()
    console = Console(file=said, width=200)
    study.run_study(recipe, workspace, console, changes, executor, fresh_versions=fresh_versions)
    return said.getvalue()
