"""What `stiltwalk tasks` shows: every task, or one with its sizes."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from stiltwalk.records import Split
from stiltwalk.tasks import INTERMEDIATE, TASKS, find
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


def listing_table(documents: list[dict[str, Any]]) -> Table:
    """Return the listing as a table for people."""
    if len(documents) == 1 and "rows" in documents[0]:
        return _one(documents[0])
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


def _one(document: dict[str, Any]) -> Table:
    table = Table(box=None, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for key, value in document.items():
        if key == "rows":
            continue
        table.add_row(key, ", ".join(value) if isinstance(value, list) else value or "its own rows")
    for split, by_language in document["rows"].items():
        counts = ", ".join(f"{code} {rows:,}" for code, rows in by_language.items())
        table.add_row(f"{split} rows", counts)
    return table
