"""Which intermediate task to take for each target, before anything is trained for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.console import Console

from stiltwalk.errors import RecipeError
from stiltwalk.execution.cells import part_of
from stiltwalk.execution.plan_view import planned, record_of, shape_of
from stiltwalk.execution.progress import Narrator
from stiltwalk.execution.study import run_plan, run_text
from stiltwalk.recipe.load import Source, read_recipe
from stiltwalk.recipe.schema import Recipe
from stiltwalk.recipe.types import SelectSettings
from stiltwalk.recipe.validate import require_encoder
from stiltwalk.records import BASELINE_ARM
from stiltwalk.selection.ratings import SELECTORS, Rating, advised
from stiltwalk.selection.regret import tiers
from stiltwalk.stages.cost import DEVICES, ModelShape
from stiltwalk.stages.graph import Plan, is_single, selection_plan
from stiltwalk.stages.rate import read_ratings
from stiltwalk.stages.stage import Stage
from stiltwalk.store.manifest import keep_record
from stiltwalk.store.remote import workspace_at
from stiltwalk.store.workspace import Workspace
from stiltwalk.tables import terminal
from stiltwalk.tables.table import Cell, Table, heads
from stiltwalk.tasks.load import forget_rows
from stiltwalk.wording import duration

_SHOWN = 3


def suggest(
    file: Source,
    workspace: str | Path,
    console: Console,
    changes: Sequence[str] = (),
    num_trained: int = 0,
) -> dict[str, Any]:
    """Rate every intermediate task of a recipe for each target; see `stiltwalk.suggest`."""
    forget_rows()
    recipe = read_recipe(file, changes)
    require_encoder(recipe)
    recipe = replace(recipe, select=recipe.select or SelectSettings())
    store = workspace_at(workspace)
    with store.lock(), Narrator(console) as narrator:
        whole, found = planned(recipe, fetch=True)
        plan = selection_plan(whole, store.has)
        if not plan.stages:
            raise RecipeError(
                "There is nothing to rate: no arm names an intermediate task, or no target is "
                'trained. Name candidates in [arms], such as mnli = ["mnli"].'
            )
        for line in _told_before(whole, plan, shape_of(recipe, found), store):
            narrator.line(line)
        run_plan(plan, found, store, narrator)
        ratings = [each for stage in plan.stages for each in read_ratings(store, stage)]
        says = list(_said(recipe, ratings))
        if num_trained:
            best = _best(recipe, ratings, num_trained)
            says += _told_left_out(recipe, best)
            keep_record(store, record_of(whole, run_text(file, changes)))
            part = part_of(whole, lambda cell: cell.arm in best[cell.target])
            run_plan(part, found, store, narrator)
    return {"recipe": recipe.name, "ratings": [asdict(each) for each in ratings], "says": says}


def _best(recipe: Recipe, ratings: Sequence[Rating], number: int) -> dict[str, list[str]]:
    """Return the arms to train for every target, the baseline first.

    Selectors rate nothing for retrieval, which takes what they advise for other targets together.
    """
    arms = {arm.tasks[0]: name for name, arm in recipe.arms.items() if is_single(arm)}
    baseline = [BASELINE_ARM] * (BASELINE_ARM in recipe.arms)
    found = {}
    for target in recipe.targets:
        ours = [each for each in ratings if each.target == target] or ratings
        by_selector: dict[str, dict[str, float]] = {}
        for each in ours:
            if each.source in arms:
                by_selector.setdefault(f"{each.selector} {each.target}", {})[each.source] = (
                    each.value
                )
        votes = advised(by_selector)
        order = sorted(votes, key=lambda name: -votes[name])
        found[target] = [*baseline, *(arms[name] for name in order[:number])]
    return found


def _told_left_out(recipe: Recipe, best: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for target, trained in best.items():
        left = [arm for arm in recipe.arms if arm not in trained]
        out = f"left out: {', '.join(left)}" if left else "nothing left out"
        yield f"Trained for {target}: {', '.join(trained)}; {out}."
    yield (
        "mnli is among them wherever it is an arm, since no selector was shown to be better than "
        "always taking it; the others have most votes of the selectors. `stiltwalk run` trains "
        "what was left out."
    )


def _told_before(whole: Plan, plan: Plan, shape: ModelShape, store: Workspace) -> Iterator[str]:
    """Yield what rating takes, and what training all of it would."""

    def time_s(stages: Iterable[Stage]) -> float:
        costs = [each.cost(plan.recipe, shape).time_s for each in stages if not store.has(each)]
        return sum(costs)

    yield (
        f"Rating takes about {duration(time_s(plan.stages))} on "
        f"{DEVICES[plan.recipe.planned_on].name}; carrying out the whole recipe "
        f"{duration(time_s(whole.stages))}."
    )


def _said(recipe: Recipe, ratings: Sequence[Rating]) -> Iterator[str]:
    rated = {each.target for each in ratings}
    left = [target for target in recipe.targets if target not in rated]
    if left:
        yield f"Not rated, since no English rows train them: {', '.join(left)}."
    used = {each.selector for each in ratings}
    for name, (needs, means) in SELECTORS.items():
        if name in used:
            yield f"{name}: {means}; needs {needs}."
    lacking = [name for name in SELECTORS if name not in used]
    if lacking:
        yield (
            f"{', '.join(lacking)} need every intermediate task trained, not the targets; this "
            "workspace holds none of them."
        )
    if not any(each.source == BASELINE_ARM for each in ratings):
        yield (
            f"Selectors of the base model alone do not rate {BASELINE_ARM!r}: whether any "
            "intermediate task helps, they cannot tell."
        )


def suggestion_table(document: Mapping[str, Any]) -> Table:
    """Return every target's best candidates by every selector."""
    found: dict[tuple[str, str], dict[str, list[float]]] = {}
    for each in document["ratings"]:
        of = found.setdefault((each["target"], each["selector"]), {})
        of.setdefault(each["source"], []).append(each["value"])
    by_place = {
        place: {source: fmean(values) for source, values in of.items()}
        for place, of in found.items()
    }
    targets = dict.fromkeys(target for target, _ in by_place)
    selectors = [name for name in SELECTORS if any(of == name for _, of in by_place)]
    return Table(
        name="suggestions",
        title="Intermediate tasks for each target",
        note=f"The best {_SHOWN} of each selector, the best first; equals are joined by =.",
        columns=heads("target", *selectors),
        rows=tuple(
            (Cell(target), *(Cell(_first(by_place[target, name])) for name in selectors))
            for target in targets
        ),
    )


def print_suggestions(document: Mapping[str, Any], console: Console) -> None:
    """Show the best candidates of every selector, and what each means."""
    terminal.show(suggestion_table(document), console)
    for line in document["says"]:
        console.print(line, soft_wrap=True, highlight=False, markup=False)


def _first(scores: Mapping[str, float]) -> str:
    """Return the first tiers of candidates, as many as make up what is shown."""
    shown: list[str] = []
    num = 0
    for tier in tiers(scores, scores):
        if num < _SHOWN:
            shown.append(" = ".join(tier) if len(tier) <= _SHOWN else f"{len(tier)} alike")
        num += len(tier)
    return ", ".join(shown)
