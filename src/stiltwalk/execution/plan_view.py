"""What a workspace holds of a recipe's plan, and what the rest would take."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from stiltwalk.data import by_language
from stiltwalk.data.source import MINI
from stiltwalk.errors import ModelError, RecipeError, StiltwalkError
from stiltwalk.execution.provenance import made_otherwise, said_here
from stiltwalk.models.locate import (
    ONLY_HEADS,
    ModelFolder,
    locate,
    longest_row,
    no_head,
    read_config,
    require_vocabulary,
)
from stiltwalk.recipe.load import PRESETS, Source, read_recipe
from stiltwalk.recipe.schema import Arm, Recipe
from stiltwalk.recipe.shipped import SHIPPED, purpose
from stiltwalk.stages.cost import DEVICES, ModelShape, told_asked, told_ranking
from stiltwalk.stages.encoder import Base
from stiltwalk.stages.graph import Plan, build_plan
from stiltwalk.stages.served import ServedBase
from stiltwalk.stages.stage import Stage
from stiltwalk.store.machine import measured_on
from stiltwalk.store.manifest import RecordedArm, RecordedGap, RecordedStage, RunRecord
from stiltwalk.store.remote import workspace_at
from stiltwalk.tables import terminal
from stiltwalk.tables.table import Cell, Table, heads
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.sources import UNKNOWN, known_languages, revision
from stiltwalk.wording import duration


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
        benchmark=recipe.benchmark,
        arms=tuple(recipe.arms),
        targets=recipe.targets,
        seeds=recipe.seeds,
        stages=stages,
        gaps=tuple(_gaps(recipe, stages)),
        model=recipe.model.name,
        made_of={name: _recorded_arm(arm) for name, arm in recipe.arms.items()},
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


_MANY = 3
"""More arms that share a stage are counted, not named."""
_XLM_R_BASE = ModelShape(num_blocks=12, width=768, vocabulary_size=250_002)
_XLM_R_LARGE = ModelShape(num_blocks=24, width=1024, vocabulary_size=250_002)
_QWEN_3_SMALL = ModelShape(num_blocks=28, width=1024, vocabulary_size=151_936)


def planned(recipe: Recipe, *, fetch: bool) -> tuple[Plan, ModelFolder]:
    """Return what a recipe asks for and where its model is; what is accepted here can be run.

    Args:
        recipe: whose names and settings were checked when it was read.
        fetch: whether the hub may be asked, and the model be downloaded.

    Raises:
        StiltwalkError: if the recipe, its data or its model cannot be used.
    """
    base, found = _base(recipe, fetch=fetch)
    plan = build_plan(
        recipe,
        base=base,
        revision=lambda task, splits: revision(task, recipe.data.where, splits, ask_hub=fetch),
        place_revision=partial(by_language.revision, ask_hub=fetch),
        measured_on=measured_on(),
    )
    if found.folder:
        _check_model(plan, found.folder)
    return plan, found


def _base(recipe: Recipe, *, fetch: bool) -> tuple[Base | ServedBase, ModelFolder]:
    """Return the stage of the base model and its files, none of one behind a server."""
    model = recipe.model
    if model.base_url and model.served_model:
        served = ServedBase(base_url=model.base_url.rstrip("/"), model=model.served_model)
        assert served.endpoint, "an address that cannot be is refused here"
        return served, ModelFolder(model.name, "", None)
    found = locate(model, fetch=fetch)
    return Base(name=found.name, revision=found.revision), found


def _check_model(plan: Plan, folder: Path) -> None:
    """Refuse what the model has no positions, no width or no words for."""
    recipe, config = plan.recipe, read_config(folder)
    room, width = longest_row(config), config["hidden_size"]
    for key, asked in _lengths(recipe):
        if room is not None and asked is not None and asked > room:
            raise RecipeError(
                f"{key} is {asked:,}, but {recipe.model.name} has positions for {room:,} tokens: "
                f"set it to {room} or less."
            )
    for name, arm in recipe.arms.items():
        if arm.lora and arm.lora.rank > width:
            raise RecipeError(
                f"arms.{name}.lora.rank is {arm.lora.rank:,}, but {recipe.model.name} is "
                f"{width:,} wide: set it far below that."
            )
    require_vocabulary(config, folder)
    _check_heads(plan, str(config.get("model_type")))
    clozes = {cloze for stage in plan.stages for cloze in stage.clozes}
    if clozes:
        from stiltwalk.features.sentences import label_ids
        from stiltwalk.features.text import load_text_encoder

        for cloze in clozes:
            label_ids(cloze, load_text_encoder(folder))


def _check_heads(plan: Plan, family: str) -> None:
    able = ONLY_HEADS.get(family) if plan.recipe.model.family == "encoder" else None
    for task_type in (TASKS[task].task_type for stage in plan.stages for task in stage.tasks):
        if able and task_type not in able:
            raise ModelError(no_head(family, task_type))


def _lengths(recipe: Recipe) -> Iterator[tuple[str, int | None]]:
    """Yield the lengths of rows that a recipe itself asks for, by key."""
    baseline = recipe.baseline
    for start, arm in {"": baseline, **{f"arms.{n}.": a for n, a in recipe.arms.items()}}.items():
        if arm.tasks or arm is baseline:
            yield f"{start}intermediate.max_length_tokens", arm.intermediate.max_length_tokens
        for target, settings in arm.target.items():
            preset = PRESETS[recipe.preset].get(target, {}).get("max_length_tokens")
            if settings.max_length_tokens != preset:
                yield f"{start}target.{target}.max_length_tokens", settings.max_length_tokens
        if arm.mlm:
            yield f"{start}mlm.max_length_tokens", arm.mlm.max_length_tokens
        if arm.prompt:
            yield f"{start}prompt.max_length_tokens", arm.prompt.max_length_tokens


def plan_view(file: Source, workspace: str | Path, changes: Sequence[str] = ()) -> dict[str, Any]:
    """Return the plan of a recipe as a JSON document; nothing is run, fetched or written.

    Raises:
        StiltwalkError: if the recipe, its data or its model cannot be used.
    """
    recipe = read_recipe(file, changes)
    plan, found = planned(recipe, fetch=False)
    store, shape = workspace_at(workspace), shape_of(recipe, found)
    kept = store.complete([stage.fingerprint for stage in plan.stages])
    arms = _arms_of(plan)
    stages = [
        {
            "part": _part(stage, arms.get(stage, ()), recipe),
            "fingerprint": stage.fingerprint,
            "does": stage.title,
            "kept": stage.fingerprint in kept,
            **vars(stage.cost(recipe, shape)),
            "settings": stage.shown_settings,
        }
        for stage in plan.stages
    ]
    otherwise = made_otherwise([each for each in plan.stages if each.fingerprint in kept], store)
    return {
        "recipe": recipe.name,
        "stages": stages,
        "to_do": _total([stage for stage in stages if not stage["kept"]]),
        "to_download": _to_download(plan, found),
        "to_ask": [each["to_ask"] for each in stages if each["to_ask"] and not each["kept"]],
        "to_make": [found.name] if found.folder is None and found.sized_as else [],
        "other_versions": said_here(otherwise),
        "warnings": list(warnings_of(plan, found)),
        "planned_on": recipe.planned_on,
        "estimates": _estimates(recipe),
    }


def _arms_of(plan: Plan) -> dict[Stage, dict[str, None]]:
    """Return the arms whose evaluations rest on each stage."""
    found: dict[Stage, dict[str, None]] = {}
    for stage, names in plan.arms_of.items():
        left = [stage]
        while left:
            each = left.pop()
            found.setdefault(each, {}).update(dict.fromkeys(names))
            left += each.parents
    return found


def _part(stage: Stage, arms: Collection[str], recipe: Recipe) -> str:
    """Return what a stage is a part of: an arm and a seed, or what belongs to none."""
    names = " + ".join(arms) if len(arms) < _MANY else f"{len(arms)} arms"
    seed = f", seed {stage.trained_seed}" if len(recipe.seeds) > 1 and stage.trained_seed else ""
    return f"{names or stage.phase}{seed}"


def warnings_of(plan: Plan, found: ModelFolder) -> Iterator[str]:
    """Yield what may not go as the recipe is read: no positions, languages left out, a format."""
    recipe = plan.recipe
    room = longest_row(read_config(found.folder)) if found.folder else None
    asked = [(f"target.{task}", task, recipe.target[task]) for task in recipe.targets]
    for arm in recipe.arms.values():
        asked += [("intermediate", task, arm.intermediate) for task in arm.tasks]
    for key, task, settings in dict.fromkeys(asked):
        longest = settings.max_length_tokens or TASKS[task].max_length_tokens
        if room is not None and longest > room:
            yield (
                f"A row of {task} may have {longest} tokens, but {recipe.model.name} has positions "
                f"for {room}: set {key}.max_length_tokens to {room} or less, or a row that is "
                "longer ends the run."
            )
    lacking: dict[str, list[str]] = {}
    for gap in record_of(plan, "").gaps:
        lacking.setdefault(gap.target, []).append(gap.language)
    for target, languages in lacking.items():
        yield (
            f"{target}: there are no test rows in {', '.join(languages)}, so these are left out, "
            "and means are over the others. docs/data.md says where rows come from."
        )
    if recipe.precision == "bf16":
        from stiltwalk.models.device import has_bf16, pick_device

        if not has_bf16(device := pick_device()):
            yield (
                f"precision is 'bf16', for which this {device.type} has no arithmetic: training "
                "imitates it, slower than fp32, and predictions are made in fp32. Set precision "
                "to fp32, or run where the device has it."
            )


def _estimates(recipe: Recipe) -> str:
    device = DEVICES[recipe.planned_on]
    speed = device.flops_per_s(recipe.precision) / 1e12
    return (
        f"Examples, tokens, time on {device.name} (taken to do {speed:,.3g} TFLOP/s in "
        f"{recipe.precision}) and disk are estimates."
    )


def plan_table(document: dict[str, Any], *, verbose: bool = False) -> Table:
    """Return the stages of a plan as a table: a row an arm and seed, or where asked each stage."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for stage in document["stages"]:
        groups.setdefault(stage["fingerprint" if verbose else "part"], []).append(stage)
    first = ("stage", "what it does", "state") if verbose else ("part", "stages", "to do")
    return Table(
        name="plan",
        title=f"Plan of {document['recipe']}",
        note="",
        columns=heads(*first, "examples", "tokens", "about"),
        rows=tuple(
            (Cell(name), *(_stage(of[0]) if verbose else _counts(of)), *_figures(_total(of)))
            for name, of in groups.items()
        ),
    )


def _stage(stage: dict[str, Any]) -> tuple[Cell, Cell]:
    return Cell(stage["does"]), Cell("kept" if stage["kept"] else "to do")


def _counts(stages: Sequence[dict[str, Any]]) -> tuple[Cell, Cell]:
    to_do = sum(not stage["kept"] for stage in stages)
    return Cell(f"{len(stages)}", len(stages)), Cell(f"{to_do}", to_do)


def _figures(stage: dict[str, Any]) -> tuple[Cell, Cell, Cell]:
    examples, tokens, time_s = (stage[key] for key in ("num_examples", "num_tokens", "time_s"))
    if not examples:
        about = Cell(duration(time_s), time_s) if time_s >= 1 else Cell("")
        return (Cell(""), Cell(""), about)
    return (
        Cell(f"{examples:,}", examples),
        Cell(f"{tokens:,}", tokens),
        Cell(duration(time_s), time_s),
    )


def print_plan(document: dict[str, Any], console: Console, *, verbose: bool = False) -> None:
    """Show a plan, every stage of it if asked, its sum, and what would be downloaded."""
    terminal.show(plan_table(document, verbose=verbose), console)
    to_do = document["to_do"]
    console.print(
        f"\nTo do: {to_do['num_stages']} of {len(document['stages'])} stages, "
        f"{to_do['num_tokens']:,} tokens, about {duration(to_do['time_s'])}, "
        f"{to_do['disk_bytes'] / 1e6:,.0f} MB on disk. {document['estimates']}",
        highlight=False,
    )
    for each in document["to_download"]:
        console.print(f"To download: {each}", highlight=False)
    if memory_bytes := max(each["memory_bytes"] for each in document["stages"]):
        console.print(told_ranking(memory_bytes), highlight=False, soft_wrap=True)
    for each in document["to_ask"]:
        console.print(told_asked(each), highlight=False, markup=False, soft_wrap=True)
    for each in document["to_make"]:
        console.print(f"The model {each} is made first, in minutes, once.", highlight=False)
    for each in (*document["warnings"], *document["other_versions"]):
        console.print(each, highlight=False, markup=False, soft_wrap=True)


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
    is_here = found.folder or found.sized_as or plan.recipe.model.backend == "endpoint"
    if not is_here:
        names[f"the model {found.name} (no such folder here)"] = None
    for stage in plan.stages:
        for rows in stage.reads:
            if UNKNOWN in rows.revision:
                names[rows.title] = None
    return list(names)


def recipes_view() -> list[dict[str, Any]]:
    """Return the shipped recipes: what each is for, and what all of it would take, where known."""
    with TemporaryDirectory() as empty:
        return [
            {"name": name, "purpose": purpose(file), **_whole_cost(file, empty)}
            for name, file in SHIPPED.items()
        ]


def _whole_cost(file: Path, empty: str) -> dict[str, Any]:
    try:
        document = plan_view(file, empty)
    except StiltwalkError:  # it names a model or data that are still to be given
        return {"num_stages": None, "time_s": None, "planned_on": None}
    known = {key: document["to_do"][key] for key in ("num_stages", "time_s")}
    return known | {"planned_on": DEVICES[document["planned_on"]].name}


def recipes_table(document: Sequence[Mapping[str, Any]]) -> Table:
    """Return the shipped recipes as a table."""
    return Table(
        name="recipes",
        title="Shipped recipes: stiltwalk run NAME",
        note="",
        columns=heads("name", "what it is for", "stages", "about"),
        rows=tuple(
            (Cell(each["name"]), Cell(each["purpose"]), *_cost_cells(each)) for each in document
        ),
    )


def _cost_cells(recipe: Mapping[str, Any]) -> tuple[Cell, Cell]:
    if recipe["time_s"] is None:
        return Cell(""), Cell("")
    about = f"{duration(recipe['time_s'])} on {recipe['planned_on']}"
    return Cell(f"{recipe['num_stages']:,}", recipe["num_stages"]), Cell(about)
