"""Tests for stiltwalk.recipe.types: arms with text and translated rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from stiltwalk.errors import RecipeError
from stiltwalk.recipe.load import parse_recipe
from stiltwalk.recipe.schema import Recipe

RECIPE = """
name = "study"
targets = ["xnli"]
model = { name = "mini-base" }
data = { source = "mini" }
[arms]
english = ["mnli"]
[arms.text]
tasks = ["mnli"]
mlm.text = "mini"
[arms.translated]
tasks = ["mnli"]
translated.mnli = { rows = "mini", languages = ["de"] }
"""


def read(*changes: str, folder: Path = Path("/study")) -> Recipe:
    return parse_recipe(RECIPE, folder=folder, changes=changes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("arms.text.mlm.mask=0.2", "Unknown key arms.text.mlm.mask."),
        ("arms.text.mlm={}", "lacks arms.text.mlm.text"),
        ("arms.text.mlm.weight=1.0", "arms.text.mlm.weight"),
        ("arms.text.mlm.exponent=2", "arms.text.mlm.exponent"),
        ("arms.text.mlm.languages=['de', 'de']", "arms.text.mlm.languages names 'de' twice"),
        ("arms.text.mlm.languages=[]", "arms.text.mlm.languages is []"),
        (
            "arms.text.mlm={text='owner/name', config='de', languages=['de', 'fr']}",
            "arms.text.mlm.config is 'de' for 2 languages: write {language}",
        ),
        (
            "arms.text.mlm={text='/texts', config='dump'}",
            "arms.text.mlm.config is 'dump' for all languages: write {language}",
        ),
        ("arms.text.tasks=[]", "arms.text.mlm stands beside no task"),
        ("arms.text.translated.qqp={rows='mini', languages=['de']}", "arms.text.translated.qqp"),
        ("arms.translated.translated.mnli.languages=[]", "arms.translated.translated.mnli.lang"),
        ("arms.translated.translated.mnli.rate=1", "Unknown key arms.translated.translated.mnli."),
        ("arms.other={tasks=['mnli'], mlm={text='mini'}}", "'text' and 'other' ask for the same"),
        ("planned_on='abacus'", "planned_on is 'abacus'"),
    ],
)
def test_an_error_names_the_key(change: str, said: str) -> None:
    with pytest.raises(RecipeError) as caught:
        read(change)
    assert said in str(caught.value)


def test_only_tasks_on_the_hub_can_be_read_translated() -> None:
    ccg = "arms.text={tasks=['ccg'], translated={ccg={rows='owner/name', languages=['de']}}}"
    with pytest.raises(RecipeError, match="only English rows of ccg"):
        read(ccg)
    assert read(ccg.replace("owner/name", "mini")).arms["text"].translated["ccg"].weight == 0.5


def test_folders_are_relative_to_the_recipe_and_other_names_the_hub_s(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    recipe = read(
        "arms.text.mlm.text=texts",
        "arms.translated.translated.mnli.rows=owner/name",
        folder=tmp_path,
    )
    text, rows = recipe.arms["text"].mlm, recipe.arms["translated"].translated["mnli"]
    assert text is not None
    assert text.where.folder == tmp_path / "texts"
    assert rows.where.folder is None
    assert rows.rows == "owner/name"
