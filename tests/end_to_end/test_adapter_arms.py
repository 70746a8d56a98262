"""A whole recipe whose arms train adapters: merged, apart, and without intermediate task."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file

import stiltwalk
from walking import LANGUAGES, RECIPE, Walked, carry_out

ARMS = """
[arms.none]
[arms.merged]
tasks = ["mnli", "squad_v1"]
lora = {}
[arms.apart]
tasks = ["mnli", "squad_v1"]
lora = {merged = false}
[arms.alone]
lora = {rank = 4, merged = false}
"""
OF_ARM = {
    "merged": "LoRA of rank 8, merged",
    "apart": "LoRA of rank 8, kept as adapters",
    "alone": "LoRA of rank 4, kept as adapters",
}


@pytest.fixture(scope="module")
def adapted(tiny_xlmr: Path, tmp_path_factory: pytest.TempPathFactory) -> Walked:
    """Return a recipe with arms of adapters that was carried out."""
    folder = tmp_path_factory.mktemp("adapted")
    recipe, workspace = folder / "adapted.toml", folder / "workspace"
    plain = '[arms]\nnone = []\nmixed = ["mnli", "squad_v1"]\n'
    text = RECIPE.format(model=tiny_xlmr).replace("controls = true\n", "")
    assert plain in text
    recipe.write_text(text.replace(plain, "") + ARMS, encoding="utf-8")
    report = stiltwalk.run(recipe, workspace, console=Console(file=io.StringIO())).report
    return Walked(recipe=recipe, workspace=workspace, report=report)


def stages_of(walked: Walked, arm: str, kind: str) -> list[Path]:
    return [
        walked.workspace / "stages" / name
        for name in walked.named(kind)
        if OF_ARM[arm] in walked.stages()[name]["does"]
    ]


@pytest.mark.parametrize("arm", OF_ARM)
def test_every_arm_predicts_and_says_what_it_trained(adapted: Walked, arm: str) -> None:
    assert len(stages_of(adapted, arm, "target phase")) == 3
    assert len(stages_of(adapted, arm, "Predict")) >= 3
    for stage in stages_of(adapted, arm, "target phase"):
        marker = json.loads((stage / "complete.json").read_text(encoding="utf-8"))
        assert marker["stage"]["lora"]["merged"] == (arm == "merged")


def test_every_arm_has_a_figure_for_every_target(adapted: Walked) -> None:
    rows = stiltwalk.load(adapted.workspace).rows
    for arm in ("none", *OF_ARM):
        found = {row["task"] for row in rows if row["arm"] == arm and row["split"] == "test"}
        assert found == set(LANGUAGES), arm
    assert "LoRA of rank 4, kept as adapters" in adapted.report.read_text(encoding="utf-8")


@pytest.mark.parametrize("arm", OF_ARM)
def test_little_is_trained_and_counted(adapted: Walked, arm: str) -> None:
    for stage in stages_of(adapted, arm, "target phase"):
        num_trained = json.loads((stage / "dev.json").read_text())["num_trained_parameters"]
        weights = load_file(stage / "model" / "model.safetensors")
        assert 0 < num_trained < 0.5 * sum(each.numel() for each in weights.values())


def test_only_adapters_kept_apart_leave_the_published_weights(
    adapted: Walked, tiny_xlmr: Path
) -> None:
    published = load_file(tiny_xlmr / "model.safetensors")
    for arm in ("merged", "apart"):
        (stage,) = stages_of(adapted, arm, "intermediate phase")
        found = load_file(stage / "model" / "model.safetensors")
        assert found.keys() == published.keys()
        same = {name for name in found if torch.equal(found[name], published[name])}
        assert (same == published.keys()) == (arm == "apart")
        assert all(name in same for name in published if ".attention." not in name)


def test_the_target_phase_trains_the_same_adapters_on(adapted: Walked) -> None:
    (parent,) = stages_of(adapted, "apart", "intermediate phase")
    before = load_file(parent / "model" / "adapter_model.safetensors")
    for stage in stages_of(adapted, "apart", "target phase"):
        after = {
            name.replace("model.roberta.", "model."): value
            for name, value in load_file(stage / "model" / "adapter_model.safetensors").items()
        }
        assert after.keys() == before.keys()
        for name, value in after.items():
            near = float((value - before[name]).abs().max())
            assert 0 < near < 0.05, name  # a fresh one would be far from it


def test_stages_made_anew_have_the_same_bits(adapted: Walked, tmp_path: Path) -> None:
    own = adapted.copied(tmp_path)
    for arm in ("merged", "apart"):
        for stage in (
            *stages_of(own, arm, "intermediate phase"),
            stages_of(own, arm, "target phase")[0],
        ):
            (stage / "complete.json").unlink()
    carry_out(own.recipe, own.workspace)
    assert own.results() == adapted.results()
