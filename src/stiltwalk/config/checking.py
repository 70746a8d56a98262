"""Whether what a recipe names exists and goes together, before any work is done."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches

from stiltwalk.config.decoder import check_decoder
from stiltwalk.config.heads import check_heads
from stiltwalk.config.measure import check_measure
from stiltwalk.config.prompted import check_prompted
from stiltwalk.config.recipe import NAME, Arm, Claim, Recipe
from stiltwalk.data.by_language import ByLanguage
from stiltwalk.data.source import MINI
from stiltwalk.errors import RecipeError
from stiltwalk.records import BASELINE_ARM
from stiltwalk.tasks import EVERY_TARGET, INTERMEDIATE, TASKS


def nearest(word: str, known: Sequence[str]) -> str:
    """Return " Did you mean …?" or the list of what exists."""
    close = get_close_matches(word, known, n=1)
    if close:
        return f" Did you mean {close[0]}?"
    return f" There is: {', '.join(known)}."


def check_names(recipe: Recipe) -> None:
    """Refuse names that no room knows, before any work is done."""
    if not recipe.arms or not recipe.targets:
        raise RecipeError("The recipe needs at least one arm and one target.")
    made = (recipe.model.name, recipe.model.pretrain, recipe.model.decoder)
    if sum(each is not None for each in made) != 1:
        raise RecipeError(
            "[model] needs either a name or a table [model.pretrain], for a decoder "
            "[model.decoder], not both."
        )
    for target in recipe.targets:
        if target not in EVERY_TARGET:
            raise RecipeError(f"Unknown target {target!r}.{nearest(target, EVERY_TARGET)}")
    _check_arms(recipe)
    check_decoder(recipe)
    check_measure(recipe.measure, recipe.arms, recipe.targets)
    _refuse_repeats("targets", recipe.targets)
    _refuse_repeats("seeds", recipe.seeds)
    every = sorted({language for name in recipe.targets for language in TASKS[name].languages})
    for language in recipe.languages or ():
        if language not in every:
            raise RecipeError(
                f"No target of the recipe has the language {language!r}.{nearest(language, every)}"
            )
    for claim in recipe.claims:
        _check_claim(claim, recipe)


def _check_claim(claim: Claim, recipe: Recipe) -> None:
    """Refuse a claim that no row of the run could ever decide."""
    targets = claim.targets or recipe.targets
    languages = {
        language for name in targets if name in TASKS for language in TASKS[name].languages
    }
    for key, words, known in (
        ("arm", [claim.arm, claim.over], list(recipe.arms)),
        ("target", claim.targets, recipe.targets),
        ("language", claim.languages, sorted(languages)),
    ):
        unknown = next((word for word in words if word not in known), None)
        if unknown is not None:
            raise RecipeError(
                f"The claim {claim.says!r} is about the {key} {unknown!r}, which the recipe lacks."
                f"{nearest(unknown, known)}"
            )


def _check_arms(recipe: Recipe) -> None:
    """Refuse arms that are unknown, equal, or hide the baseline."""
    named: list[tuple[str, Arm]] = []
    for name, arm in recipe.arms.items():
        _check_arm_name(name)
        for task in arm.tasks:
            if task not in INTERMEDIATE:
                raise RecipeError(
                    f"Arm {name!r} asks for the intermediate task {task!r}."
                    f"{nearest(task, INTERMEDIATE)}"
                )
        _refuse_repeats(f"arms.{name}", arm.tasks)
        _check_beside(name, arm)
        check_prompted(name, arm, recipe)
        check_heads(name, arm, recipe)
        ordered = replace(arm, tasks=tuple(sorted(arm.tasks)))
        if (name == BASELINE_ARM) != (arm == recipe.baseline):
            raise RecipeError(
                f"Arm {name!r} has {len(arm.tasks)} tasks: the arm without a stepping stone or "
                f"settings of its own, and no other, is called {BASELINE_ARM!r}."
            )
        twin = next((other for other, known in named if known == ordered), None)
        if twin:
            raise RecipeError(
                f"Arms {twin!r} and {name!r} ask for the same twice: keep one of them."
            )
        named.append((name, ordered))


def _check_beside(name: str, arm: Arm) -> None:
    """Refuse text or translations that belong to no task of the arm, and unreadable languages."""
    if arm.mlm and not arm.tasks:
        raise RecipeError(f"arms.{name}.mlm stands beside no task: name the arm's tasks.")
    key = f"arms.{name}.translated"
    for task, rows in arm.translated.items():
        if task not in arm.tasks:
            raise RecipeError(f"{key}.{task} is no task of the arm.{nearest(task, arm.tasks)}")
        if not TASKS[task].hub and rows.rows != MINI:
            raise RecipeError(f"{key}.{task}: only English rows of {task} can be read.")
        _check_languages(f"{key}.{task}", rows.where, rows.languages)
    if arm.mlm:
        _check_languages(f"arms.{name}.mlm", arm.mlm.where, arm.mlm.languages)


def _check_languages(key: str, where: ByLanguage, languages: Sequence[str] | None) -> None:
    """Refuse languages that are named twice, or that would all be read from one place."""
    _refuse_repeats(f"{key}.languages", languages or ())
    if (languages is None or len(languages) > 1) and "{language}" not in where.config:
        many = "all" if languages is None else len(languages)
        raise RecipeError(
            f"{key}.config is {where.config!r} for {many} languages: write {{language}} where a "
            "language's two letters stand, or every language is the same text."
        )


def _check_arm_name(name: str) -> None:
    if not re.fullmatch(NAME, name) or name == "labels":
        raise RecipeError(
            f"An arm cannot be called {name!r}: its predictions get a folder of that name. Use "
            "letters, digits, '.', '_' and '-', and not 'labels'."
        )


def _refuse_repeats(key: str, values: Sequence[object]) -> None:
    """Refuse a list that names something twice: it could only be a slip."""
    repeated = [value for position, value in enumerate(values) if value in values[:position]]
    if repeated:
        raise RecipeError(f"{key} names {repeated[0]!r} twice: name it once.")
