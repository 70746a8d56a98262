"""What the lineage records about a task's rows: the commits or checksums they come from."""

from __future__ import annotations

from pathlib import Path

from stiltwalk.data import mini
from stiltwalk.data.checksums import content_checksum
from stiltwalk.data.mirror import DataSetFolder
from stiltwalk.data.source import HUB, MINI, DataSource
from stiltwalk.errors import DataError
from stiltwalk.tasks import own_files
from stiltwalk.tasks.task import Task
from stiltwalk.tasks.wanted import wanted_splits

UNKNOWN = "unknown"
"""What is not here yet: on the hub and not in the local cache, or in a folder still to come."""


def revision(task: Task, source: DataSource, *, ask_hub: bool = True) -> str:
    """Return what decides a task's rows; equal revisions mean equal rows.

    Args:
        task: of its own rows; its training rows may be another task's.
        source: where rows come from.
        ask_hub: whether the hub may be asked. Without it the local cache answers, at once and
            without heavy imports, and what it lacks is `UNKNOWN`.

    Returns:
        The miniature's revision; "sha256:…" over the content of a mirror's files that the task
        uses (English train and dev, all test), "ud:sha256:…" and so on of the user's own files;
        or the commits of its data sets on the hub, joined by "+".

    Raises:
        DataError: if a folder or the hub lacks the task's data altogether.
    """
    if source.source == MINI:
        return mini.revision()
    if not ask_hub and own_files.are_awaited(task, source):
        return UNKNOWN
    if own_files.are_read(task, source):
        folder = own_files.folder(task, source)
        checksum = _checksum(task, folder, own_files.files(task, source))
        return f"{task.own_files}:{checksum}"  # tells raw treebanks from the hub's udpos
    repositories = dict.fromkeys(files.repository for files in task.hub)
    if source.source == HUB:
        return "+".join(_commit(repository, ask_hub=ask_hub) for repository in repositories)
    folder = Path(source.source).expanduser()
    return _checksum(task, folder, mirrored_files(task, folder))


def mirrored_files(task: Task, folder: Path) -> list[Path]:
    """Return the files of a mirror that training and testing the task reads."""
    data_sets = {files.repository: DataSetFolder(folder / files.repository) for files in task.hub}
    return sorted(
        {
            path
            for place in wanted_splits([task])
            for path in data_sets[place.dataset].find(place.config, place.split)
        }
    )


def _commit(repository: str, *, ask_hub: bool) -> str:
    if not ask_hub:
        from stiltwalk.data.download import known_commit

        return known_commit(repository) or UNKNOWN
    from stiltwalk.data.download import commit

    return commit(repository)


def _checksum(task: Task, folder: Path, files: list[Path]) -> str:
    if not files:
        names = ", ".join(dict.fromkeys(one.repository for one in task.hub)) or task.own_files
        raise DataError(
            f"{task.name}: {folder} holds no file of it (looked for {names}). "
            "docs/data.md shows the layout and how to fetch what is missing."
        )
    return content_checksum(folder, files)
