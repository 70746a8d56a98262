"""The recipes that come with the package, and the start of one of your own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from stiltwalk.errors import RecipeError
from stiltwalk.recipe.load import Source, parse_recipe
from stiltwalk.wording import nearest, shown

_FOLDER = Path(__file__).parents[1] / "recipes"
SHIPPED: Mapping[str, Path] = MappingProxyType(
    {file.stem: file for file in sorted(_FOLDER.glob("*.toml"))}
)
"""By the names that `stiltwalk run` takes in place of a path."""
_OWN = "local"
"""The one whose model and data are the user's."""


def recipe_file(recipe: str | Source) -> Source:
    """Return where a recipe is: a file, or a shipped one by its name; a dict is returned as it is.

    Raises:
        RecipeError: if it is neither.
    """
    if isinstance(recipe, Mapping):
        return recipe
    file = Path(recipe)
    if file.exists() or file.suffix or file.name != str(recipe):
        return file
    if str(recipe) not in SHIPPED:
        raise RecipeError(
            f"There is neither a file nor a shipped recipe {shown(str(recipe))}."
            f"{nearest(str(recipe), tuple(SHIPPED))} `stiltwalk recipes` lists them."
        )
    return SHIPPED[str(recipe)]


def purpose(recipe: Path) -> str:
    """Return what a shipped recipe is for: the first sentence of the comment at its head."""
    lines = recipe.read_text(encoding="utf-8").splitlines()
    comment = " ".join(line.removeprefix("#").strip() for line in lines if line.startswith("#"))
    return comment.partition(". ")[0].rstrip(".") + "."


def start_recipe(file: Path, model: str, data: str) -> None:
    """Write a commented recipe for one's own model and data, or raise `RecipeError`."""
    text = SHIPPED[_OWN].read_text(encoding="utf-8")
    parts = {'"local"': file.stem, '"../models/xlm-roberta-base"': model, '"../data/hub"': data}
    for shipped, own in parts.items():
        text = text.replace(shipped, json.dumps(own, ensure_ascii=False))
    parse_recipe(text, folder=file.parent)
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise RecipeError(f"{file} is there already: give another name.") from error
