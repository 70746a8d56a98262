"""Tests for stiltwalk.recipe.validate: prompts that a recipe may and may not ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from stiltwalk.errors import DataError, RecipeError
from stiltwalk.recipe.load import parse_recipe

RECIPE = """
name = "r"
targets = [{targets}]
[model]
name = "mini-base"
[data]
source = "mini"
[arms]
none = []
[arms.p]
{arm}
"""
SOFT = 'prompt = { method = "soft" }\nexamples_per_class = 8'


def parse(arm: str, targets: str = '"sib200", "xnli"') -> None:
    parse_recipe(RECIPE.format(arm=arm, targets=targets), folder=Path())


@pytest.mark.parametrize(
    "arm",
    [
        'prompt = { method = "nearest_words" }',
        SOFT,
        f'tasks = ["mnli"]\n{SOFT}',
        "examples_per_class = 8",
        f'{SOFT}\nunseen_classes.sib200 = ["travel", "health"]',
    ],
)
def test_prompts_and_few_examples_are_read(arm: str) -> None:
    parse(arm)


@pytest.mark.parametrize(
    ("arm", "targets", "found"),
    [
        ('prompt = { method = "soft" }', '"sib200"', "give examples_per_class, as 8"),
        ('prompt = { method = "hard" }', '"sib200"', "arms.p.prompt.method is 'hard'"),
        (
            'prompt = { method = "soft", words = 3 }',
            '"sib200"',
            "Unknown key .*Did you mean num_words",
        ),
        (SOFT, '"sib200", "panx"', "panx has a cloze in no language"),
        ("examples_per_class = 8", '"panx"', "panx has no classes of rows"),
        (
            'prompt = { method = "nearest_words", language = "xx" }',
            '"xnli"',
            "xnli has a cloze only in en, not in 'xx'",
        ),
        (
            'prompt = { method = "soft", start = "template", reparameterised = true }',
            '"sib200"',
            "layers would move the start",
        ),
        (
            'prompt = { method = "soft", start = "template" }\nexamples_per_class = 8',
            '"xnli"',
            "the cloze of xnli has no words",
        ),
        (f"{SOFT}\nlora = {{}}", '"sib200"', "trains no adapters"),
        (f'{SOFT}\nunseen_classes.pawsx = ["0", "1"]', '"sib200"', "for no target of the recipe"),
        (f'{SOFT}\nunseen_classes.sib200 = ["travel", "x"]', '"sib200"', "no class 'x'"),
        (f'{SOFT}\nunseen_classes.sib200 = ["travel"]', '"sib200"', "names 1 of 7 classes"),
        (
            'examples_per_class = 8\nunseen_classes.sib200 = ["travel", "health"]',
            '"sib200"',
            "a head cannot answer what it never saw",
        ),
    ],
)
def test_what_cannot_be_done_is_refused(arm: str, targets: str, found: str) -> None:
    with pytest.raises(RecipeError, match=found):
        parse(arm, targets)


OWN = """
[sib200.formal]
template = "{text} Matter: {mask}"
[sib200.formal.words]
"science/technology" = ["science"]
travel = ["travel"]
politics = ["politics"]
sports = ["sports"]
health = ["health"]
entertainment = ["film"]
geography = ["land"]
"""
ASKED = 'prompt = { method = "nearest_words", clozes = "mine.toml", language = "formal" }'


def test_clozes_of_one_s_own_stand_beside_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(OWN, encoding="utf-8")
    recipe = parse_recipe(RECIPE.format(arm=ASKED, targets='"sib200"'), folder=tmp_path)
    prompt = recipe.arms["p"].prompt
    assert prompt is not None
    assert prompt.clozes == str(tmp_path / "mine.toml")
    with pytest.raises(RecipeError, match=r"xnli has a cloze in no language.*in .*mine\.toml"):
        parse_recipe(RECIPE.format(arm=ASKED, targets='"sib200", "xnli"'), folder=tmp_path)
    arm = ASKED.replace('"formal"', '"en"')
    with pytest.raises(RecipeError, match=r"only in formal, not in 'en'; looked in .*mine\.toml"):
        parse_recipe(RECIPE.format(arm=arm, targets='"sib200"'), folder=tmp_path)


def test_a_class_that_is_missing_in_one_s_own_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(OWN.replace("geography", "#"), encoding="utf-8")
    with pytest.raises(DataError, match=r"mine\.toml, \[sib200.formal\].*'geography'"):
        parse_recipe(RECIPE.format(arm=ASKED, targets='"sib200"'), folder=tmp_path)
