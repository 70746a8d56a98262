"""A recipe's way from its file to finished stages: read, plan, run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import transformers
from rich.console import Console

from stiltwalk.config import Recipe, read_recipe
from stiltwalk.config.model_folder import locate
from stiltwalk.pipeline.context import Context
from stiltwalk.pipeline.progress import Narrator
from stiltwalk.pipeline.provenance import provenance
from stiltwalk.pipeline.runner import run
from stiltwalk.plan import build_plan
from stiltwalk.plan.stages import Base
from stiltwalk.store import Workspace
from stiltwalk.store.record import record_of, write_record
from stiltwalk.tasks.load import revision


@dataclass(frozen=True)
class Finished:
    """What carrying out a recipe came to: the run's name, and how many stages were new."""

    name: str
    num_carried_out: int


def carry_out(
    file: Path, workspace: Path, console: Console, changes: Sequence[str] = ()
) -> Finished:
    """Carry out a recipe; what the workspace holds already is kept.

    Args:
        file: the recipe.
        workspace: where stages are kept.
        console: where progress goes.
        changes: `--set` changes, such as `data.test_rows=50`.

    Raises:
        StiltwalkError: see the tree in `stiltwalk.errors`.
    """
    recipe = read_recipe(file, changes)
    store = Workspace(workspace)
    transformers.utils.logging.disable_progress_bar()
    with store.lock():
        base_folder, base = _base(recipe)
        plan = build_plan(
            recipe, base=base, revision=lambda task: revision(task, recipe.data.where)
        )
        record = record_of(plan, _recipe_text(file, changes))
        write_record(store, record)
        with Narrator(console) as narrator:
            context = Context(
                workspace=store,
                data=recipe.data.where,
                base_folder=base_folder,
                provenance=provenance(),
                progress=narrator.progress,
            )
            num_carried_out = run(plan, context, narrator)
    return Finished(recipe.name, num_carried_out)


def _base(recipe: Recipe) -> tuple[Path | None, Base | None]:
    """Find the base encoder, downloading it if the recipe names one on the hub."""
    if recipe.model.name is None:
        return None, None
    found = locate(recipe.model, fetch=True)
    return found.folder, Base(name=found.name, revision=found.revision)


def _recipe_text(file: Path, changes: Sequence[str]) -> str:
    text = file.read_text(encoding="utf-8")
    return text + "".join(f"# --set {change}\n" for change in changes)
