"""Train a multilingual model on English intermediate tasks, then measure it in 40 languages.

One function per verb of the command line; each imports what it needs when it is called.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from stiltwalk import tasks
    from stiltwalk.study import Study
    from stiltwalk.timing.record import Speed

    __version__: str

__all__ = [
    "__version__",
    "choose",
    "compare",
    "compare_scores",
    "export",
    "load",
    "plan",
    "report",
    "run",
    "score",
    "status",
    "suggest",
    "tasks",
]

if not TYPE_CHECKING:  # a type checker would believe in every name

    def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module, or a text
        """Find the version, and import the room `tasks` (`TASKS`, `find`), when first asked for."""
        match name:
            case "tasks":
                return import_module("stiltwalk.tasks")
            case "__version__":
                return import_module("importlib.metadata").version("stiltwalk")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def run(  # noqa: PLR0913 - what the command takes
    recipe: str | Path | Mapping[str, Any],
    workspace: str | Path = "workspace",
    changes: Sequence[str] = (),
    console: Console | None = None,
    executor: str = "local",
    *,
    fresh_versions: bool = False,
    num_next: int | None = None,
) -> Study:
    """Carry out a recipe and write its report; what is there is kept.

    Args:
        recipe: a TOML file, a shipped one's name, such as "mini", or a dict with paths from here.
        workspace: the folder, or the URL that fsspec knows, where stages and reports are kept.
        changes: like `data.test_rows=50`, applied to the recipe.
        console: where progress goes; standard output by default.
        executor: "local" (as many stages at a time as fit), "local://N", "ray", "ray://HEAD:PORT".
        fresh_versions: make kept stages again that other versions of the libraries made.
        num_next: carry out only so many evaluations, those expected to tell most; None for all.

    Raises:
        StiltwalkError: what the user can cause; see the tree in `stiltwalk.errors`.
    """
    _take_huge_pages()
    from rich.console import Console

    from stiltwalk.execution.study import run_study
    from stiltwalk.recipe.shipped import recipe_file

    console = console or Console()
    finished = run_study(
        recipe_file(recipe),
        workspace,
        console,
        changes,
        executor,
        fresh_versions=fresh_versions,
        num_next=num_next,
    )
    if finished.needs_report:
        _write_report(workspace, finished.name, console)
    else:
        console.print("Nothing to do: every stage was kept.")
    from stiltwalk.study import Study

    return Study(workspace, finished.name)


def _write_report(workspace: str | Path, name: str, console: Console) -> None:
    from stiltwalk.reports.leaderboard import write_leaderboard  # plots are slow to import
    from stiltwalk.reports.write import report_runs

    report_runs(workspace, name)
    if (board := write_leaderboard(workspace)) is not None:
        console.print(f"All runs: {board}", soft_wrap=True, highlight=False)


def plan(
    recipe: str | Path | Mapping[str, Any],
    workspace: str | Path = "workspace",
    changes: Sequence[str] = (),
) -> dict[str, Any]:
    """Return what a recipe asks for, what a workspace holds of it, and what the rest would take.

    Nothing is run, fetched or written; see `run` for the arguments.

    Returns:
        What `stiltwalk plan --json` prints: `stages` with their costs, the sum `to_do`, and more.
    """
    from stiltwalk.execution.plan_view import plan_view
    from stiltwalk.recipe.shipped import recipe_file

    return plan_view(recipe_file(recipe), workspace, changes)


def status(workspace: str | Path) -> dict[str, Any]:
    """Return where the last run in a workspace is: stages running and failed, time left, nodes.

    Returns:
        What `stiltwalk status --json` prints; `held_by` names the process that leads the run.
    """
    from stiltwalk.execution.progress import read_status
    from stiltwalk.store.remote import workspace_at

    return read_status(workspace_at(workspace))


def report(workspace: str | Path) -> list[Path]:
    """Write the report of every run in a workspace again, from its rows; return the pages.

    Where there are several runs, the last page is the leaderboard of all.
    """
    from stiltwalk.reports.leaderboard import write_leaderboard
    from stiltwalk.reports.write import report_runs

    return [*report_runs(workspace), *filter(None, [write_leaderboard(workspace)])]


def compare(
    a: str,
    b: str,
    workspace: str | Path = "workspace",
    on: str = "",
    profile: str = "quick",
    console: Console | None = None,
) -> Speed:
    """Time model B against model A, paired on the same requests, the instrument tested along.

    Where STILTWALK_WAIT is set, it waits for a machine that is too busy to measure on.

    Args:
        a: a model folder, a hub id, or RUN:ARM for an arm of a run in the workspace; or
            http://HOST:PORT/v1#MODEL, then b likewise: both are timed as they are served.
        b: likewise.
        workspace: the folder where runs are kept.
        on: targets, such as "xnli,panx"; all that both arms were evaluated on by default. Models
            of no run need to know where requests come from: "mini:xnli", "hub:xnli", "DIR:xnli".
        profile: "quick" or "full".
        console: where progress goes; by default a terminal or notebook is told, nothing else.

    Raises:
        StiltwalkError: what the user can cause; see the tree in `stiltwalk.errors`.
    """
    _take_huge_pages()
    from rich.console import Console

    here = Console()
    if console is None and (here.is_terminal or here.is_jupyter):
        console = here
    from stiltwalk.execution.compare import Asked, compare_models, session_told
    from stiltwalk.execution.compare_served import compare_served, endpoints_in
    from stiltwalk.store.remote import workspace_at

    session = session_told(console, profile)
    asked = Asked(names=(a, b), workspace=workspace_at(workspace), on=on)
    if endpoints := endpoints_in((a, b)):
        return compare_served(asked, endpoints, session)
    return compare_models(asked, session)


def score(predictions: str | Path, labels: str | Path, benchmark: str = "xtreme") -> dict[str, Any]:
    """Score a folder of predictions in XTREME's layout as XTREME does, in percent.

    Raises:
        DataError: if a file is missing or not in its format.
        MetricError: if predictions and labels differ in number.
    """
    from stiltwalk.tasks.scoring import score_folder

    return score_folder(Path(predictions), Path(labels), benchmark)


def compare_scores(a: str | Path, b: str | Path) -> dict[str, Any]:
    """Test what B scores against A, in pairs where both have rows.

    Args:
        a: a file or folder of rows (`export --samples`, lm-eval's `samples_*.jsonl`) or of mteb's
            results.
        b: likewise.

    Returns:
        `figures`, one per task, language or filter, and metric that both have, with the fields of
        `stiltwalk.reports.paired.PairedFigure`; and `notes`.

    Raises:
        DataError: if a file cannot be read, or they have no figure in common.
    """
    from stiltwalk.reports import paired

    return paired.compare_scores(Path(a), Path(b))


def export(
    run_folder: str | Path,
    folder: str | Path,
    checkpoint: str | None = None,
    *,
    samples: bool = False,
    languages: Sequence[str] = (),
) -> list[Path]:
    """Write a run's predictions and labels as XTREME lays them out, ready for `score`.

    Args:
        run_folder: WORKSPACE/runs/NAME.
        folder: where to write; it must not be there yet.
        checkpoint: write this checkpoint and its model card instead, ARM/[seed-N/]TARGET.
        samples: write a Parquet file per arm, seed and target instead, a row per test row.
        languages: of a checkpoint, keep the vocabulary of their scripts alone; none for all of it.

    Returns:
        The folders of predictions, one per arm and seed; or that of the checkpoint; or the files.
    """
    if samples:
        from stiltwalk.reports.samples import export_samples

        return export_samples(Path(run_folder), Path(folder))
    from stiltwalk.publishing import export_checkpoint, export_run

    if checkpoint is None:
        return export_run(Path(run_folder), Path(folder))
    from stiltwalk.study import Study

    run = Path(run_folder).resolve()
    study = Study(run.parents[1], run.name)
    return [export_checkpoint(run, checkpoint, Path(folder), study.verdict_on, languages)]


def choose(
    workspace: str | Path,
    floors: Mapping[str, float],
    max_latency_p95: str = "",
    max_memory: str = "",
    languages: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Return the cheapest system of a workspace's runs that is good enough, and how surely.

    Args:
        workspace: where runs are kept; every arm of each is a system.
        floors: "xnli.sw" to the least percent there; "xnli" to that in each of the languages.
        max_latency_p95: of single requests, such as "20ms".
        max_memory: such as "1GB".
        languages: that a floor without one holds in, by default all that its task was tested in;
            in these languages a task with a floor must at least have been tested.

    Returns:
        What `stiltwalk choose --json` prints: `chosen`, RUN:ARM or None; `says`, sentences; and
        `systems`, a row each.

    Raises:
        DataError: if a floor or limit makes no sense, or no run was tested there.
        NoSuchRun: if there is none.
    """
    from stiltwalk.reports.choosing import choose as chosen
    from stiltwalk.selection.requirements import Requirements
    from stiltwalk.store.remote import workspace_at

    needs = Requirements(
        floors=floors, max_latency_p95=max_latency_p95, max_memory=max_memory, languages=languages
    )
    return chosen(workspace_at(workspace), needs)


def suggest(
    recipe: str | Path | Mapping[str, Any],
    workspace: str | Path = "workspace",
    changes: Sequence[str] = (),
    console: Console | None = None,
    num_trained: int = 0,
) -> dict[str, Any]:
    """Rate the intermediate tasks that a recipe's arms name, for each target, before training.

    Args:
        recipe: see `run`.
        workspace: where features are kept; encoders that a run trained there are read, too.
        changes: see `run`.
        console: where progress goes; standard output by default.
        num_trained: then carry out the recipe for so many tasks of each target, mnli and those that
            the selectors put first, and for `none`; and write its report.

    Returns:
        What `stiltwalk suggest --json` prints: `ratings`, a row per selector, target and
        intermediate task, higher being better; and `says`, what each selector means and needs,
        and what was left out.

    Raises:
        StiltwalkError: what the user can cause; see the tree in `stiltwalk.errors`.
    """
    from rich.console import Console

    from stiltwalk.execution.suggest import suggest as suggested
    from stiltwalk.recipe.shipped import recipe_file

    document = suggested(recipe_file(recipe), workspace, console or Console(), changes, num_trained)
    if num_trained:
        _write_report(workspace, document["recipe"], console or Console())
    return document


def load(workspace: str | Path, run: str | None = None) -> Study:
    """Return a run of a workspace as a `Study`: its scores, gains, verdicts, speed and errors.

    Args:
        workspace: where runs are kept.
        run: its name; not needed where there is but one.

    Raises:
        NoSuchRun: if there is none, or no such one, or several and no name.
    """
    from stiltwalk.study import study_of

    return study_of(workspace, run)


def _take_huge_pages() -> None:
    """Let torch hold large tensors in huge pages, where Linux has them: faster, bit for bit equal.

    It reads this once, at its first tensor; a value that is there already stays.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
