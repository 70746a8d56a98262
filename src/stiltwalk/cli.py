"""The command line: parses, calls, prints; nothing else."""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

import stiltwalk
from stiltwalk import wording
from stiltwalk.errors import FAILURES, DataError, NoSuchRun, StiltwalkError
from stiltwalk.tables import terminal

FAILED, WRONG_INPUT, INTERRUPTED = 1, 2, 130
_PIPED_COLUMNS = 160
"""So that a search through piped output finds a line whole."""

app = typer.Typer(
    name="stiltwalk",
    help="Train a multilingual model on English tasks, then measure its quality and speed.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

data = typer.Typer(help="Prepare data for a machine without a network.", no_args_is_help=True)
app.add_typer(data, name="data")

Workspace = Annotated[
    str,
    typer.Option(
        "--workspace", "-w", metavar="PLACE", help="Folder or URL for stages and reports."
    ),
]
RecipeFile = Annotated[
    str, typer.Argument(help="A TOML file, or the name of a shipped recipe, such as mini.")
]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", help="Override one value of the recipe, such as data.test_rows=50."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def _let_wait(is_asked: bool) -> None:
    if is_asked:
        os.environ["STILTWALK_WAIT"] = "1"  # for the processes that measure, too


Wait = Annotated[
    bool,
    typer.Option(
        "--wait",
        help="Wait until the machine is idle enough to measure.",
        callback=_let_wait,
    ),
]


def _say_version(is_asked: bool) -> None:
    if is_asked:
        sys.stdout.write(f"stiltwalk {stiltwalk.__version__}\n")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_say_version, is_eager=True),
    ] = False,
) -> None:
    """Take the options that stand before the verb; `main` looks for --debug itself."""
    del debug, version


@app.command()
def run(  # noqa: PLR0913, PLR0917 - an argument per option
    recipe: RecipeFile,
    workspace: Workspace = "workspace",
    changes: Changes = None,
    executor: Annotated[
        str, typer.Option(metavar="NAME", help="local, ray, or a Ray cluster: ray://HEAD:PORT.")
    ] = "local",
    num_jobs: Annotated[
        int | None,
        typer.Option("--jobs", min=1, help="Stages to run in parallel; default: as many as fit."),
    ] = None,
    fresh_versions: Annotated[
        bool,
        typer.Option("--fresh-versions", help="Recompute stages made by other versions."),
    ] = False,
    num_next: Annotated[
        int | None, typer.Option("--next", min=1, help="Run only the N that would tell most.")
    ] = None,
    _wait: Wait = False,
) -> None:
    """Run a recipe; run it again to resume where it stopped."""
    from stiltwalk.store.machine import leads

    console = Console(quiet=not leads())
    if num_jobs:
        executor = f"{executor}://{num_jobs}"
    asked: dict[str, Any] = {"fresh_versions": fresh_versions, "num_next": num_next}
    study = stiltwalk.run(recipe, workspace, changes or (), console, executor, **asked)
    console.print(f"Report: {study.report}", soft_wrap=True, highlight=False)


@app.command()
def demo(workspace: Workspace = "stiltwalk-demo", changes: Changes = None) -> None:
    """Run a one-minute study on the built-in miniature and print its answer."""
    console = Console()
    study = stiltwalk.run("demo", workspace, changes or (), console)
    terminal.show(study.table, console)
    for line in (study.answer, *study.notices, f"Report: {study.report}"):
        console.print(line, soft_wrap=True, highlight=False, markup=False)


@app.command()
def plan(
    recipe: RecipeFile,
    workspace: Workspace = "workspace",
    changes: Changes = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show every stage.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a recipe would take, arm by arm, and what is already done."""
    from stiltwalk.execution.plan_view import print_plan

    document = stiltwalk.plan(recipe, workspace, changes or ())
    _show(document, as_json, lambda console: print_plan(document, console, verbose=verbose))


@app.command()
def status(
    workspace: Annotated[str, typer.Argument(help="The --workspace of a run.")],
    watch: Annotated[bool, typer.Option("--watch", help="Follow it until it ends.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the progress of a run: stages running and failed, time left, nodes."""
    from stiltwalk.execution.progress import print_status, watch_status

    if watch:
        watch_status(lambda: stiltwalk.status(workspace), Console())
    document = stiltwalk.status(workspace)
    _show(document, as_json, lambda console: print_status(document, console))


@app.command()
def report(
    workspaces: Annotated[list[str], typer.Argument(help="The --workspace of the runs.")],
) -> None:
    """Rewrite the report of every run in a workspace."""
    for workspace in workspaces:
        for page in stiltwalk.report(workspace):
            _say(f"Report: {page}")


@app.command()
def export(  # noqa: PLR0913, PLR0917 - an argument per option
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="WORKSPACE/runs/NAME.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
    checkpoint: Annotated[
        str | None,
        typer.Option(help="Export a checkpoint and its model card instead: ARM/[seed-N/]TARGET."),
    ] = None,
    samples: Annotated[
        bool, typer.Option("--samples", help="Export every test row and answer, as Parquet.")
    ] = False,
    trim: Annotated[
        str,
        typer.Option("--trim-vocabulary", metavar="LANGS", help="Drop tokens of other languages."),
    ] = "",
    to_hub: Annotated[
        str | None,
        typer.Option("--push", metavar="OWNER/NAME", help="Upload the checkpoint to the hub."),
    ] = None,
    public: Annotated[
        bool, typer.Option("--public", help="Make the pushed repository public.")
    ] = False,
) -> None:
    """Export a run's predictions and labels in XTREME's layout, ready for `score`."""
    if checkpoint is None and (trim or to_hub is not None):
        does = "--trim-vocabulary cuts" if trim else "--push uploads"
        raise NoSuchRun(f"{does} one checkpoint: say which with --checkpoint.")
    if samples and checkpoint is not None:
        raise NoSuchRun("--samples and --checkpoint write different things: give one of them.")
    what = "Samples" if samples else "Predictions" if checkpoint is None else "Checkpoint"
    languages = trim.replace(",", " ").split()
    written = stiltwalk.export(run_folder, folder, checkpoint, samples=samples, languages=languages)
    for each in written:
        _say(f"{what}: {each}")
    if to_hub is not None:
        from stiltwalk.publishing import push

        _say(f"Pushed: {push(written[0], to_hub, public=public)}")


@app.command()
def compare(
    a: Annotated[
        str,
        typer.Argument(
            metavar="A", help="A model folder, a hub id, RUN:ARM, or http://HOST:PORT/v1#MODEL."
        ),
    ],
    b: Annotated[str, typer.Argument(metavar="B", help="What to compare with A.")],
    workspace: Workspace = "workspace",
    on: Annotated[
        str,
        typer.Option(
            metavar="[DATA:]TASK,…",
            help="Tasks to time; for models outside a run also the data, as in mini:xnli,panx.",
        ),
    ] = "",
    profile: Annotated[str, typer.Option(help="quick or full.")] = "quick",
    _wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Time B against A on the same requests; keep verdicts and a page in the workspace."""
    from stiltwalk.execution.compare import Asked, folder_of
    from stiltwalk.reports.pair_page import print_speed
    from stiltwalk.reports.write import keep_comparison
    from stiltwalk.store.remote import workspace_at

    errors = Console(stderr=True)
    speed = stiltwalk.compare(a, b, workspace, on, profile, errors)
    store = workspace_at(workspace)
    page = keep_comparison(speed, store, folder_of(Asked(names=(a, b), workspace=store, on=on)))
    _show(asdict(speed), as_json, lambda console: print_speed(speed, console))
    errors.print(f"Report: {page.resolve()}", soft_wrap=True, highlight=False)


@app.command()
def compare_scores(
    a: Annotated[Path, typer.Argument(metavar="A", help="A file or folder of scores.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="What to compare with A.")],
    as_json: AsJson = False,
) -> None:
    """Test B's scores against A's row by row: samples of stiltwalk, lm-eval or mteb."""
    from stiltwalk.reports.paired import compared_table

    document = stiltwalk.compare_scores(a, b)
    _show(document, as_json, lambda console: terminal.show(compared_table(document), console))
    for note in document["notes"]:
        Console(stderr=True).print(note, soft_wrap=True, highlight=False, markup=False)


@app.command()
def suggest(
    recipe: RecipeFile,
    workspace: Workspace = "workspace",
    changes: Changes = None,
    train: Annotated[
        int, typer.Option(min=0, help="Then train the best K for each target, and none.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Rank a recipe's intermediate tasks for each target before training any."""
    from stiltwalk.execution.suggest import print_suggestions

    document = stiltwalk.suggest(recipe, workspace, changes or (), Console(stderr=True), train)
    _show(document, as_json, lambda console: print_suggestions(document, console))


@app.command()
def choose(
    workspace: Annotated[str, typer.Argument(help="The --workspace of the runs.")],
    minimum: Annotated[
        list[str] | None,
        typer.Option(
            "--min", metavar="TASK[.LANG]=PERCENT", help="Lowest score, such as xnli.sw=60."
        ),
    ] = None,
    max_latency_p95: Annotated[str, typer.Option(metavar="TIME", help="Such as 20ms.")] = "",
    max_memory: Annotated[str, typer.Option(metavar="SIZE", help="Such as 1GB.")] = "",
    languages: Annotated[
        str, typer.Option(help="Languages that a --min without one applies to, such as sw,th,ur.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Name the cheapest good enough system of finished runs, and how certain that is."""
    from stiltwalk.reports.choosing import choice_table
    from stiltwalk.selection.requirements import read_floors

    floors, codes = read_floors(minimum or ()), languages.replace(",", " ").split() or None
    document = stiltwalk.choose(workspace, floors, max_latency_p95, max_memory, codes)
    _show(document, as_json, lambda console: terminal.show(choice_table(document), console))
    _say("\n".join(document["says"]), is_error=True)


@app.command()
def score(
    predictions: Annotated[Path, typer.Argument(help="A folder of TASK/test-LANG files.")],
    labels: Annotated[Path, typer.Argument(help="Labels in the same layout.")],
    benchmark: Annotated[
        str, typer.Option(help="xtreme, xtreme-r, or a TOML file of your own tasks.")
    ] = "xtreme",
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 on warnings.")] = False,
    as_json: AsJson = False,
) -> None:
    """Score a folder of predictions, from any program, as XTREME does."""
    from stiltwalk.tasks.scoring import score_table

    document = stiltwalk.score(predictions, labels, benchmark)
    _show(document, as_json, lambda console: terminal.show(score_table(document), console))
    warnings = document.get("warnings", [])
    for warning in warnings:
        _say(f"Warning: {warning}", is_error=True)
    if strict and warnings:
        raise typer.Exit(1)


@app.command()
def recipes(as_json: AsJson = False) -> None:
    """List the shipped recipes: what each is for and what it takes."""
    from stiltwalk.execution.plan_view import recipes_table, recipes_view

    document = recipes_view()
    _show(document, as_json, lambda console: terminal.show(recipes_table(document), console))


@app.command()
def init(
    name: Annotated[str, typer.Argument(help="Name of the study; writes NAME.toml.")],
    model: Annotated[
        str, typer.Option(help="A model folder or hub id.")
    ] = "FacebookAI/xlm-roberta-base",
    data_source: Annotated[
        str, typer.Option("--data", help="hub, mini, or a folder laid out like the hub.")
    ] = "hub",
) -> None:
    """Write a commented recipe for your own model and data, to edit and run."""
    from stiltwalk.recipe.shipped import start_recipe

    file = Path(f"{name.removesuffix('.toml')}.toml")
    start_recipe(file, model, data_source)
    _say(f"Written: {file}. Edit it, then `stiltwalk plan {file}` and `stiltwalk run {file}`.")


@app.command()
def docs(
    page: Annotated[str | None, typer.Argument(help="A page, such as tutorial.")] = None,
) -> None:
    """List the documentation pages, or show one."""
    from rich.markdown import Markdown

    folder = Path(__file__).parent / "docs"
    pages = {
        file.relative_to(folder).with_suffix("").as_posix(): file.read_text(encoding="utf-8")
        for file in sorted(folder.rglob("*.md"))
    }
    name = (page or "").removeprefix("docs/").removesuffix(".md")
    if page is None:
        for each, text in pages.items():
            _say(f"{each}: {text.partition(chr(10))[0].lstrip('# ')}")
    elif name not in pages:
        raise DataError(f"There is no page {page!r}. There is: {', '.join(pages)}.")
    elif sys.stdout.isatty():
        Console().print(Markdown(pages[name]))
    else:
        sys.stdout.write(pages[name])


@app.command()
def tasks(
    name: Annotated[str | None, typer.Argument(help="Show one task and its sizes.")] = None,
    file: Annotated[
        Path | None,
        typer.Option("--check", metavar="FILE", help="Check the declarations of your own tasks."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List every task with its type, languages, source and metric, or check your own."""
    from stiltwalk.tasks.listing import check, listing, listing_table

    document = listing(name) if file is None else check(file)
    _show(document, as_json, lambda console: terminal.show(listing_table(document), console))
    wrong = [problem for each in document for problem in each.get("wrong", ())]
    if wrong:
        raise DataError("\n".join(wrong))


@app.command()
def doctor(
    instrument: Annotated[
        bool, typer.Option("--instrument", help="Also test how small a change it can detect.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show versions, hardware and what is fast here; test the instrument of `compare`."""
    from stiltwalk.execution.doctor import facts, print_facts, test_instrument

    document = facts()
    if instrument:
        errors = Console(stderr=True)
        found = test_instrument(lambda line: errors.print(line, highlight=False))
        document |= found | {"says": [*document["says"], *found["says"]]}
    _show(document, as_json, lambda console: print_facts(document, console))


@data.command()
def fetch(
    recipe: RecipeFile,
    folder: Annotated[Path, typer.Argument(help="Destination; files already there are kept.")],
    changes: Changes = None,
) -> None:
    """Fetch what a recipe needs from the hub into a folder with the same layout."""
    from stiltwalk.data import hub
    from stiltwalk.execution.study import mirror_files
    from stiltwalk.recipe.load import read_recipe
    from stiltwalk.recipe.shipped import recipe_file

    files = mirror_files(read_recipe(recipe_file(recipe), changes or ()))
    size_mb = sum(file.num_bytes for file in files) / 1e6
    _say(f"{len(files)} files, {size_mb:,.0f} MB, into {folder}")
    for at, file in enumerate(files, start=1):
        hub.fetch(file, folder)
        _say(f"[{at}/{len(files)}] {file.num_bytes / 1e6:,.1f} MB {file.repository}/{file.name}")
    _say(f'Done. Set [data] source = "{folder}" in the recipe.')


def _say(line: str, *, is_error: bool = False) -> None:
    Console(stderr=is_error).print(line, markup=False, highlight=False, soft_wrap=True)


def _show(document: object, as_json: bool, show: Callable[[Console], None]) -> None:
    """Print a document for a program or for a person."""
    if as_json:
        sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=1) + "\n")
    else:
        show(Console(width=None if sys.stdout.isatty() else _PIPED_COLUMNS))


def main() -> None:
    """Run the command line, and turn whatever happens into sentences and exit codes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # None, if it was closed before
            stream.reconfigure(errors="backslashreplace")
    try:
        app(prog_name="stiltwalk")
    except SystemExit as end:
        if end.code == INTERRUPTED:
            kept = " Finished stages are kept; run it again to resume." if "run" in sys.argv else ""
            Console(stderr=True).print(f"Interrupted.{kept}")
        raise
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        sys.exit(_ended_by(error))


def _ended_by(error: Exception) -> int:
    """Say what ended the command; return its exit code."""
    if isinstance(error, StiltwalkError):
        _say_error(str(error), *getattr(error, "__notes__", ()))
        failed = isinstance(error, FAILURES) and not isinstance(error, NoSuchRun)
        return FAILED if failed else WRONG_INPUT
    if isinstance(error, OSError):  # between stages: a full disk, a folder that may not be written
        place = f" ({error.filename})" if error.filename else ""
        _say_error(
            f"{error.strerror or error}{place}. Fix that and run the same command again: "
            "finished stages are kept."
        )
        return FAILED
    _say_error(_unforeseen(error))
    return FAILED


def _say_error(text: str, *notes: str) -> None:
    lines = [wording.masked(each) for each in (f"error: {text}", *notes)]
    Console(stderr=True).print(*lines, style="red", markup=False, soft_wrap=True, sep="\n")


def _unforeseen(error: Exception) -> str:
    """Keep the traceback of what nobody foresaw, and return a sentence."""
    said = str(error).strip().partition("\n")[0][:300]
    text = f"This is a mistake in stiltwalk ({type(error).__name__}: {said})."
    try:
        number, name = tempfile.mkstemp(prefix="stiltwalk-", suffix=".txt")
        with os.fdopen(number, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(wording.masked("".join(traceback.format_exception(error))))
    except OSError:
        return f"{text} Run it again with --debug to see its traceback."
    return f"{text} The traceback is in {name}: report it together with what you called."


if __name__ == "__main__":
    main()
