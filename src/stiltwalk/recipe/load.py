"""TOML → `Recipe`, with errors that name the key and the nearest spelling.

What published scripts used per target, where it differs from `TrainSettings`' defaults.

Source: `xstilts` the scripts released with Phang et al. (2020), arXiv 2005.13013; `xtreme` those
of Hu et al. (2020), arXiv 2003.11080, for XCOPA of Ruder et al. (2021), arXiv 2104.07412. These
take 3e-5 for XNLI and XCOPA with XLM-R Large: set it there.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from stiltwalk.data.source import HUB, MINI
from stiltwalk.errors import RecipeError
from stiltwalk.files import read_text
from stiltwalk.recipe.schema import Recipe, TrainSettings
from stiltwalk.recipe.validate import check_names
from stiltwalk.tasks import TASKS, declare, target_names
from stiltwalk.tasks.own import own_tasks
from stiltwalk.tasks.task import XTREME, XTREME_R, OwnFiles
from stiltwalk.wording import nearest, shown, wrong_key

Table = dict[str, Any]
Values = dict[str, int | float | str | None]
Source = Path | Mapping[str, Any]
"""A recipe: a TOML file, or what one says."""


def read_recipe(file: Source, changes: Sequence[str] = ()) -> Recipe:
    """Return the recipe in a TOML file, with `--set` changes applied.

    Args:
        file: the recipe; paths inside it are relative to its folder, of a dict to the current one.
        changes: like `intermediate.learning_rate=2e-5`; the value is TOML.

    Raises:
        RecipeError: if the file is missing, is not TOML, or asks for something unknown.
    """
    folder = file.parent if isinstance(file, Path) else Path.cwd()
    return parse_recipe(recipe_text(file), folder=folder, changes=changes)


def recipe_text(recipe: Source) -> str:
    """Return a recipe as TOML; of a dict a line per key, without those that are None.

    Raises:
        RecipeError: if the file cannot be read.
    """
    if not isinstance(recipe, Path):
        return "".join(f"{_key(k)} = {_toml(v)}\n" for k, v in recipe.items() if v is not None)
    try:
        return read_text(recipe)
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(
            f"No recipe could be read at {recipe}: {error}. Give the path of a TOML file."
        ) from error


def _toml(value: object) -> str:
    """Return a value as TOML, a dict in a line."""
    match value:
        case Mapping():
            pairs = (f"{_key(k)} = {_toml(each)}" for k, each in value.items() if each is not None)
            return f"{{ {', '.join(pairs)} }}"
        case list() | tuple():
            return f"[{', '.join(map(_toml, value))}]"
        case _:
            return json.dumps(value, ensure_ascii=False, default=str)


def _key(key: object) -> str:
    text = str(key)
    return text if re.fullmatch(r"[\w-]+", text, re.ASCII) else _toml(text)


def parse_recipe(text: str, *, folder: Path, changes: Sequence[str] = ()) -> Recipe:
    """Return the recipe in a TOML text; see `read_recipe`."""
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # of numbers with 5,000 digits, too
        raise RecipeError(f"The recipe is not valid TOML: {error}.") from error
    try:
        return _made(table, folder, changes)
    except RecursionError as error:
        raise RecipeError("The recipe's tables are nested too deeply.") from error


def _made(table: Table, folder: Path, changes: Sequence[str]) -> Recipe:
    targets = table.get("targets")
    in_file = [str(name) for name in targets] if isinstance(targets, list) else []
    for change in changes:
        _apply(table, change)
    _refuse_former_keys(table)
    _name_endpoint(_inner(table, "model"))
    own = own_tasks(table.pop("tasks", []), folder)
    benchmark = XTREME_R if table.get("benchmark") == XTREME_R else XTREME
    declare((each.task() for each in own), benchmark)
    _fill_targets(table, in_file)
    _fill_arms(table, in_file)
    try:
        recipe = TypeAdapter(Recipe).validate_json(json.dumps(table, default=str))
    except ValidationError as error:
        first = min(error.errors(), key=lambda each: each["loc"][:1] == ("arms",))
        sentence = wrong_key(first, "recipe", _keys_at(first["loc"][:-1]))
        raise RecipeError(sentence) from error  # an arm repeats what its tables start from
    recipe = _with_absolute_paths(replace(recipe, tasks=own), folder)
    check_names(recipe)
    return recipe


def _refuse_former_keys(table: Table) -> None:
    for key in ("pretrain", "pretrain_seed", "decoder"):
        if key in _inner(table, "model"):
            raise RecipeError(
                f"There is no key model.{key} any more: a recipe names its model. Set model.name "
                "to mini-base, to mini-decoder, or to the folder of one that you made with "
                "`python -m stiltwalk.mini_base`."
            )
    answering = _inner(table, "answering")
    former = [
        f"answering.{name}.pooling" for name in answering if "pooling" in _inner(answering, name)
    ]
    if "relative_depth" in table:
        former.append("relative_depth")
    for key in former:
        raise RecipeError(
            f"There is no key {key} any more: set retrieval.{key.rpartition('.')[2]}, which holds "
            "for all retrieval."
        )


def _name_endpoint(model: Table) -> None:
    """Let a model behind a server have the name and the family that it can only have."""
    if model.get("backend") == "endpoint":
        model.setdefault("name", model.get("served_model", ""))
        model.setdefault("family", "causal")


def _inner(table: Table, name: str) -> Table:
    found = table.get(name)
    return found if isinstance(found, dict) else {}


def _apply(table: Table, change: str) -> None:
    key, _, value = change.partition("=")
    *path, last = key.strip().split(".")
    if not value or not last:
        raise RecipeError(
            f"Cannot set {shown(change)}: write it as KEY=VALUE, such as data.test_rows=50."
        )
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError):
        parsed = value  # an unquoted word
    for part in path:
        inner = table.setdefault(part, {})
        if not isinstance(inner, dict):
            raise RecipeError(f"Cannot set {key}: {part} is {shown(inner)}, not a table.")
        table = inner
    table[last] = parsed


def _fill_targets(table: Table, in_file: Sequence[str]) -> None:
    """Give every target its own full settings: preset, then `[target]`, then `[target.NAME]`.

    `dev` is one choice for all targets and arms, or their dev scores could not be compared.
    `in_file` are the targets before `--set` took another choice: their tables may stay.
    """
    if isinstance(target := table.get("target"), dict) and "dev" in target:
        table["target.dev"] = target.pop("dev")
    targets = table.get("targets", [])
    if isinstance(targets, list):  # otherwise the validation says what is wrong
        preset = PRESETS.get(str(table.get("preset", "xstilts")), {})
        start = {name: dict(preset.get(_like(name, preset), {})) for name in map(str, targets)}
        table["target"] = _by_target("target", table.get("target", {}), start, in_file)


def _like(target: str, preset: Mapping[str, Values]) -> str:
    """Return the target whose values hold for one: its own, or of one with its checkpoint."""
    if target in preset or target not in TASKS:
        return target
    alike = (each for each in preset if TASKS[each].train_task == TASKS[target].trained_on)
    return next(alike, target)


def _by_target(
    key: str,
    given: Any,  # noqa: ANN401 - not validated yet
    start: Mapping[str, Table],
    in_file: Sequence[str],
) -> Any:  # noqa: ANN401
    if not isinstance(given, dict):
        return given  # the validation says what is wrong
    shared = {name: value for name, value in given.items() if not isinstance(value, dict)}
    own = {name: value for name, value in given.items() if isinstance(value, dict)}
    for name in own.keys() - start.keys():
        if name not in in_file:
            raise RecipeError(
                f"[{key}.{shown(name)[1:-1]}] is for no target of the recipe: leave it out."
                f"{nearest(name, list(start) or target_names())}"
            )
        _check_settings(f"{key}.{name}.", own[name])
    return {name: {**values, **shared, **own.get(name, {})} for name, values in start.items()}


def _check_settings(start: str, given: Table) -> None:
    try:
        TypeAdapter(TrainSettings).validate_json(json.dumps(given, default=str))
    except ValidationError as error:
        known = [each.name for each in fields(TrainSettings)]
        raise RecipeError(wrong_key(error.errors()[0], "recipe", known, start)) from error


def _fill_arms(table: Table, in_file: Sequence[str]) -> None:
    arms = table.get("arms")
    kinds = {"targets": list, "target": dict, "intermediate": dict}
    is_filled = all(isinstance(table.get(key, {}), kind) for key, kind in kinds.items())
    if not isinstance(arms, dict) or not is_filled:
        return  # the validation says what is wrong
    for name, value in arms.items():
        arm = arms[name] = {"tasks": value} if isinstance(value, list) else value
        if not isinstance(arm, dict):
            raise RecipeError(
                f"Arm {shown(name)} is {shown(value)}: give a list of intermediate tasks, or a "
                f"table [arms.{name}] with tasks = […]."
            )
        if isinstance(arm.get("intermediate", {}), dict):
            arm["intermediate"] = {**table.get("intermediate", {}), **arm.get("intermediate", {})}
        target = arm.get("target", {})
        arm["target"] = _by_target(f"arms.{name}.target", target, table["target"], in_file)


def _keys_at(path: tuple[str | int, ...]) -> list[str]:
    hint: Any = Recipe
    for part in path:
        if is_dataclass(hint):
            hint = get_type_hints(hint)[str(part)]
        else:
            hint = get_args(hint)[0 if get_origin(hint) is tuple else 1]
        if get_origin(hint) is UnionType:
            hint = get_args(hint)[0]
    return [each.name for each in fields(hint)] if is_dataclass(hint) else []


def _with_absolute_paths(recipe: Recipe, folder: Path) -> Recipe:

    def absolute(name: str | None) -> str | None:
        return None if name is None else str((folder / Path(name).expanduser()).resolve())

    def here(name: str) -> str:
        is_folder = name.startswith((".", "~")) or (folder / name).is_dir()
        return absolute(name) or name if is_folder and name != MINI else name

    data = recipe.data
    source = data.source if data.source in (MINI, HUB) else absolute(data.source)
    own: Table = {name.value: absolute(getattr(data, name)) for name in OwnFiles}
    data = replace(data, source=source or MINI, **own)
    arms = {}
    for name, arm in recipe.arms.items():
        mlm = arm.mlm and replace(arm.mlm, text=here(arm.mlm.text))
        rows = {task: replace(each, rows=here(each.rows)) for task, each in arm.translated.items()}
        prompt = arm.prompt and replace(arm.prompt, clozes=absolute(arm.prompt.clozes))
        arms[name] = replace(arm, mlm=mlm, translated=rows, prompt=prompt)
    model = recipe.model
    if model.backend != "endpoint":
        model = replace(model, name=here(model.name))
    return replace(recipe, data=data, model=model, arms=arms)


_XTREME: Values = {
    "learning_rate": 2e-5,
    "effective_batch_size": 32,
    "warmup_share": 0.0,
    "weight_decay": 0.0,
    "max_length_tokens": 128,
    "eval_rows": None,
}
_XTREME_QUESTIONS: Values = {
    **_XTREME,
    "learning_rate": 3e-5,
    "num_epochs": 3,
    "warmup_steps": 500,
    "weight_decay": 1e-4,
    "max_length_tokens": 384,
    "keep": "last",
}
_LAREQA: Values = {
    "learning_rate": 2e-5,
    "effective_batch_size": 16,
    "micro_batch_size": 4,
    "sort_window_batches": 1,
    "warmup_share": 0.0,
    "weight_decay": 0.0,
}
"""XTREME-R's; questions on one paragraph are of one length, and must not be sorted together."""
_MEWSLIX: Values = {
    **_LAREQA,
    "num_epochs": 2,
    "effective_batch_size": 256,
    "micro_batch_size": 64,
    "max_length_tokens": 64,
}
"""XTREME-R's for mBERT; XLM-R Large there: 1e-5, batches of 32 in parts of 8."""
_RANKING = {
    "lareqa": _LAREQA,
    **dict.fromkeys(("mewslix", "mewslix_dev", "mewslix_sample"), _MEWSLIX),
}
_FEW_ROWS: Values = {"num_epochs": 20, "effective_batch_size": 16}
"""For SIB-200's 701 rows; neither paper trains on them."""

PRESETS: Mapping[str, Mapping[str, Values]] = {
    "xstilts": {
        "xnli": {"num_epochs": 2},
        "pawsx": {"num_epochs": 5},
        "udpos": {"num_epochs": 10},
        "panx": {"num_epochs": 10},
        "xquad": {"num_epochs": 2, "effective_batch_size": 16},
        "mlqa": {"num_epochs": 2, "effective_batch_size": 16},
        "tydiqa": {"num_epochs": 2, "effective_batch_size": 16},
        "sib200": _FEW_ROWS,
        **_RANKING,
        "xcopa": {"num_epochs": 5},
        "xcopa_siqa": {"num_epochs": 5},
    },
    "xtreme": {
        "xnli": {**_XTREME, "num_epochs": 5},
        "pawsx": {**_XTREME, "num_epochs": 5},
        "udpos": {**_XTREME, "num_epochs": 10},
        "panx": {**_XTREME, "num_epochs": 10},
        "xquad": _XTREME_QUESTIONS,
        "mlqa": _XTREME_QUESTIONS,
        "tydiqa": _XTREME_QUESTIONS,
        "sib200": _XTREME | _FEW_ROWS,
        **_RANKING,
        "xcopa": {**_XTREME, "num_epochs": 5},
        "xcopa_siqa": {**_XTREME, "num_epochs": 5},
    },
}
