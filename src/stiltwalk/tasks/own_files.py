"""Folders of what no hub holds: which tasks read them, and what to say where one is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

from stiltwalk.data import bucc, ccg, ud
from stiltwalk.data.rows import Place
from stiltwalk.data.source import MINI, DataSource
from stiltwalk.errors import DataError
from stiltwalk.records import Example, Split
from stiltwalk.tasks.task import OwnFiles, Task


def are_read(task: Task, source: DataSource) -> bool:
    """Tell whether a task's rows come from a folder of the user's, not from the hub's layout."""
    if source.source == MINI or task.own_files is None:
        return False
    return task.own_files is not OwnFiles.UD or source.ud is not None


def are_awaited(task: Task, source: DataSource) -> bool:
    """Tell whether the recipe names a folder that is not there yet."""
    path = _path(task, source) if are_read(task, source) else None
    return path is not None and not Path(path).expanduser().is_dir()


def folder(task: Task, source: DataSource) -> Path:
    """Return the folder of what the user brings.

    Raises:
        DataError: if the recipe names none, with what to give; or it is no folder.
    """
    assert task.own_files is not None
    path = _path(task, source)
    if path is None:
        needed = {OwnFiles.BUCC: bucc.NEEDED, OwnFiles.CCG: ccg.NEEDED}
        raise DataError(f"{task.name}: {needed[task.own_files]}")
    found = Path(path).expanduser()
    if not found.is_dir():
        raise DataError(
            f"{task.name}: data.{task.own_files} is '{path}', which is no folder. "
            "Give the folder that holds the files (docs/data.md)."
        )
    return found


def examples(
    task: Task, source: DataSource, split: Split, language: str, counts: Counter[str]
) -> Iterator[Example]:
    """Return the tagged sentences of CCGbank or of raw treebanks; `counts` gets what was mended."""
    if task.own_files is OwnFiles.CCG:
        return ccg.examples(folder(task, source), split)
    return ud.examples(folder(task, source), split, language, task.labels, counts)


def files(task: Task, source: DataSource, splits: Collection[Split]) -> list[Path]:
    """Return every file there that some of the task's splits are read from."""
    parent = folder(task, source)
    found = {
        path
        for split in splits
        for language in task.languages_of(split)
        for path in _split_files(task, parent, split, language)
    }
    return sorted(found)


def languages(task: Task, source: DataSource, split: Split) -> tuple[str, ...]:
    """Return the languages that the folder has files of."""
    parent = folder(task, source)
    return tuple(code for code in task.languages if _split_files(task, parent, split, code))


def _path(task: Task, source: DataSource) -> str | None:
    """Return what the recipe says."""
    assert task.own_files is not None
    return {OwnFiles.BUCC: source.bucc, OwnFiles.CCG: source.ccg, OwnFiles.UD: source.ud}[
        task.own_files
    ]


def _split_files(task: Task, parent: Path, split: Split, language: str) -> list[Path]:
    """Return the files of a split, none where it is not there."""
    place = Place(task.name, language, split.value)
    try:
        match task.own_files:
            case OwnFiles.BUCC:
                return bucc.split_files(parent, split, language, place)
            case OwnFiles.CCG:
                return ccg.split_files(parent, split, place)
            case _:
                return ud.split_files(parent, split, language, place)
    except DataError:
        return []
