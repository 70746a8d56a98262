"""Tests for the claims that a recipe asks to be judged."""

from pathlib import Path

import pytest

from stiltwalk.errors import RecipeError
from stiltwalk.recipe.load import parse_recipe
from stiltwalk.recipe.schema import Claim, Recipe

RECIPE = """
name = "study"
targets = ["xnli", "udpos"]
[model]
name = "mini-base"
[data]
source = "mini"
[arms]
none = []
mnli = ["mnli"]
[[claims]]
says = "MNLI helps Swahili"
arm = "mnli"
"""


def read(line: str = "") -> Recipe:
    return parse_recipe(f"{RECIPE}{line}\n", folder=Path())


def test_a_claim_is_about_the_baseline_and_all_targets_unless_it_says_more() -> None:
    assert read().claims == (Claim(says="MNLI helps Swahili", arm="mnli", over="none"),)
    (claim,) = read('targets = ["xnli"]\nlanguages = ["sw"]\nby_points = 0.5').claims
    assert (claim.targets, claim.languages, claim.by_points) == (("xnli",), ("sw",), 0.5)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('over = "mnly"', "arm 'mnly', which the recipe lacks. Did you mean mnli?"),
        ('targets = ["panx"]', "target 'panx', which the recipe lacks."),
        ('targets = ["udpos"]\nlanguages = ["sw"]', "language 'sw', which the recipe lacks."),
        ("by_point = 1", "Unknown key claims.0.by_point. Did you mean by_points?"),
    ],
)
def test_a_claim_that_nothing_could_decide_is_refused(line: str, said: str) -> None:
    with pytest.raises(RecipeError) as caught:
        read(line)
    assert said in str(caught.value)
