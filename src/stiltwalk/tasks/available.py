"""Which languages of a task a source really holds, told from file names alone."""

from __future__ import annotations

from pathlib import Path

from stiltwalk.data.mini.catalogue import CONTENTS
from stiltwalk.data.mirror import DataSetFolder
from stiltwalk.data.source import HUB, MINI, DataSource
from stiltwalk.errors import DataError
from stiltwalk.records import Split
from stiltwalk.tasks import own_files
from stiltwalk.tasks.task import Task

_NOT_ON_THE_HUB = {("udpos", Split.DEV): frozenset("kk th tl yo".split())}


def available_languages(
    task: Task, source: DataSource, split: Split = Split.TEST
) -> tuple[str, ...]:
    """Return the task's languages that the source has a split of, in the task's order.

    Nothing is opened. Where one file mixes languages, all are assumed to be in it; so they are
    where the user's own folder is still to come.

    Raises:
        DataError: if there is no such folder, or it lacks the task's data altogether, or what
            the user must bring.
    """
    if split is Split.TRAIN or (split is Split.DEV and task.dev_is_held_out):
        return ("en",)
    if own_files.are_awaited(task, source):
        return task.languages
    if own_files.are_read(task, source):
        found = own_files.languages(task, source, split)
    elif source.source in {MINI, HUB}:
        missing = _NOT_ON_THE_HUB.get((task.name, split), frozenset())
        known = known_languages(task, miniature=source.source == MINI)
        found = tuple(code for code in known if source.source == MINI or code not in missing)
    else:
        found = _mirrored(task, Path(source.source).expanduser(), split)
    if not found:
        raise DataError(
            f"{task.name}: there is no '{split}' split in any of its languages in {source.source}. "
            "docs/data.md shows where its files must be and how to fetch them."
        )
    return found


def known_languages(task: Task, *, miniature: bool) -> tuple[str, ...]:
    """Return the languages that a task should have: in the miniature only those it speaks."""
    if not miniature:
        return task.languages
    return tuple(code for code in task.languages if code in CONTENTS[task.name].languages)


def _mirrored(task: Task, folder: Path, split: Split) -> tuple[str, ...]:
    """Return the languages for which a mirror has at least one file."""
    if not folder.is_dir():
        raise DataError(
            f"There is no data folder at {folder}. Give [data] source as a folder in the hub's "
            'layout, or as "hub".'
        )
    data_sets = {files.repository: DataSetFolder(folder / files.repository) for files in task.hub}
    return tuple(
        code
        for code in task.languages
        if any(
            data_sets[files.repository].find(files.config_of(code), name)
            for files in task.hub
            if (name := files.split_named(split)) is not None
        )
    )
