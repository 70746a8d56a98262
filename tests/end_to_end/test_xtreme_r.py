"""XTREME-R on the miniature: its ten tasks in one recipe, XCOPA after SIQA and COPA."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import stiltwalk
from stiltwalk.tasks import TASKS, declare, members
from walking import Walked, carry_out

RECIPE = """
name = "xtreme-r"
benchmark = "xtreme-r"
targets = {targets}
languages = ["en", "id", "zh"]
num_threads = 1
[model]
name = "{model}"
[data]
source = "mini"
test_rows = 5
[measure]
budget_s = 0
[arms]
none = []
siqa = ["siqa"]
[intermediate]
num_epochs = 1
max_rows = 16
eval_rows = 8
[target]
learning_rate = 1e-3
num_epochs = 1
max_rows = 16
eval_rows = 8
[target.xcopa]
learning_rate = 1e-9
"""
TARGETS = list(members("xtreme-r"))


@pytest.fixture(scope="module")
def ran(tiny_xlmr: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walked]:
    folder = tmp_path_factory.mktemp("xtreme-r")
    recipe = folder / "recipe.toml"
    recipe.write_text(RECIPE.format(targets=TARGETS, model=tiny_xlmr), encoding="utf-8")
    carry_out(recipe, folder / "workspace")
    yield Walked(recipe=recipe, workspace=folder / "workspace", report=folder)
    declare(())


def test_every_task_is_tested_in_its_languages_of_the_recipe(ran: Walked) -> None:
    tested = {(row["task"], row["language"]) for row in ran.rows() if row["split"] == "test"}
    assert tested == {
        (name, code) for name in TARGETS for code in {*TASKS[name].languages} & {"en", "id", "zh"}
    }


def test_xcopa_trains_on_siqa_and_then_on_copa_with_the_same_head(ran: Walked) -> None:
    stages = ran.stages()
    trained = {
        key: each["stage"]
        for key, each in stages.items()
        if each["stage"].get("phase") == "target phase"
    }
    chains = [
        (key, stage)
        for key, stage in trained.items()
        if [rows["task"] for rows in stage["rows"]] == ["copa"]
    ]
    assert len(chains) == 2  # one per arm
    for key, stage in chains:
        assert [rows["task"] for rows in stage["parent"]["rows"]] == ["siqa"]
        assert stage["head_of"] == "siqa"
        (before,) = (other for other, each in trained.items() if each == stage["parent"])
        weights, start = (
            load_file(ran.workspace / "stages" / each / "model" / "model.safetensors")
            for each in (key, before)
        )
        assert weights.keys() == start.keys()
        assert all(np.allclose(weights[name], start[name], atol=1e-6) for name in weights)


def test_the_report_names_its_mean_ours_and_judges_no_claim_about_xtreme(ran: Walked) -> None:
    (page,) = stiltwalk.report(ran.workspace)
    told = (page.parent / "report.md").read_text(encoding="utf-8")
    assert f"mean of {len(TARGETS)} common targets of xtreme-r (our mean)" in told
    assert "| overall" not in told
    claims = json.loads((page.parent / "claims.json").read_text(encoding="utf-8"))["claims"]
    assert {each["verdict"] for each in claims} == {"not tested here", "a fact of the recipe"}
    assert {each["here"] for each in claims} <= {None, "not decidable from these runs"}
