"""TOML → `Recipe`, with errors that name the key and the nearest spelling."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from stiltwalk.config.beside import MaskedText, Translated
from stiltwalk.config.measure import MeasureSettings, check_measure
from stiltwalk.config.presets import PRESETS
from stiltwalk.config.pretrain import PretrainSettings
from stiltwalk.config.recipe import (
    NAME,
    Arm,
    Claim,
    DataSettings,
    LoRA,
    Mixing,
    ModelSettings,
    Recipe,
    TrainSettings,
)
from stiltwalk.data.source import HUB, MINI
from stiltwalk.errors import RecipeError
from stiltwalk.records import BASELINE_ARM
from stiltwalk.tasks import INTERMEDIATE, TARGETS, TASKS

Table = dict[str, Any]


def read_recipe(file: Path, changes: Sequence[str] = ()) -> Recipe:
    """Return the recipe in a TOML file, with `--set` changes applied.

    Args:
        file: the recipe; paths inside it are relative to its folder.
        changes: like `intermediate.learning_rate=2e-5`; the value is TOML.

    Raises:
        RecipeError: if the file is missing, is not TOML, or asks for something unknown.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")  # Windows editors put a mark first
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(
            f"No recipe could be read at {file}: {error}. Give the path of a TOML file."
        ) from error
    return parse_recipe(text, folder=file.parent, changes=changes)


def parse_recipe(text: str, *, folder: Path, changes: Sequence[str] = ()) -> Recipe:
    """Return the recipe in a TOML text; see `read_recipe`."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"The recipe is not valid TOML: {error}.") from error
    for change in changes:
        _apply(table, change)
    _fill_targets(table)
    _fill_arms(table)
    try:
        recipe = TypeAdapter(Recipe).validate_json(json.dumps(table, default=str))
    except ValidationError as error:
        first = min(error.errors(), key=lambda each: each["loc"][:1] == ("arms",))
        raise RecipeError(_sentence(first)) from error  # an arm repeats what its tables start from
    _check_names(recipe)
    return _with_absolute_paths(recipe, folder)


def _apply(table: Table, change: str) -> None:
    """Set one dotted key of the table to a TOML value."""
    key, _, value = change.partition("=")
    *path, last = key.strip().split(".")
    if not value or not last:
        raise RecipeError(
            f"Cannot set {change!r}: write it as KEY=VALUE, such as data.test_rows=50."
        )
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value  # an unquoted word
    for part in path:
        inner = table.setdefault(part, {})
        if not isinstance(inner, dict):
            raise RecipeError(f"Cannot set {key}: {part} is {inner!r}, not a table.")
        table = inner
    table[last] = parsed


def _fill_targets(table: Table) -> None:
    """Give every target its own full settings: preset, then `[target]`, then `[target.NAME]`."""
    targets = table.get("targets", [])
    if isinstance(targets, list):  # otherwise the validation says what is wrong
        preset = PRESETS.get(str(table.get("preset", "xstilts")), {})
        start = {name: dict(preset.get(name, {})) for name in map(str, targets)}
        table["target"] = _by_target("target", table.get("target", {}), start)


def _by_target(key: str, given: Any, start: Mapping[str, Table]) -> Any:  # noqa: ANN401 - not validated yet
    """Return every target's settings, changed by a table's own values and its inner tables."""
    if not isinstance(given, dict):
        return given  # the validation says what is wrong
    shared = {name: value for name, value in given.items() if not isinstance(value, dict)}
    own = {name: value for name, value in given.items() if isinstance(value, dict)}
    unknown = next((name for name in own if name not in TARGETS), None)
    if unknown:
        raise RecipeError(f"[{key}.{unknown}] is for no target.{_nearest(unknown, TARGETS)}")
    return {name: {**values, **shared, **own.get(name, {})} for name, values in start.items()}


def _fill_arms(table: Table) -> None:
    """Make every arm a table with its own full settings: the recipe's, then the arm's."""
    arms = table.get("arms")
    is_filled = isinstance(table.get("targets"), list) and isinstance(table.get("target"), dict)
    if not isinstance(arms, dict) or not is_filled:
        return  # the validation says what is wrong
    for name, value in arms.items():
        arm = arms[name] = {"tasks": value} if isinstance(value, list) else value
        if not isinstance(arm, dict):
            raise RecipeError(
                f"Arm {name!r} is {value!r}: give a list of intermediate tasks, or a table "
                f"[arms.{name}] with tasks = […]."
            )
        if isinstance(arm.get("intermediate", {}), dict):
            arm["intermediate"] = {**table.get("intermediate", {}), **arm.get("intermediate", {})}
        arm["target"] = _by_target(f"arms.{name}.target", arm.get("target", {}), table["target"])


def _sentence(error: ErrorDetails) -> str:
    """Return what pydantic found as one sentence with the key's path."""
    path = ".".join(str(part) for part in error["loc"])
    if error["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        known = [f.name for f in fields(_class_at(error["loc"][:-1]))]
        return f"Unknown key {path}.{_nearest(str(error['loc'][-1]), known)}"
    if error["type"] in ("missing", "missing_argument"):
        return f"The recipe lacks {path}: give it a value."
    return f"{path} is {error['input']!r}: {error['msg'][0].lower()}{error['msg'][1:]}."


def _class_at(path: tuple[str | int, ...]) -> type[Any]:
    """Return which class of settings a key's path lies in."""
    tables: dict[tuple[str | int, ...], type[Any]] = {
        (): Recipe,
        ("model",): ModelSettings,
        ("model", "pretrain"): PretrainSettings,
        ("data",): DataSettings,
        ("mixing",): Mixing,
        ("arms", ""): Arm,
        ("arms", "", "lora"): LoRA,
        ("arms", "", "mlm"): MaskedText,
        ("arms", "", "translated", ""): Translated,
        ("claims", ""): Claim,
        ("measure",): MeasureSettings,
    }
    named = path[:1] in (("arms",), ("claims",))  # every other part is a name, or a number
    path = tuple("" if named and at % 2 else part for at, part in enumerate(path))
    return tables.get(path, TrainSettings)


def _nearest(word: str, known: Sequence[str]) -> str:
    """Return " Did you mean …?" or the list of what exists."""
    close = get_close_matches(word, known, n=1)
    if close:
        return f" Did you mean {close[0]}?"
    return f" There is: {', '.join(known)}."


def _check_names(recipe: Recipe) -> None:
    """Refuse names that no room knows, before any work is done."""
    if not recipe.arms or not recipe.targets:
        raise RecipeError("The recipe needs at least one arm and one target.")
    if (recipe.model.name is None) == (recipe.model.pretrain is None):
        raise RecipeError("[model] needs either a name or a table [model.pretrain], not both.")
    for target in recipe.targets:
        if target not in TARGETS:
            raise RecipeError(f"Unknown target {target!r}.{_nearest(target, TARGETS)}")
    _check_arms(recipe)
    check_measure(recipe.measure, recipe.arms, recipe.targets)
    _refuse_repeats("targets", recipe.targets)
    _refuse_repeats("seeds", recipe.seeds)
    every = sorted({language for name in recipe.targets for language in TASKS[name].languages})
    for language in recipe.languages or ():
        if language not in every:
            raise RecipeError(
                f"No target of the recipe has the language {language!r}.{_nearest(language, every)}"
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
                f"{_nearest(unknown, known)}"
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
                    f"{_nearest(task, INTERMEDIATE)}"
                )
        _refuse_repeats(f"arms.{name}", arm.tasks)
        _check_beside(name, arm)
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
            raise RecipeError(f"{key}.{task} is no task of the arm.{_nearest(task, arm.tasks)}")
        if not TASKS[task].hub and rows.rows != MINI:
            raise RecipeError(f"{key}.{task}: only English rows of {task} can be read.")
        _refuse_repeats(f"{key}.{task}.languages", rows.languages)
    _refuse_repeats(f"arms.{name}.mlm.languages", arm.mlm.languages or () if arm.mlm else ())


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


def _with_absolute_paths(recipe: Recipe, folder: Path) -> Recipe:
    """Return the recipe with folders resolved against the recipe's own folder."""

    def absolute(name: str | None) -> str | None:
        return None if name is None else str((folder / Path(name).expanduser()).resolve())

    def here(name: str) -> str:
        """Resolve what is a folder; other names are the hub's, or our own."""
        is_folder = name.startswith((".", "~")) or (folder / name).is_dir()
        return absolute(name) or name if is_folder and name != MINI else name

    data = recipe.data
    source = data.source if data.source in (MINI, HUB) else absolute(data.source)
    data = replace(
        data,
        source=source or MINI,
        bucc=absolute(data.bucc),
        ccg=absolute(data.ccg),
        ud=absolute(data.ud),
    )
    arms = {}
    for name, arm in recipe.arms.items():
        mlm = arm.mlm and replace(arm.mlm, text=here(arm.mlm.text))
        rows = {task: replace(each, rows=here(each.rows)) for task, each in arm.translated.items()}
        arms[name] = replace(arm, mlm=mlm, translated=rows)
    model = replace(recipe.model, name=recipe.model.name and here(recipe.model.name))
    return replace(recipe, data=data, model=model, arms=arms)
