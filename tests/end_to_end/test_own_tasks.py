"""A task beside the shipped ones: a declaration more in the list, or a user's own in TOML."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import stiltwalk
from mirrors import write_split
from own_tasks import DECLARATION, write_reviews
from stiltwalk.execution.plan_view import plan_view
from stiltwalk.tasks import declare
from walking import Walked

RECIPE = """
name = "beside"
targets = {targets}
languages = ["en", "de", "lb"]
num_threads = 1
{tasks}
[model]
name = "{model}"
[data]
source = "{source}"
test_rows = 5
[measure]
budget_s = 0
[arms]
none = []
mine = ["{arm}"]
[intermediate]
num_epochs = 1
max_rows = 8
eval_rows = 4
[target]
num_epochs = 1
max_rows = 8
eval_rows = 4
"""


def written(folder: Path, model: Path, **given: object) -> Path:
    recipe = folder / "beside.toml"
    recipe.write_text(RECIPE.format(model=model, **given), encoding="utf-8")
    return recipe


def test_an_own_task_is_trained_predicted_scored_and_reported(
    tiny_xlmr: Path, tmp_path: Path
) -> None:
    write_reviews(tmp_path)
    (tmp_path / "task.toml").write_text(DECLARATION, encoding="utf-8")
    named = {"targets": ["reviews", "xnli"], "tasks": 'tasks = ["task.toml"]', "arm": "reviews"}
    recipe = written(tmp_path, tiny_xlmr, source="mini", **named)
    page = stiltwalk.run(recipe, tmp_path / "workspace").report
    walked = Walked(recipe=recipe, workspace=tmp_path / "workspace", report=page)
    scored = {(row["task"], row["language"]) for row in walked.rows() if row["split"] == "test"}
    assert scored == {("reviews", "en"), ("reviews", "lb"), ("xnli", "en"), ("xnli", "de")}
    check_report(page.parent)
    check_lineage(walked)
    declare([])
    assert {row["task"] for row in stiltwalk.load(walked.workspace).rows} == {"reviews", "xnli"}
    check_export(walked, tmp_path / "export")
    assert all(stage["kept"] for stage in plan_view(recipe, walked.workspace)["stages"])


def check_report(folder: Path) -> None:
    with (folder / "scores.csv").open(encoding="utf-8", newline="") as rows:
        assert {"en", "lb"} <= {row["language"] for row in csv.DictReader(rows)}
    report = (folder / "report.md").read_text(encoding="utf-8")
    (head,) = {
        line for line in report.splitlines() if line.startswith("| arm |") and "xnli" in line
    }
    assert "reviews" in head
    assert "mean of 2 common targets" in head
    assert "overall" not in report.partition("## Claims")[0]


def check_lineage(walked: Walked) -> None:
    """The declaration is in the lineage of what it decides, and where it stands is not."""
    markers = [each["stage"] for each in walked.stages().values()]
    (asked, *_) = [each for each in markers if each["stage"] == "Predict" and "own" in each["rows"]]
    assert asked["rows"]["own"]["columns"] == {"label": "stars", "text": "review"}
    assert asked["rows"]["revision"].startswith("sha256:")
    assert str(walked.recipe.parent / "rows") not in json.dumps(asked)


def check_export(walked: Walked, folder: Path) -> None:
    """`export` writes answers and labels of an own task as of all others."""
    from stiltwalk.publishing import export_run  # noqa: PLC0415

    export_run(walked.report.parent, folder)
    labels = (folder / "labels" / "reviews" / "test-lb.tsv").read_text(encoding="utf-8")
    assert labels.split() == ["bad", "good", "bad", "good"]


def test_a_shipped_task_is_one_declaration_in_one_list(tiny_xlmr: Path, tmp_path: Path) -> None:
    """Both are added to a copy of the source, and nothing else is touched."""
    source = Path(stiltwalk.__file__).parent
    copy = shutil.copytree(source, tmp_path / "copy" / "stiltwalk")
    dummy = 'DUMMY = replace(PAWSX, name="dummy", num_rows={}, benchmarks=())\n'
    add(copy / "tasks" / "classification.py", dummy)
    known = copy / "tasks" / "__init__.py"
    text = known.read_text(encoding="utf-8")
    known.write_text(text.replace("SIB200,", "SIB200, classification.DUMMY,"), encoding="utf-8")
    for config, split in (("en", "train"), ("en", "validation"), ("en", "test"), ("de", "test")):
        rows = {"sentence1": ["A"] * 8, "sentence2": ["B"] * 8, "label": ["0", "1"] * 4}
        write_split(tmp_path / "mirror", "google/xtreme", f"PAWS-X.{config}", split, rows)
    named = {"source": "mirror", "targets": ["dummy"], "tasks": "", "arm": "mnli"}
    recipe = written(tmp_path, tiny_xlmr, **named)
    words = ["run", recipe, "-w", tmp_path / "workspace", "--set", "arms={none=[]}"]
    words += ["--set", "languages=['en','de']"]
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "stiltwalk", *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(copy.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = tmp_path / "workspace" / "runs" / "beside" / "report.md"
    heads = [line for line in report.read_text("utf-8").splitlines() if line.startswith("| arm |")]
    assert any("dummy" in head for head in heads)


def add(file: Path, text: str) -> None:
    file.write_text(file.read_text(encoding="utf-8") + text, encoding="utf-8")
