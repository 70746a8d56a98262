"""What `export` writes and `score` reads gives the run's own scores, bit for bit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import stiltwalk
from mirrors import squad, write_parquet, write_split
from stiltwalk import cli
from stiltwalk.errors import DataError, WorkspaceError
from stiltwalk.metrics.aggregate import group_scores, overall_score, task_score
from stiltwalk.tasks import TARGETS, TASKS
from stiltwalk.tasks.task import GROUPS
from walking import carry_out

ARMS, SEEDS = ("none", "mixed"), (1, 2)
RECIPE = """
name = "all"
targets = {targets}
seeds = [1, 2]
num_threads = 1
[model]
name = "{model}"
[data]
source = "{source}"
test_rows = {rows}
[measure]
budget_s = 0
[arms]
none = []
mixed = ["mnli", "ccg"]
[intermediate]
learning_rate = 1e-3
num_epochs = 1
max_rows = 16
eval_rows = 8
[target]
learning_rate = 1e-3
num_epochs = 1
max_rows = 32
eval_rows = 8
"""
Figures = dict[str, dict[str, dict[str, float]]]
"""Task → language → name of a figure → a fraction."""


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A run, its figures, and the folder that it was exported to."""

    rows: Sequence[dict[str, Any]]
    folder: Path

    def figures(self, arm: str, seed: int) -> Figures:
        """Return the run's own test figures; retrieval without training belongs to each seed."""
        found: Figures = {}
        for row in self.rows:
            is_asked = (row["arm"], row["split"], row["control"]) == (arm, "test", "")
            if is_asked and row["seed"] in (seed, 0):
                of_language = found.setdefault(row["task"], {}).setdefault(row["language"], {})
                assert row["metric"] not in of_language
                of_language[row["metric"]] = row["value"]
        return found


def export(recipe: Path, workspace: Path, name: str) -> Exported:
    """Carry a recipe out and export it."""
    carry_out(recipe, workspace)
    folder = workspace.parent / "exported"
    call("export", str(workspace / "runs" / name), str(folder))
    return Exported(rows=stiltwalk.load(workspace, name).rows, folder=folder)


def call(*words: str) -> None:
    """Run a command of the command line, which must succeed."""
    assert cli.app(list(words), standalone_mode=False) in {None, 0}


def scored(folder: Path, arm: str, seed: int, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return what `score --json` prints for one arm and seed."""
    capsys.readouterr()
    call("score", str(folder / arm / f"seed-{seed}"), str(folder / "labels"), "--json")
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


@pytest.fixture(scope="module")
def exported(tiny_xlmr: Path, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Return all nine targets in all their languages, with two seeds and two rows each."""
    folder = tmp_path_factory.mktemp("all")
    recipe = folder / "all.toml"
    text = RECIPE.format(model=tiny_xlmr, source="mini", targets=list(TARGETS), rows=2)
    recipe.write_text(text, encoding="utf-8")
    return export(recipe, folder / "workspace", "all")


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("seed", SEEDS)
def test_every_figure_of_a_run_comes_back_bit_for_bit(
    exported: Exported, arm: str, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    document, own = scored(exported.folder, arm, seed, capsys), exported.figures(arm, seed)
    assert list(document["tasks"]) == list(TARGETS)
    for name, task in document["tasks"].items():
        assert own[name].keys() == set(TASKS[name].languages)
        metrics = set(task) - {"score"}
        assert metrics >= ({"f1"} if TASKS[name].metric != "accuracy" else {"accuracy"})
        for metric in metrics:
            assert task[metric] == {
                language: figures[metric] * 100 for language, figures in own[name].items()
            }


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("seed", SEEDS)
def test_means_groups_and_overall_are_those_of_the_run(
    exported: Exported, arm: str, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    document, own = scored(exported.folder, arm, seed, capsys), exported.figures(arm, seed)
    scores = {name: task_score(own[name], TASKS[name].languages) for name in TARGETS}
    assert {name: task["score"] for name, task in document["tasks"].items()} == {
        name: score.score * 100 for name, score in scores.items()
    }
    groups = group_scores(scores, GROUPS)
    assert document["groups"] == {name: value * 100 for name, value in groups.items()}
    assert set(groups) == set(GROUPS)
    overall = overall_score(scores, TARGETS)
    assert overall is not None
    assert document["overall"] == overall * 100


def test_retrieval_of_the_baseline_has_no_seed_and_stands_in_every_one(exported: Exported) -> None:
    files = sorted(path.name for path in (exported.folder / "none/seed-1/tatoeba").iterdir())
    assert len(files) == len(TASKS["tatoeba"].languages)
    for task in ("tatoeba", "bucc2018"):
        seeds = {
            row["seed"]
            for row in exported.rows
            if (row["task"], row["arm"], row["control"]) == (task, "none", "")
        }
        assert seeds == {0}
        first, second = (exported.folder / "none" / f"seed-{seed}" / task for seed in SEEDS)
        for file in first.iterdir():
            assert file.read_bytes() == (second / file.name).read_bytes()
    assert {path.name for path in exported.folder.iterdir()} == {*ARMS, "labels"}
    assert {path.name for path in (exported.folder / "mixed").iterdir()} == {"seed-1", "seed-2"}


def test_a_folder_in_use_is_refused_and_left_as_it_is(exported: Exported, tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    run = exported.folder.parent / "workspace" / "runs" / "all"
    with pytest.raises(WorkspaceError, match="exists and is not empty"):
        call("export", str(run), str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


# --- what the miniature does not have -------------------------------------------------------------

PARAGRAPHS = [f"Tale {number}: in {1900 + number} Ada came to Berlin." for number in range(60)]


def year(number: int, key: str) -> tuple[str, str, list[str], list[int]]:
    """Return a row whose answer is the year of a paragraph."""
    text = PARAGRAPHS[number]
    return key, text, [str(1900 + number)], [text.index("in ") + 3]


def who(number: int, key: str) -> tuple[str, str, list[str], list[int]]:
    """Return a row whose answer is the name in a paragraph."""
    text = PARAGRAPHS[number]
    return key, text, ["Ada", "Ada came"], [text.index("Ada")] * 2


def test_duplicate_ids_score_in_a_run_as_they_do_in_its_files(
    tiny_xlmr: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, workspace, german = one_target(tiny_xlmr, tmp_path)
    twice = squad([year(1, "a"), who(2, "b"), who(3, "a"), year(4, "c"), year(5, "b")])
    write_parquet(german, twice)
    run = export(recipe, workspace, "all")
    document, own = scored(run.folder, "none", 2, capsys), run.figures("none", 2)
    for metric in ("f1", "exact_match"):
        assert document["tasks"]["xquad"][metric] == {
            language: own["xquad"][language][metric] * 100 for language in ("de", "en")
        }
    predicted = (run.folder / "none/seed-2/xquad/test-de.json").read_text(encoding="utf-8")
    assert sorted(json.loads(predicted)) == ["a", "b", "c"]


def one_target(model: Path, folder: Path) -> tuple[Path, Path, Path]:
    """Return a recipe of xquad on a small mirror, its workspace and the mirror's German file."""
    mirror = folder / "mirror"
    rows = [year(number, f"t-{number}") for number in range(60)]
    write_split(mirror, "rajpurkar/squad", "plain_text", "train", squad(rows))
    files = [
        write_split(mirror, "google/xtreme", f"XQuAD.{code}", "validation", squad(rows[:5]))
        for code in ("en", "de")
    ]
    recipe = folder / "all.toml"
    text = RECIPE.format(model=model, source=mirror, targets=["xquad"], rows=5)
    recipe.write_text(text.replace('mixed = ["mnli", "ccg"]\n', ""), encoding="utf-8")
    return recipe, folder / "workspace", files[1]


@pytest.mark.parametrize("change", ["other rows", "no rows"])
def test_labels_of_other_rows_than_were_answered_are_refused_and_nothing_is_written(
    tiny_xlmr: Path, tmp_path: Path, change: str
) -> None:
    recipe, workspace, german = one_target(tiny_xlmr, tmp_path)
    carry_out(recipe, workspace)
    if change == "no rows":
        german.unlink()
    else:
        write_parquet(german, squad([who(number, f"t-{number}") for number in range(5)]))
    with pytest.raises(
        DataError, match=r"xquad: the rows in .* are not those that the run answered"
    ):
        call("export", str(workspace / "runs" / "all"), str(tmp_path / "exported"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.toml", "mirror", "workspace"]


def test_a_missing_answer_s_file_is_refused_and_nothing_is_written(
    tiny_xlmr: Path, tmp_path: Path
) -> None:
    recipe, workspace, _ = one_target(tiny_xlmr, tmp_path)
    carry_out(recipe, workspace)
    answers = sorted((workspace / "stages").glob("*/xquad/test-en.json"))[-1]
    answers.write_text("{}", encoding="utf-8")
    with pytest.raises(WorkspaceError, match="is not what its stage wrote"):
        call("export", str(workspace / "runs" / "all"), str(tmp_path / "exported"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.toml", "mirror", "workspace"]
