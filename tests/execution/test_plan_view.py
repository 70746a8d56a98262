"""Tests for stiltwalk.execution.plan_view: what the shipped recipes would take, beforehand."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stiltwalk.errors import ModelError, RecipeError
from stiltwalk.execution.plan_view import plan_view, recipes_view
from stiltwalk.recipe.shipped import SHIPPED

NAMES = sorted(SHIPPED.keys() - {"local"})  # whose model and data are the user's


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Return the plan of every shipped recipe, with empty caches and without network."""
    workspace = tmp_path_factory.mktemp("nothing")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(workspace))
        patch.setenv("HF_HOME", str(workspace))
        patch.setenv("HF_HUB_CACHE", str(workspace))
        return {name: plan_view(SHIPPED[name], workspace) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
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


def planned(model: Path, tmp_path: Path, *changes: str) -> dict[str, Any]:
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(
        'name = "tiny"\ntargets = ["xnli"]\ndata = { source = "mini" }\narms = { none = [] }\n'
        f'model = {{ name = "{model}" }}\n',
        encoding="utf-8",
    )
    return plan_view(recipe, tmp_path / "workspace", changes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("target.max_length_tokens=257", "target.xnli.max_length_tokens is 257, but "),
        ("arms.a.target.xnli.max_length_tokens=300", "arms.a.target.xnli.max_length_tokens is 300"),
        ("arms.a.lora.rank=33", "arms.a.lora.rank is 33, but "),
    ],
)
def test_what_the_model_has_no_room_for_is_refused(
    tiny_xlmr: Path, tmp_path: Path, change: str, said: str
) -> None:
    assert planned(tiny_xlmr, tmp_path, "target.max_length_tokens=256")["stages"]
    with pytest.raises(RecipeError, match=re.escape(said)):
        planned(tiny_xlmr, tmp_path, change)


def test_positions_that_are_relative_take_any_length(
    families: dict[str, Path], tmp_path: Path
) -> None:
    assert planned(families["deberta-v2"], tmp_path, "target.max_length_tokens=9000")["stages"]


def test_the_tokenizer_of_another_model_is_refused(tiny_xlmr: Path, tmp_path: Path) -> None:
    model = Path(shutil.copytree(tiny_xlmr, tmp_path / "model"))
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    (model / "config.json").write_text(json.dumps(config | {"vocab_size": 90}), encoding="utf-8")
    with pytest.raises(ModelError, match="they belong to different"):
        planned(model, tmp_path)
    (model / "tokenizer.json").write_text("[]", encoding="utf-8")
    with pytest.raises(ModelError, match="could not be read as a fast tokenizer"):
        planned(model, tmp_path)


def test_rows_of_a_folder_are_counted_and_lacking_languages_named(
    tiny_xlmr: Path, tmp_path: Path, believe: Callable[..., None]
) -> None:
    table = pa.table({"sentence1": ["a"] * 7, "sentence2": ["b"] * 7, "label": [0] * 7})
    for code, split in (("en", "train"), ("en", "validation"), ("de", "test"), ("en", "test")):
        file = f"google/xtreme/PAWS-X.{code}/{split}-00000-of-00001.parquet"
        (tmp_path / "data" / file).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, tmp_path / "data" / file)
    told = ("targets=['pawsx']", f"data.source='{tmp_path / 'data'}'", "languages=['de','fr']")
    plan = planned(tiny_xlmr, tmp_path, *told, "target.num_epochs=1")
    sizes = {s["does"]: s["num_examples"] for s in plan["stages"] if s["num_examples"]}
    assert set(sizes.values()) == {7}, sizes
    (said,) = plan["warnings"]
    assert said.startswith("pawsx: there are no test rows in fr, so these are left out")
    believe("cpu bf16")
    assert len(planned(tiny_xlmr, tmp_path, *told, "precision='bf16'")["warnings"]) == 1
    believe()
    *_, said = planned(tiny_xlmr, tmp_path, *told, "precision='bf16'")["warnings"]
    assert "this cpu has no arithmetic" in said
    assert "Set precision to fp32" in said


def test_a_task_s_own_length_that_the_model_has_no_positions_for_is_told(
    tiny_xlmr: Path, tmp_path: Path
) -> None:
    (said,) = planned(tiny_xlmr, tmp_path, "targets=['xquad', 'xnli']")["warnings"]
    assert said.startswith("A row of xquad may have 384 tokens, but ")
    assert "set target.xquad.max_length_tokens to 256 or less" in said
    assert not planned(tiny_xlmr, tmp_path, "targets=['xquad']", "target.max_length_tokens=200")[
        "warnings"
    ]


def test_shipped_recipes_are_listed_with_what_they_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    found = {each["name"]: each for each in recipes_view()}
    assert found.keys() == SHIPPED.keys()
    assert all(len(each["purpose"]) > 20 for each in found.values())
    assert found["mini"]["time_s"] < found["paper"]["time_s"]
    assert found["local"]["time_s"] is None
