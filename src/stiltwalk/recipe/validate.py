"""Whether what a recipe names exists and goes together, before any work is done."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from stiltwalk.data.by_language import ByLanguage
from stiltwalk.data.source import MINI
from stiltwalk.errors import RecipeError
from stiltwalk.recipe.schema import NAME, Arm, Claim, Recipe
from stiltwalk.recipe.types import WITH_OPTIONS, MeasureSettings
from stiltwalk.records import BASELINE_ARM, TaskType
from stiltwalk.tasks import EVERY_INTERMEDIATE, TASKS, intermediate_names, target_names
from stiltwalk.tasks.clozes import FIELDS, clozes_in
from stiltwalk.tasks.task import Task
from stiltwalk.wording import nearest, shown


def _check_decoder(recipe: Recipe) -> None:
    arms = recipe.arms.values()
    model = recipe.model
    if model.family == "encoder":
        if recipe.answering or model.backend != "transformers":
            raise RecipeError(
                "[answering] and model.backend are for decoders: set model.family to 'causal', or "
                "leave them out."
            )
        return
    _check_endpoint(recipe)
    if any(arm.mlm for arm in arms):
        raise RecipeError("model.family is 'causal': leave `mlm` out of the arms.")
    if recipe.precision == "auto":
        raise RecipeError("precision is 'auto', which only encoders know: choose fp32 or bf16.")
    asked = dict.fromkeys((*recipe.targets, *(task for arm in arms for task in arm.tasks)))
    asked |= dict.fromkeys(name for each in recipe.targets for name in TASKS[each].train_tasks)
    for name, how in recipe.answering.items():
        if name not in asked:
            raise RecipeError(
                f"[answering.{name}] is for no task of the recipe. There is: {', '.join(asked)}."
            )
        if how.way == "scoring" and TASKS[name].task_type not in WITH_OPTIONS:
            raise RecipeError(
                f"answering.{name}.way is 'scoring', but the answers of {name} are no fixed "
                "options: leave it out, or set it to generation."
            )


def _check_ranking(recipe: Recipe) -> None:
    for name in recipe.targets:
        if TASKS[name].task_type is TaskType.RANKING and recipe.model.family != "encoder":
            raise RecipeError(
                f"{name} is for encoders, and model.family is 'causal': leave it out."
            )


def _check_endpoint(recipe: Recipe) -> None:
    """Refuse what cannot be asked of a server, and its keys where there is none."""
    model = recipe.model
    if model.backend != "endpoint":
        for key in ("base_url", "served_model", "price_per_million_tokens"):
            if getattr(model, key) is not None:
                raise RecipeError(
                    f"model.{key} is for a server: set model.backend to 'endpoint', or leave it "
                    "out."
                )
        return
    if not model.base_url or not model.served_model:
        raise RecipeError(
            "model.backend is 'endpoint': say with model.base_url where the server is, and with "
            "model.served_model which of its models is asked."
        )
    if list(recipe.arms) != [BASELINE_ARM] or recipe.controls:
        raise RecipeError(
            "model.backend is 'endpoint', where nothing is trained and no weight is touched: keep "
            f"the arm {BASELINE_ARM!r} alone, without controls."
        )
    for target in recipe.targets:
        if TASKS[target].task_type is TaskType.RETRIEVAL:
            raise RecipeError(
                f"{target} needs vectors of sentences, which no server is asked for: leave it out."
            )


def _check_measure(
    settings: MeasureSettings | None, arms: Collection[str], targets: Sequence[str]
) -> None:
    if settings is None or replace(settings, budget_s=None) == MeasureSettings():
        return  # a budget alone is one for as many pairs as there are
    if BASELINE_ARM not in arms or len(arms) < 2:  # noqa: PLR2004 - one to time, one to time against
        raise RecipeError(
            f"[measure] times arms against the arm {BASELINE_ARM!r}: the recipe needs that arm "
            "and another one."
        )
    end = ", which is no target of the recipe."
    _require_known("measure.targets names", settings.targets, targets, end)


def check_names(recipe: Recipe) -> None:
    """Refuse names that no room knows, before any work is done."""
    if not recipe.arms or not recipe.targets:
        raise RecipeError("The recipe needs at least one arm and one target.")
    _require_known("Unknown target", recipe.targets, target_names())
    _check_arms(recipe)
    _check_decoder(recipe)
    _check_ranking(recipe)
    _check_measure(recipe.measure, recipe.arms, recipe.targets)
    _refuse_repeats("targets", recipe.targets)
    _refuse_repeats("seeds", recipe.seeds)
    every = sorted({language for name in recipe.targets for language in TASKS[name].languages})
    _require_known("No target of the recipe has the language", recipe.languages or (), every)
    for claim in recipe.claims:
        _check_claim(claim, recipe)


def _check_claim(claim: Claim, recipe: Recipe) -> None:
    targets = claim.targets or recipe.targets
    languages = {
        language for name in targets if name in TASKS for language in TASKS[name].languages
    }
    for key, words, known in (
        ("arm", [claim.arm, claim.over], list(recipe.arms)),
        ("target", claim.targets, recipe.targets),
        ("language", claim.languages, sorted(languages)),
    ):
        about = f"The claim {shown(claim.says)} is about the {key}"
        _require_known(about, words, known, ", which the recipe lacks.")


def _require_known(start: str, words: Iterable[str], known: Sequence[str], end: str = ".") -> None:
    for word in words:
        if word not in known:
            raise RecipeError(f"{start} {shown(word)}{end}{nearest(word, known)}")


def _check_arms(recipe: Recipe) -> None:
    named: dict[object, list[tuple[str, Arm]]] = {}
    baseline = recipe.baseline
    for name, arm in recipe.arms.items():
        _check_arm_name(name)
        asks = f"Arm {name!r} asks for the intermediate task"
        _require_known(asks, arm.tasks, intermediate_names())
        _refuse_repeats(f"arms.{name}", arm.tasks)
        _check_beside(name, arm)
        _check_prompted(name, arm, recipe)
        _check_heads(name, arm, recipe)
        ordered = replace(arm, tasks=tuple(sorted(arm.tasks)))
        alike = named.setdefault((ordered.tasks, arm.intermediate, *arm.target.values()), [])
        if (name == BASELINE_ARM) != (arm == baseline):
            raise RecipeError(
                f"Arm {name!r} has {len(arm.tasks)} tasks: the arm without intermediate tasks or "
                f"settings of its own, and no other, is called {BASELINE_ARM!r}."
            )
        twin = next((other for other, known in alike if known == ordered), None)
        if twin:
            raise RecipeError(
                f"Arms {twin!r} and {name!r} ask for the same twice: keep one of them."
            )
        alike.append((name, ordered))


def _check_beside(name: str, arm: Arm) -> None:
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
            f"An arm cannot be called {shown(name)}: its predictions get a folder of that name. "
            "Use at most 100 letters, digits, '.', '_' and '-', and not 'labels'."
        )


def _refuse_repeats(key: str, values: Sequence[object]) -> None:
    repeated = [value for position, value in enumerate(values) if value in values[:position]]
    if repeated:
        raise RecipeError(f"{key} names {repeated[0]!r} twice: name it once.")


def _check_prompted(name: str, arm: Arm, recipe: Recipe) -> None:
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
        if TASKS[target].task_type not in FIELDS:
            raise RecipeError(f"arms.{name}.examples_per_class: {target} has no classes of rows.")


def _check_prompt(name: str, arm: Arm, recipe: Recipe) -> None:
    prompt = arm.prompt
    assert prompt is not None
    key = f"arms.{name}.prompt"
    if arm.lora:
        raise RecipeError(f"{key} trains no adapters: leave lora out of the arm.")
    if prompt.reparameterised and prompt.start == "template":
        raise RecipeError(f"{key}: layers would move the start away from the cloze's own words.")
    if prompt.is_trained and prompt.num_tokens >= prompt.max_length_tokens:
        raise RecipeError(
            f"{key}.num_tokens is {prompt.num_tokens}: rows of {prompt.max_length_tokens} tokens "
            "have no room for a text beside so many."
        )
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


def reused_head(arm: Arm, target: Task) -> str:
    """Return the intermediate task whose trained head a target begins with; empty for a fresh one.

    It has the target's type and labels. Of several the task whose rows the target trains on counts
    first, then the first in `EVERY_INTERMEDIATE`.
    """
    if arm.head == "fresh":
        return ""
    fitting = [name for name in _fitting(target) if name in arm.tasks]
    first = target.train_tasks[0]
    return first if first in fitting else next(iter(fitting), "")


def _fitting(target: Task) -> list[str]:
    source = TASKS[target.train_tasks[0]]
    return [
        name
        for name in EVERY_INTERMEDIATE
        if (TASKS[name].task_type, TASKS[name].labels) == (source.task_type, source.labels)
    ]


def _check_heads(name: str, arm: Arm, recipe: Recipe) -> None:
    if arm.head == "fresh":
        return
    key = f"arms.{name}.head"
    if recipe.model.family != "encoder" or arm.prompt:
        raise RecipeError(f"{key} is 'reuse', but the arm has no heads: leave it out.")
    targets = [TASKS[target] for target in recipe.targets]
    if not any(reused_head(arm, target) for target in targets):
        fitting = sorted({each for target in targets for each in _fitting(target)})
        raise RecipeError(
            f"{key} is 'reuse', but none of its tasks has the type and the labels of a target; "
            f"these have: {', '.join(fitting) or 'none'}. Add one, or leave head out."
        )
