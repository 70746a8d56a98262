"""What answers at once imports neither torch nor transformers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

RECIPE = """
name = "light"
targets = ["xnli", "tatoeba"]
[model]
name = "{model}"
[data]
source = "mini"
[arms]
none = []
mnli = ["mnli"]
"""
PROGRAM = """
import sys
from stiltwalk.cli import main
sys.argv = ["stiltwalk", *sys.argv[2:]]
heavy = {"torch", "transformers", "accelerate"} | set(filter(None, {more!r}.split()))
try:
    main()
except SystemExit as end:
    loaded = heavy & set(sys.modules)
    sys.exit(f"imported {sorted(loaded)}" if loaded else end.code)
"""


def runs_without(more: str, *words: str) -> None:
    program = PROGRAM.replace("{more!r}", repr(more))
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program, "-", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout


def test_help_is_light() -> None:
    runs_without("datasets pandas scipy altair pyarrow faiss", "--help")


def test_help_of_a_verb_is_light() -> None:
    runs_without("datasets pandas scipy altair pyarrow faiss", "run", "--help")


def test_tasks_is_light() -> None:
    runs_without("datasets pandas scipy altair pyarrow faiss", "tasks")


def test_doctor_is_light() -> None:
    runs_without("datasets pandas scipy altair faiss", "doctor")


def test_status_is_light(tmp_path: Path) -> None:
    (tmp_path / "status.json").write_text(
        '{"run": "a", "stages": {"done": 1}, "running": [], "failed": []}', encoding="utf-8"
    )
    runs_without("datasets pandas scipy altair pyarrow faiss ray", "status", str(tmp_path))


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_plan_is_light(tmp_path: Path, tiny_xlmr: Path, form: list[str]) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE.replace("{model}", str(tiny_xlmr)), encoding="utf-8")
    heavy = "datasets pandas scipy altair pyarrow faiss"
    runs_without(heavy, "plan", str(recipe), "--workspace", str(tmp_path / "none"), *form)
    assert not (tmp_path / "none").exists()


def test_score_is_light(tmp_path: Path) -> None:
    for side in ("predictions", "labels"):
        (tmp_path / side / "xnli").mkdir(parents=True)
        (tmp_path / side / "xnli" / "test-de.tsv").write_text("neutral\n", encoding="utf-8")
    runs_without(
        "datasets altair", "score", str(tmp_path / "predictions"), str(tmp_path / "labels")
    )
