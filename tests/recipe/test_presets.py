"""Tests for stiltwalk.recipe.load: published values reach every target, and can be changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from stiltwalk.errors import RecipeError
from stiltwalk.recipe.load import parse_recipe
from stiltwalk.recipe.schema import Recipe

RECIPE = """
name = "study"
targets = ["xnli", "panx", "xquad"]
arms = { none = [] }
model = { name = "mini-base" }
data = { source = "mini" }
"""


def recipe(text: str = "") -> Recipe:
    return parse_recipe(text + RECIPE, folder=Path())


def test_the_default_preset_is_that_of_the_paper() -> None:
    target = recipe().target
    assert [target[name].num_epochs for name in ("xnli", "panx", "xquad")] == [2, 10, 2]
    assert target["xquad"].effective_batch_size == 16
    assert {each.learning_rate for each in target.values()} == {1e-5}
    assert {each.warmup_share for each in target.values()} == {0.1}


def test_xtremes_preset_keeps_the_last_weights_of_questions() -> None:
    target = recipe('preset = "xtreme"\n').target
    assert (target["xquad"].keep, target["panx"].keep) == ("last", "best")
    assert (target["xquad"].warmup_steps, target["xquad"].weight_decay) == (500, 1e-4)
    assert (target["panx"].warmup_share, target["panx"].eval_rows) == (0.0, None)
    assert [target[name].max_length_tokens for name in target] == [128, 128, 384]


def test_a_value_of_the_recipe_wins_over_the_preset() -> None:
    target = parse_recipe(
        'preset = "xtreme"\n' + RECIPE + "[target]\nnum_epochs = 1\n[target.panx]\nkeep = 'last'\n",
        folder=Path(),
    ).target
    assert {each.num_epochs for each in target.values()} == {1}
    assert target["panx"].keep == "last"
    assert target["panx"].learning_rate == 2e-5


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(RecipeError, match="preset is 'paper'"):
        recipe('preset = "paper"\n')


def test_an_unknown_key_of_mixing_names_the_nearest_one() -> None:
    with pytest.raises(RecipeError, match=r"Unknown key mixing\.caps\. Did you mean cap\?"):
        parse_recipe(RECIPE + "[mixing]\ncaps = 3\n", folder=Path())


@pytest.mark.parametrize("arm", ["../up", "a/b", "labels", ".hidden"])
def test_an_arm_s_name_can_name_a_folder(arm: str) -> None:
    with pytest.raises(RecipeError, match="An arm cannot be called"):
        parse_recipe(
            RECIPE.replace("{ none = [] }", f'{{ none = [], "{arm}" = ["mnli"] }}'), folder=Path()
        )
