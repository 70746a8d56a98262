"""`stiltwalk suggest`: what it rates before training, what more once candidates are trained."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tests.walking import SHORT, Walked
from typer.testing import CliRunner

import stiltwalk
from stiltwalk.cli import app
from stiltwalk.errors import RecipeError
from stiltwalk.reports.data import rows_of
from stiltwalk.selection.ratings import MAP, ON_TUNED, SELECTORS
from stiltwalk.store.manifest import read_record, run_folders
from stiltwalk.store.remote import workspace_at

FEW = ("select.rows=24", "targets=['xnli', 'udpos', 'xquad', 'tatoeba']", "controls=false")
ARMS = "arms={none=[],mnli=['mnli'],mixed=['mnli','ccg']}"


def rated(recipe: Path, workspace: Path, *changes: str) -> tuple[dict[str, Any], str]:
    told = io.StringIO()
    console = Console(file=told, width=200)
    return stiltwalk.suggest(recipe, workspace, (*FEW, *changes), console), told.getvalue()


def selectors(document: dict[str, Any]) -> set[str]:
    return {each["selector"] for each in document["ratings"]}


def test_candidates_are_rated_before_training_and_by_more_once_one_is_trained(
    short: Walked, tmp_path: Path
) -> None:
    walked = short.copied(tmp_path)  # whose arm "mixed" is mnli alone
    fresh, told = rated(walked.recipe, tmp_path / "fresh", ARMS)
    assert "Rating takes about" in told
    assert {each["target"] for each in fresh["ratings"]} == {"xnli", "udpos", "xquad"}
    assert {each["source"] for each in fresh["ratings"]} == {"mnli", "ccg"}
    assert not selectors(fresh) & {*ON_TUNED, MAP}
    says = " ".join(fresh["says"])
    assert "Not rated, since no English rows train them: tatoeba." in says
    assert "holds none of them" in says
    assert "whether any intermediate task helps, they cannot tell" in says
    again, told = rated(walked.recipe, tmp_path / "fresh", ARMS)
    assert again == fresh
    assert "running" not in told
    more, _ = rated(walked.recipe, walked.workspace, ARMS)
    assert selectors(more) == selectors(fresh) | {*ON_TUNED, MAP}
    tuned = [each for each in more["ratings"] if each["selector"] == "LogME"]
    assert {each["source"] for each in tuned} == {"none", "mnli"}
    untrained, before = (
        [each["value"] for each in found["ratings"] if each["source"] == "ccg"]
        for found in (more, fresh)
    )
    assert untrained == before


def test_a_run_that_selects_keeps_what_was_said_for_its_report(
    short: Walked, tmp_path: Path
) -> None:
    walked = short.copied(tmp_path)
    walked.again(*SHORT, "select.rows=24")
    store = workspace_at(walked.workspace)
    (folder,) = run_folders(store)  # asking selectors makes no other design of it
    ratings = rows_of(read_record(folder), store).ratings
    assert {each.selector for each in ratings} == set(SELECTORS)
    assert {each.target for each in ratings} == {"udpos"}
    assert {each.seed for each in ratings} == {1}


def test_the_best_are_trained_and_what_was_left_out_is_said(short: Walked, tmp_path: Path) -> None:
    walked = short.copied(tmp_path)  # whose baseline and mnli are done on udpos
    arms = "arms={none=[],mixed=['mnli'],ccg=['ccg'],qqp=['qqp']}"
    changes = ("select.rows=24", "targets=['udpos']", "controls=false", arms)
    found = stiltwalk.suggest(walked.recipe, walked.workspace, changes, quiet(), 1)
    assert "Trained for udpos: none, mixed; left out: ccg, qqp." in found["says"]
    assert not any(
        "ccg" in each["does"] and "train" in each["does"] for each in walked.stages().values()
    )
    page = walked.workspace / "runs" / "small" / "report.html"
    assert "has not reached it" in page.read_text(encoding="utf-8")


def test_the_next_runs_are_those_that_would_tell_most(short: Walked, tmp_path: Path) -> None:
    walked = short.copied(tmp_path)
    arms = "arms={none=[],mixed=['mnli'],ccg=['ccg']}"
    changes = ("targets=['udpos','tatoeba']", "controls=false", "languages=['de','en']", arms)
    told = io.StringIO()
    console = Console(file=told, width=200)
    for number in (2, 9):
        stiltwalk.run(walked.recipe, walked.workspace, changes, console, num_next=number)
    says = told.getvalue()
    assert says.count("Next: ") == 6
    assert "on tatoeba, about" in says
    assert "points." in says
    assert len(walked.named("Measure")) == 1  # of the run before
    stiltwalk.run(walked.recipe, walked.workspace, changes, console, num_next=1)
    assert "nothing is left to run" in told.getvalue()


def quiet() -> Console:
    return Console(file=io.StringIO())


def test_the_command_prints_a_row_per_target(short: Walked, tmp_path: Path) -> None:
    words = ["suggest", str(short.recipe), "-w", str(tmp_path), "--set", ARMS]
    words += [each for change in FEW for each in ("--set", change)]
    found = CliRunner().invoke(app, words)
    assert found.exit_code == 0
    for word in ("xnli", "text similarity", "mnli = ccg", "needs the base model"):
        assert word in found.output
    as_json = CliRunner().invoke(app, [*words, "--json"])
    assert json.loads(as_json.stdout)["recipe"] == "small"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("arms={none=[]}", "no arm names an intermediate task"),
        ("targets=['tatoeba']", "no target is trained"),
        ("model={name='mini-decoder',family='causal'}", "read the features of an encoder"),
    ],
)
def test_what_cannot_be_rated_is_refused(
    short: Walked, tmp_path: Path, change: str, said: str
) -> None:
    with pytest.raises(RecipeError, match=said):
        rated(short.recipe, tmp_path, ARMS, "languages=['de']", change)
