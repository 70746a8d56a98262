"""A recipe's way from its file to finished stages: read, plan, run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from stiltwalk.config import Recipe, read_recipe
from stiltwalk.config.model_folder import locate
from stiltwalk.pipeline.context import Context
from stiltwalk.pipeline.progress import Narrator
from stiltwalk.plan import Plan, build_plan
from stiltwalk.plan.stages import Base
from stiltwalk.store import Workspace
from stiltwalk.store.processes import leads, num_processes
from stiltwalk.store.record import keep_record, page_of, record_of
from stiltwalk.tasks.load import forget_rows, revision


@dataclass(frozen=True)
class Finished:
    """What carrying out a recipe came to.

    Args:
        name: the run's.
        page: where its report is, or will be.
        needs_report: whether a stage or the run's record is new, or there is no report yet.
    """

    name: str
    page: Path
    needs_report: bool


def carry_out(
    file: Path, workspace: Path, console: Console, changes: Sequence[str] = ()
) -> Finished:
    """Carry out a recipe; what the workspace holds already is kept.

    Of several processes that were started together, the first does so and the others help.

    Args:
        file: the recipe.
        workspace: where stages are kept.
        console: where progress goes.
        changes: `--set` changes, such as `data.test_rows=50`.

    Raises:
        StiltwalkError: see the tree in `stiltwalk.errors`.
    """
    forget_rows()
    recipe = read_recipe(file, changes)
    store = Workspace(workspace)
    if not leads():
        _help_out()
        return Finished(recipe.name, page_of(store, recipe.name), needs_report=False)
    with store.lock():
        base_folder, base = _base(recipe)
        plan = build_plan(
            recipe, base=base, revision=lambda task: revision(task, recipe.data.where)
        )
        record = record_of(plan, _recipe_text(file, changes))
        is_new = keep_record(store, record)
        missing = [stage for stage in plan.stages if not store.has(stage)]
        if missing:
            _run(plan, store, base_folder, console)
    if num_processes() > 1:
        _dismiss_helpers()
    page = page_of(store, recipe.name)
    return Finished(recipe.name, page, bool(missing) or is_new or not page.is_file())


def _run(plan: Plan, store: Workspace, base_folder: Path | None, console: Console) -> None:
    """Carry out what is missing; only now are torch and transformers needed."""
    from stiltwalk.models.device import require_device  # noqa: PLC0415
    from stiltwalk.pipeline.provenance import provenance  # noqa: PLC0415
    from stiltwalk.pipeline.runner import run  # noqa: PLC0415
    from stiltwalk.train.tracking import require_trackers  # noqa: PLC0415

    require_device(plan.recipe.precision)
    require_trackers(plan.recipe.trackers)
    with Narrator(console) as narrator:
        context = Context(
            workspace=store,
            data=plan.recipe.data.where,
            base_folder=base_folder,
            num_threads=plan.recipe.num_threads,
            resume_every_s=plan.recipe.resume_every_s,
            trackers=plan.recipe.trackers,
            provenance=provenance(),
            progress=narrator.progress,
        )
        run(plan, context, narrator)


def _help_out() -> None:
    """Train with the first of several processes; see `pipeline.team`."""
    from stiltwalk.pipeline.runner import help_out  # noqa: PLC0415

    help_out()


def _dismiss_helpers() -> None:
    from stiltwalk.pipeline.team import dismiss_helpers  # noqa: PLC0415

    dismiss_helpers()


def _base(recipe: Recipe) -> tuple[Path | None, Base | None]:
    """Find the base encoder, downloading it if the recipe names one on the hub."""
    if recipe.model.name is None:
        return None, None
    found = locate(recipe.model, fetch=True)
    return found.folder, Base(name=found.name, revision=found.revision)


def _recipe_text(file: Path, changes: Sequence[str]) -> str:
    text = file.read_text(encoding="utf-8-sig")
    return text + "".join(f"# --set {change}\n" for change in changes)
