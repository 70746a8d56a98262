"""What `stiltwalk tasks` shows: every task, one with its sizes, or whether an own one is right."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from stiltwalk.data.source import HUB, DataSource
from stiltwalk.errors import DataError
from stiltwalk.records import Split
from stiltwalk.tasks import INTERMEDIATE, TASKS, declare, find
from stiltwalk.tasks.load import examples, raw_row
from stiltwalk.tasks.own import read_own_tasks
from stiltwalk.tasks.task import Task


def listing(name: str | None = None) -> list[dict[str, Any]]:
    """Return one document per task, of the named one with rows per split and language.

    Raises:
        RecipeError: if no task has that name.
    """
    if name is None:
        return [_facts(task) for task in TASKS.values()]
    task = find(name)
    return [{**_facts(task), "rows": _rows(task)}]


def _facts(task: Task) -> dict[str, Any]:
    trained_on = "" if task.trained_on is None else task.trained_on
    sources = dict.fromkeys(files.repository for files in task.hub)
    if task.files is not None:
        paths = (task.files.path_of(split, "{language}") for split in Split)
        sources = dict.fromkeys(str(path) for path in paths if path is not None)
    return {
        "name": task.name,
        "role": "intermediate" if task.name in INTERMEDIATE else "target",
        "kind": str(task.task_type),
        "languages": list(task.languages),
        "metric": str(task.metric),
        "trained_on": trained_on,
        "source": list(sources) or [f"your own files: [data] {task.own_files}"],
        "licence": task.licence,
        "paper": task.paper,
    }


def _rows(task: Task) -> dict[str, dict[str, int]]:
    """Return split → language → rows of the full data set."""
    counted = {
        str(split): {code: task.rows_of(split, code) for code in task.languages} for split in Split
    }
    return {
        split: {code: rows for code, rows in by_language.items() if rows is not None}
        for split, by_language in counted.items()
        if any(by_language.values())
    }


def check(file: Path) -> list[dict[str, Any]]:
    """Return one document per task that a file declares: facts, rows, a row, and what is wrong.

    Args:
        file: a declaration, or a recipe with some; every row of its splits is read.

    Raises:
        RecipeError: with the key, if a declaration itself is wrong.
    """
    tasks = [own.task() for own in read_own_tasks(file)]
    declare(tasks)
    return [_checked(task) for task in tasks]


def _checked(task: Task) -> dict[str, Any]:
    document = {**_facts(task), "rows": {}, "row": {}, "wrong": []}
    for split in (each for each in Split if task.has(each)):
        for language in task.languages if split is Split.TEST else ("en",):
            try:
                rows = examples(task, DataSource(source=HUB), split, language)
            except DataError as error:
                document["wrong"].append(str(error))
                if task.files is not None and not document["row"]:
                    with suppress(DataError):
                        document["row"] = raw_row(task, split, language)
                continue
            document["rows"].setdefault(str(split), {})[language] = len(rows)
            document["row"] = document["row"] or asdict(rows[0])
    return document


def listing_table(documents: list[dict[str, Any]]) -> Table:
    """Return the listing as a table for people."""
    if all("rows" in each for each in documents):
        return _whole(documents)
    table = Table(box=None)
    for column in ("task", "role", "kind", "metric", "trains on"):
        table.add_column(column, no_wrap=True)
    table.add_column("languages", overflow="fold")
    for each in documents:
        codes = each["languages"]
        table.add_row(
            each["name"],
            each["role"],
            each["kind"],
            each["metric"],
            each["trained_on"] or ("nothing" if each["kind"] == "retrieval" else "its own"),
            f"{len(codes)}: {' '.join(codes)}",
        )
    return table


def _whole(documents: list[dict[str, Any]]) -> Table:
    table = Table(box=None, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for document in documents:
        for key, value in document.items():
            if key not in ("rows", "row", "wrong"):
                said = ", ".join(value) if isinstance(value, list) else value
                table.add_row(key, said or ("its own rows" if key == "trained_on" else "not told"))
        for split, by_language in document["rows"].items():
            counts = ", ".join(f"{code} {rows:,}" for code, rows in by_language.items())
            table.add_row(f"{split} rows", counts)
        for key, value in document.get("row", {}).items():
            table.add_row(f"a row's {key}", escape(str(value)))
    return table
