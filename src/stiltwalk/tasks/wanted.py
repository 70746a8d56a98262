"""Which splits of which data sets some tasks need, for a mirror."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from stiltwalk.data.rows import Place
from stiltwalk.records import Split
from stiltwalk.tasks.task import Task


def wanted_splits(
    tasks: Iterable[Task],
    languages: Iterable[str] | None = None,
    splits: Collection[Split] = tuple(Split),
) -> list[Place]:
    """Return the splits on the hub that training and testing the tasks reads.

    English for train and dev, every language for test. Tasks that others train on must be among
    `tasks`; what no hub holds is left out.

    Args:
        tasks: intermediate tasks, targets and the tasks they train on.
        languages: of the test splits; None for all.
        splits: of these, where the task has them.
    """
    allowed = None if languages is None else set(languages)
    places = {
        Place(files.repository, files.config_of(language), name)
        for task in tasks
        for files in task.hub
        for split in splits
        for language in task.languages_of(split)
        if allowed is None or language in allowed or split is not Split.TEST
        if (name := files.split_named(split)) is not None
    }
    return sorted(places, key=str)
