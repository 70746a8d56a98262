"""Whether arms that answer at a mask, or learn from few examples, go together with a recipe."""

from __future__ import annotations

from collections.abc import Sequence

from stiltwalk.config.recipe import Arm, Recipe
from stiltwalk.data.source import MINI
from stiltwalk.errors import RecipeError
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.clozes import FIELDS, clozes_in


def check_prompted(name: str, arm: Arm, recipe: Recipe) -> None:
    """Refuse prompts for targets without a cloze, and few examples of what has no classes."""
    if recipe.model.family != "encoder" and (arm.prompt or arm.examples_per_class):
        raise RecipeError(
            f"arms.{name}: prompt and examples_per_class are for encoders; a decoder is asked as "
            "[answering] says."
        )
    if arm.prompt is not None:
        _check_prompt(name, arm, recipe)
    elif arm.unseen_classes:
        raise RecipeError(f"arms.{name}.unseen_classes: a head cannot answer what it never saw.")
    if arm.examples_per_class is None:
        if arm.prompt is not None and arm.prompt.is_trained:
            raise RecipeError(f"arms.{name} trains a soft prompt: give examples_per_class, as 8.")
        return
    for target in recipe.targets:
        if TASKS[target].kind not in FIELDS:
            raise RecipeError(f"arms.{name}.examples_per_class: {target} has no classes of rows.")


def _check_prompt(name: str, arm: Arm, recipe: Recipe) -> None:
    prompt = arm.prompt
    assert prompt is not None
    key = f"arms.{name}.prompt"
    if arm.lora:
        raise RecipeError(f"{key} trains no adapters: leave lora out of the arm.")
    if prompt.reparameterised and prompt.start == "template":
        raise RecipeError(f"{key}: layers would move the start away from the cloze's own words.")
    clozes = clozes_in(prompt.clozes, miniature=recipe.data.source == MINI)
    for target in recipe.targets:
        languages = clozes.languages(TASKS[target])
        if prompt.language not in languages:
            known = f"only in {', '.join(languages)}" if languages else "in no language"
            raise RecipeError(
                f"{key}: {target} has a cloze {known}, not in {prompt.language!r}; looked in "
                f"{clozes.file}."
            )
        cloze = clozes.of(TASKS[target], prompt.language)
        if prompt.start == "template" and all(each.startswith("{") for each in cloze.pieces):
            raise RecipeError(f"{key}: the cloze of {target} has no words to start from.")
    for target, classes in arm.unseen_classes.items():
        _check_unseen(f"arms.{name}.unseen_classes.{target}", target, classes, recipe)


def _check_unseen(key: str, target: str, classes: Sequence[str], recipe: Recipe) -> None:
    if target not in recipe.targets:
        raise RecipeError(f"{key} is for no target of the recipe.")
    labels = TASKS[target].labels
    unknown = next((each for each in classes if each not in labels), None)
    if unknown is not None:
        raise RecipeError(f"{key}: there is no class {unknown!r}, only {', '.join(labels)}.")
    if not 1 < len(classes) <= len(labels) - 2:
        raise RecipeError(
            f"{key} names {len(classes)} of {len(labels)} classes: at least two must be unseen, "
            "and two be left to learn from."
        )
