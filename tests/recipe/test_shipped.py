"""Tests for stiltwalk.recipe.shipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from stiltwalk.errors import RecipeError
from stiltwalk.recipe.load import read_recipe
from stiltwalk.recipe.shipped import SHIPPED, recipe_file, start_recipe


def test_a_recipe_is_a_file_or_the_name_of_a_shipped_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert recipe_file("mini") == SHIPPED["mini"]
    (tmp_path / "mini").write_text("", encoding="utf-8")
    assert recipe_file("mini") == Path("mini")
    assert recipe_file("own.toml") == Path("own.toml")
    with pytest.raises(RecipeError, match=r"'mni'. Did you mean mini\?"):
        recipe_file("mni")


def test_every_shipped_recipe_has_the_name_of_its_file() -> None:
    for name, file in SHIPPED.items():
        assert read_recipe(file).name == name


def test_a_recipe_of_one_s_own_names_its_model_and_data(tmp_path: Path) -> None:
    file = tmp_path / "reviews.toml"
    start_recipe(file, "../models/tiny", "mini")
    recipe = read_recipe(file)
    assert (recipe.name, recipe.data.source) == ("reviews", "mini")
    assert recipe.model.name == str((tmp_path / "../models/tiny").resolve())
    with pytest.raises(RecipeError, match="there already"):
        start_recipe(file, "other", "hub")
    with pytest.raises(RecipeError, match="name"):
        start_recipe(tmp_path / "no name.toml", "other", "hub")
