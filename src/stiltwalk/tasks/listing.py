"""What `stiltwalk tasks` shows: every task, one with its sizes, or whether an own one is right."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stiltwalk.data.source import HUB, DataSource
from stiltwalk.errors import DataError
from stiltwalk.records import Split
from stiltwalk.tables.table import Cell, Table, heads
from stiltwalk.tasks import TASKS, declare, find, intermediate_names
from stiltwalk.tasks.load import examples, raw_row
from stiltwalk.tasks.own import read_own_tasks
from stiltwalk.tasks.task import Task

_UNTESTED = "untested against the hub"


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
    trained_on = "" if task.trained_on is None else ", then ".join(task.train_tasks)
    sources = dict.fromkeys(files.repository for files in task.hub)
    if task.files is not None:
        paths = (task.files.path_of(split, "{language}") for split in Split)
        sources = dict.fromkeys(str(path) for path in paths if path is not None)
    if task.own_files and not task.has(Split.TEST):
        sources[f"your own files: [data] {task.own_files}"] = None
    return {
        "name": task.name,
        "role": "intermediate" if task.name in intermediate_names() else "target",
        "kind": str(task.task_type),
        "languages": list(task.languages),
        "metric": str(task.metric),
        "trained_on": trained_on,
        "source": list(sources),
        "untested": [files.repository for files in task.hub if files.untested],
        "benchmarks": list(task.benchmarks),
        "more_languages": [
            f"{benchmark}: {' '.join(codes)}" for benchmark, codes in task.more_languages.items()
        ],
        "licence": task.licence,
        "paper": task.paper,
    }


def _rows(task: Task) -> dict[str, dict[str, int]]:
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
        rows = [row for document in documents for row in _whole(document)]
        columns: tuple[Cell, ...] = heads("", "")
    else:
        rows = [_in_a_line(document) for document in documents]
        columns = heads("task", "role", "kind", "metric", "trains on", "languages", "note")
    return Table(
        name="tasks",
        title="",
        note="",
        columns=columns,
        rows=tuple(tuple(map(Cell, row)) for row in rows),
    )


def _in_a_line(document: dict[str, Any]) -> tuple[str, ...]:
    codes = document["languages"]
    trains_on = "nothing" if document["kind"] == "retrieval" else "its own"
    return (
        *(document[key] for key in ("name", "role", "kind", "metric")),
        document["trained_on"] or trains_on,
        f"{len(codes)}: {' '.join(codes)}",
        f"{_UNTESTED}: {', '.join(document['untested'])}" if document["untested"] else "",
    )


def _whole(document: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for key, value in document.items():
        if key in ("untested", "benchmarks", "more_languages") and not value:
            continue
        if key not in ("rows", "row", "wrong"):
            said = ", ".join(value) if isinstance(value, list) else value
            yield (
                _UNTESTED if key == "untested" else key,
                said or ("its own rows" if key == "trained_on" else "not told"),
            )
    for split, by_language in document["rows"].items():
        yield f"{split} rows", ", ".join(f"{code} {rows:,}" for code, rows in by_language.items())
    for key, value in document.get("row", {}).items():
        yield f"a row's {key}", str(value)
