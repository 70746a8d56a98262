"""Tests for stiltwalk.execution.plan_view: what the shipped recipes would take, beforehand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stiltwalk.execution.plan_view import plan_view

RECIPES = Path(__file__).parents[2] / "recipes"
SHIPPED = ("paper", "base", "mini", "mini_full", "mini_decoder", "mini_prompts")


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Return the plan of every shipped recipe, with empty caches and without network."""
    workspace = tmp_path_factory.mktemp("nothing")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(workspace))
        patch.setenv("HF_HOME", str(workspace))
        patch.setenv("HF_HUB_CACHE", str(workspace))
        return {name: plan_view(RECIPES / f"{name}.toml", workspace) for name in SHIPPED}


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_recipe_is_planned_without_network(
    plans: dict[str, dict[str, Any]], name: str
) -> None:
    to_do = plans[name]["to_do"]
    assert to_do["num_stages"] == len(plans[name]["stages"]) > 0
    assert min(to_do["num_tokens"], to_do["time_s"], to_do["disk_bytes"]) > 0


def test_the_paper_s_experiment_has_its_arms_targets_and_seeds(
    plans: dict[str, dict[str, Any]],
) -> None:
    for name in ("paper", "base"):
        walked = [s for s in plans[name]["stages"] if s["does"].startswith("train on ")]
        assert len(walked) == 3 * (9 + 3)  # seeds; tasks alone and three variants
        asked = [s for s in plans[name]["stages"] if s["does"].startswith("predict ")]
        assert len(asked) == 3 * 13 * 9 - 2 * 2  # the untouched encoder is asked for all seeds once


def test_a_device_is_named_with_what_it_is_taken_to_do(plans: dict[str, dict[str, Any]]) -> None:
    assert "one H100 SXM (taken to do 346 TFLOP/s in bf16)" in plans["paper"]["estimates"]
    assert "one GeForce RTX 3090" in plans["base"]["estimates"]
    assert "two CPU cores" in plans["mini_full"]["estimates"]


def test_what_is_still_to_come_is_listed_once(plans: dict[str, dict[str, Any]]) -> None:
    wanted = plans["paper"]["to_download"]
    assert len(set(wanted)) == len(wanted)
    assert "the model FacebookAI/xlm-roberta-large (no such folder here)" in wanted
    for each in ("the data of ccg", "the data of bucc2018", "the data of anli_plus"):
        assert each in wanted
    assert "text (wikimedia/wikipedia)" in wanted
    assert "the data of mnli (facebook/xnli)" in wanted
    assert plans["mini_full"]["to_download"] == plans["mini_full"]["to_make"] == []


def test_our_own_decoder_is_made_and_not_downloaded(plans: dict[str, dict[str, Any]]) -> None:
    plan = plans["mini_decoder"]
    assert plan["to_download"] == []
    assert plan["to_make"] == ["mini-decoder"]
    sizes = {stage["disk_bytes"] for stage in plan["stages"]} - {0}
    assert max(sizes) < 20e6, "it is as small as the encoder that it is made of"


def test_the_large_encoder_is_known_by_its_name(plans: dict[str, dict[str, Any]]) -> None:
    sizes = {
        name: next(s["disk_bytes"] for s in plans[name]["stages"] if s["disk_bytes"])
        for name in ("base", "paper")
    }
    assert sizes["base"] == pytest.approx(1.1e9, rel=0.05)
    assert sizes["paper"] == pytest.approx(2.24e9, rel=0.05)


def test_text_adds_its_share_of_the_examples(plans: dict[str, dict[str, Any]]) -> None:
    stages = {s["does"]: s["num_examples"] for s in plans["paper"]["stages"]}
    plain = stages["train on mnli"]
    assert stages["train on mnli with MLM in 40 languages"] == pytest.approx(plain / 0.8, rel=1e-3)
    assert stages["train on mnli translated into 3 languages"] == plain
