"""Fetch what a recipe needs from the hub into a folder laid out like it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from stiltwalk.data.hub import RemoteFile, fetch, remote_files
from stiltwalk.data.source import MINI
from stiltwalk.errors import RecipeError
from stiltwalk.recipe.schema import Recipe
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.sources import wanted_splits


def mirror_files(recipe: Recipe) -> list[RemoteFile]:
    """Return the files on the hub that a recipe's tasks are read from, with their sizes.

    Raises:
        RecipeError: if the recipe's rows are those of the embedded benchmark.
        DataError: if the hub cannot be asked.
    """
    if recipe.data.source == MINI:
        raise RecipeError(
            'There is nothing to fetch: data.source is "mini", which is part of the package. Use '
            "`--set data.source=hub` to fetch the real data of the same tasks."
        )
    names = dict.fromkeys(
        name
        for named in (*(arm.tasks for arm in recipe.arms.values()), recipe.targets)
        for task in named
        for name in (task, TASKS[task].train_task)
    )
    return remote_files(wanted_splits([TASKS[name] for name in names], recipe.languages))


def fetch_all(files: list[RemoteFile], folder: Path) -> Iterator[RemoteFile]:
    """Put files into a mirror one by one, yielding each when it is there."""
    for file in files:
        fetch(file, folder)
        yield file
