"""What a workspace holds of a recipe's plan, and what the rest would take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from stiltwalk.data import by_language
from stiltwalk.data.source import MINI
from stiltwalk.execution.versions import made_otherwise, said_here
from stiltwalk.models.locate import ModelFolder, locate, read_config
from stiltwalk.recipe.load import read_recipe
from stiltwalk.recipe.schema import Arm, Recipe
from stiltwalk.stages.cost import DEVICES, ModelShape
from stiltwalk.stages.encoder import Base
from stiltwalk.stages.graph import Plan, build_plan
from stiltwalk.store.machine import measured_on
from stiltwalk.store.manifest import RecordedArm, RecordedGap, RecordedStage, RunRecord
from stiltwalk.store.remote import workspace_at
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.sources import UNKNOWN, known_languages, revision


def record_of(plan: Plan, recipe_text: str) -> RunRecord:
    """Return what is kept of a plan."""
    recipe = plan.recipe
    stages = tuple(
        stage.recorded(arm) for stage in plan.stages for arm in plan.arms_of.get(stage, ("",))
    )
    return RunRecord(
        name=recipe.name,
        recipe=recipe_text,
        data=recipe.data.where,
        test_rows=recipe.data.test_rows,
        languages=recipe.languages,
        arms=tuple(recipe.arms),
        targets=recipe.targets,
        seeds=recipe.seeds,
        stages=stages,
        gaps=tuple(_gaps(recipe, stages)),
        model=recipe.model.name,
        walked={name: _recorded_arm(arm) for name, arm in recipe.arms.items()},
        claims=recipe.claims,
        tasks=recipe.tasks,
        dev=recipe.dev,
        max_train_rows=min(
            (rows for arm in recipe.arms.values() for rows in _limits(arm, recipe.targets)),
            default=None,
        ),
    )


def _limits(arm: Arm, targets: Sequence[str]) -> Iterator[int]:
    """Yield the numbers of training rows that an arm is limited to."""
    asked = [arm.intermediate] if arm.tasks else []
    for settings in (*asked, *(arm.target[task] for task in targets if task in arm.target)):
        if settings.max_rows is not None:
            yield settings.max_rows


def _recorded_arm(arm: Arm) -> RecordedArm:
    return RecordedArm(
        tasks=arm.tasks,
        has_mlm=arm.mlm is not None,
        is_translated=bool(arm.translated),
        adapters=", ".join(_in_place(arm)),
        prompt=arm.prompt.says if arm.prompt else "",
        rows_per_class=0 if arm.prompt and not arm.prompt.is_trained else arm.examples_per_class,
        unseen={target: len(classes) for target, classes in arm.unseen_classes.items()},
    )


def _in_place(arm: Arm) -> Iterator[str]:
    """Yield what stands in the place of training the whole encoder with a head on all rows."""
    if arm.lora:
        yield arm.lora.says
    if arm.head == "reuse":
        yield "trained heads reused"
    if arm.prompt:
        yield arm.prompt.says
    if arm.examples_per_class:
        yield f"{arm.examples_per_class} examples a class"
    for target, classes in arm.unseen_classes.items():
        yield f"{len(classes)} classes of {target} unseen"


def _gaps(recipe: Recipe, stages: Iterable[RecordedStage]) -> Iterator[RecordedGap]:
    """Yield the languages of every target that were asked for and cannot be had."""
    evaluated = {each.target: each.languages for each in stages if each.target}
    for target in recipe.targets:
        for language in known_languages(TASKS[target], miniature=recipe.data.source == MINI):
            if language in evaluated.get(target, ()):
                continue
            if recipe.languages is None or language in recipe.languages:
                reason = "The data source has no test rows in this language."
                yield RecordedGap(target=target, language=language, reason=reason)


_XLM_R_BASE = ModelShape(num_blocks=12, width=768, vocabulary_size=250_002)
_XLM_R_LARGE = ModelShape(num_blocks=24, width=1024, vocabulary_size=250_002)
_QWEN_3_SMALL = ModelShape(num_blocks=28, width=1024, vocabulary_size=151_936)


def plan_view(file: Path, workspace: str | Path, changes: Sequence[str] = ()) -> dict[str, Any]:
    """Return the plan of a recipe as a JSON document; nothing is run, fetched or written.

    Raises:
        StiltwalkError: if the recipe, its data or its model cannot be used.
    """
    recipe = read_recipe(file, changes)
    found = locate(recipe.model, fetch=False)
    plan = build_plan(
        recipe,
        base=Base(name=found.name, revision=found.revision),
        revision=lambda task, splits: revision(task, recipe.data.where, splits, ask_hub=False),
        place_revision=partial(by_language.revision, ask_hub=False),
        measured_on=measured_on(),
    )
    store, shape = workspace_at(workspace), shape_of(recipe, found)
    stages = [
        {
            "fingerprint": stage.fingerprint,
            "does": stage.title,
            "kept": store.has(stage),
            **asdict(stage.cost(recipe, shape)),
            "settings": stage.shown_settings,
        }
        for stage in plan.stages
    ]
    kept = [stage for stage, said in zip(plan.stages, stages, strict=True) if said["kept"]]
    return {
        "recipe": recipe.name,
        "stages": stages,
        "to_do": _total([stage for stage in stages if not stage["kept"]]),
        "to_download": _to_download(plan, found),
        "to_make": [found.name] if found.folder is None and found.sized_as else [],
        "other_versions": said_here(made_otherwise(kept, store)),
        "planned_on": recipe.planned_on,
        "estimates": _estimates(recipe),
    }


def _estimates(recipe: Recipe) -> str:
    device = DEVICES[recipe.planned_on]
    speed = device.flops_per_s(recipe.precision) / 1e12
    return (
        f"Examples, tokens, time on {device.name} (taken to do {speed:,.3g} TFLOP/s in "
        f"{recipe.precision}) and disk are estimates."
    )


def plan_table(document: dict[str, Any]) -> Table:
    """Return the stages of a plan as a table for people."""
    table = Table(title=f"Plan of {document['recipe']}", title_justify="left", box=None)
    table.add_column("stage")
    table.add_column("what it does", overflow="fold")
    table.add_column("state")
    for column in ("examples", "tokens", "about"):
        table.add_column(column, justify="right")
    for stage in document["stages"]:
        table.add_row(
            stage["fingerprint"],
            stage["does"],
            "kept" if stage["kept"] else "to do",
            *_figures(stage),
        )
    return table


def print_plan(document: dict[str, Any], console: Console) -> None:
    """Show a plan, its sum, and what would be downloaded."""
    console.print(plan_table(document))
    to_do = document["to_do"]
    console.print(
        f"\nTo do: {to_do['num_stages']} of {len(document['stages'])} stages, "
        f"{to_do['num_tokens']:,} tokens, about {duration(to_do['time_s'])}, "
        f"{to_do['disk_bytes'] / 1e6:,.0f} MB on disk. {document['estimates']}",
        highlight=False,
    )
    for each in document["to_download"]:
        console.print(f"To download: {each}", highlight=False)
    for each in document["to_make"]:
        console.print(f"The model {each} is made first, in minutes, once.", highlight=False)
    for each in document["other_versions"]:
        console.print(each, highlight=False, markup=False, soft_wrap=True)


def _figures(stage: dict[str, Any]) -> tuple[str, str, str]:
    if not stage["num_examples"]:
        return ("", "", "")
    return (
        f"{stage['num_examples']:,}",
        f"{stage['num_tokens']:,}",
        duration(stage["time_s"]),
    )


def duration(time_s: float) -> str:
    """Return a time in the largest unit that it holds at least twice."""
    for unit, unit_s in (("h", 3600), ("min", 60)):
        if time_s >= 2 * unit_s:
            return f"{time_s / unit_s:,.0f} {unit}"
    return f"{time_s:.0f} s"


def _total(stages: Sequence[dict[str, Any]]) -> dict[str, Any]:
    keys = ("num_examples", "num_tokens", "time_s", "disk_bytes")
    return {"num_stages": len(stages), **{key: sum(s[key] for s in stages) for key in keys}}


def shape_of(recipe: Recipe, found: ModelFolder) -> ModelShape:
    """Return the size of the base model; a usual one where nobody knows it yet."""
    folder = found.folder or found.sized_as
    if folder is None:
        if recipe.model.family == "causal":
            return _QWEN_3_SMALL
        return _XLM_R_LARGE if "large" in recipe.model.name.lower() else _XLM_R_BASE
    config = read_config(folder)
    return ModelShape(
        num_blocks=config["num_hidden_layers"],
        width=config["hidden_size"],
        vocabulary_size=config["vocab_size"],
    )


def _to_download(plan: Plan, found: ModelFolder) -> list[str]:
    """Name what is not here yet."""
    names: dict[str, None] = {}
    if found.folder is None and found.sized_as is None:
        names[f"the model {found.name} (no such folder here)"] = None
    for stage in plan.stages:
        for rows in stage.reads:
            if UNKNOWN in rows.revision:
                names[rows.title] = None
    return list(names)
