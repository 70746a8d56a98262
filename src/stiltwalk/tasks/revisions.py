"""What the lineage records about a task's rows: the commits or checksums they come from."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from stiltwalk.data import mini
from stiltwalk.data.checksums import content_checksum
from stiltwalk.data.mirror import DataSetFolder
from stiltwalk.data.source import HUB, MINI, DataSource
from stiltwalk.errors import DataError
from stiltwalk.records import Split
from stiltwalk.tasks import own_files
from stiltwalk.tasks.task import Task
from stiltwalk.tasks.wanted import wanted_splits

LEARNED = (Split.TRAIN, Split.DEV)
"""What a training stage reads: it trains on the one and chooses on the other."""
UNKNOWN = "unknown"
"""What is not here yet: on the hub and not in the local cache, or in a folder still to come."""


def revision(
    task: Task, source: DataSource, splits: Collection[Split], *, ask_hub: bool = True
) -> str:
    """Return what decides some splits of a task; equal revisions mean equal rows.

    Args:
        task: of its own rows; its training rows may be another task's.
        source: where rows come from.
        splits: that are read; others may change without changing the revision of files.
        ask_hub: whether the hub may be asked. Without it the local cache answers, at once and
            without heavy imports, and what it lacks is `UNKNOWN`.

    Returns:
        The miniature's revision; "sha256:…" over the content of the mirror's files that hold the
        splits (English train and dev, all test), "ud:sha256:…" and so on of the user's own files;
        or the commits of its data sets on the hub, joined by "+", which cover all splits.

    Raises:
        DataError: if a folder or the hub lacks the task's data altogether.
    """
    if source.source == MINI:
        return mini.revision()
    if not ask_hub and own_files.are_awaited(task, source):
        return UNKNOWN
    read = _read_for(task, splits)
    if own_files.are_read(task, source):
        folder = own_files.folder(task, source)
        checksum = _checksum(task, folder, own_files.files(task, source, read), read)
        return f"{task.own_files}:{checksum}"  # tells raw treebanks from the hub's udpos
    repositories = dict.fromkeys(files.repository for files in task.hub)
    if source.source == HUB:
        return "+".join(_commit(repository, ask_hub=ask_hub) for repository in repositories)
    folder = Path(source.source).expanduser()
    return _checksum(task, folder, mirrored_files(task, folder, read), read)


def _read_for(task: Task, splits: Collection[Split]) -> tuple[Split, ...]:
    """Return the data set's own splits that hold some splits of a task."""
    if not task.dev_is_held_out:
        return tuple(splits)
    return tuple(dict.fromkeys(Split.TRAIN if each is Split.DEV else each for each in splits))


def mirrored_files(task: Task, folder: Path, splits: Collection[Split]) -> list[Path]:
    """Return the files of a mirror that some splits of the task are read from."""
    data_sets = {files.repository: DataSetFolder(folder / files.repository) for files in task.hub}
    return sorted(
        {
            path
            for place in wanted_splits([task], splits=splits)
            for path in data_sets[place.dataset].find(place.config, place.split)
        }
    )


def _commit(repository: str, *, ask_hub: bool) -> str:
    if not ask_hub:
        from stiltwalk.data.download import known_commit

        return known_commit(repository) or UNKNOWN
    from stiltwalk.data.download import commit

    return commit(repository)


def _checksum(task: Task, folder: Path, files: list[Path], splits: Collection[Split]) -> str:
    if not files:
        names = ", ".join(dict.fromkeys(one.repository for one in task.hub)) or task.own_files
        raise DataError(
            f"{task.name}: {folder} holds no {' or '.join(splits)} file of it (looked for "
            f"{names}). docs/data.md shows the layout and how to fetch what is missing."
        )
    return content_checksum(folder, files)
