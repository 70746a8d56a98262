"""What a source holds of a task: which files, languages and splits, at which revision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from stiltwalk import mini
from stiltwalk.data import bucc, ccg, mewslix, ud, xquad_r
from stiltwalk.data.hub import DataSetFolder, HubFiles, is_on_hub
from stiltwalk.data.source import HUB, MINI, DataSource, Place
from stiltwalk.data.textfile import checksum_of
from stiltwalk.errors import DataError
from stiltwalk.files import content_checksum
from stiltwalk.records import Example, PoolDocument, Split
from stiltwalk.tasks.task import OwnFiles, Task


def source_of(task: Task, source: DataSource) -> DataSource:
    """Return where a task's rows are: a user's own task is never in the miniature."""
    return replace(source, source=HUB) if task.is_own and source.source == MINI else source


def are_read(task: Task, source: DataSource, split: Split = Split.TEST) -> bool:
    """Tell whether a split's rows come from a folder of the user's, not from the hub's layout."""
    if source.source == MINI or task.own_files is None:
        return False
    if task.own_files is OwnFiles.UD:
        return source.ud is not None
    return not any(files.split_named(split) for files in task.hub)


def are_awaited(task: Task, source: DataSource, split: Split = Split.TEST) -> bool:
    """Tell whether the recipe names a folder that is not there yet."""
    path = _path(task, source) if are_read(task, source, split) else None
    return path is not None and not Path(path).expanduser().is_dir()


def own_folder(task: Task, source: DataSource) -> Path:
    """Return the folder of what the user brings, or raise `DataError`."""
    assert task.own_files is not None
    path = _path(task, source)
    if path is None:
        needed = {
            OwnFiles.BUCC: bucc.NEEDED,
            OwnFiles.CCG: ccg.NEEDED,
            OwnFiles.XQUAD_R: xquad_r.NEEDED,
            OwnFiles.MEWSLIX: mewslix.NEEDED,
        }
        raise DataError(f"{task.name}: {needed[task.own_files]}")
    found = Path(path).expanduser()
    if not found.is_dir():
        raise DataError(
            f"{task.name}: data.{task.own_files} is '{path}', which is no folder. "
            "Give the folder that holds the files (docs/data.md)."
        )
    return found


def own_examples(
    task: Task,
    source: DataSource,
    split: Split,
    language: str,
    max_rows: int | None,
    counts: Counter[str],
) -> Iterator[Example]:
    """Return rows of what the user brings; `counts` gets what was mended."""
    folder = own_folder(task, source)
    match task.own_files:
        case OwnFiles.CCG:
            return ccg.examples(folder, split)
        case OwnFiles.XQUAD_R:
            languages = own_languages(task, source, split)
            return xquad_r.examples(folder, language, languages, max_rows)
        case OwnFiles.MEWSLIX:
            return mewslix.examples(folder, Place(task.name, language, split.value), split)
        case _:
            return ud.examples(folder, split, language, task.labels, counts)


def own_files(task: Task, source: DataSource, splits: Collection[Split]) -> list[Path]:
    """Return every file there that some of the task's splits are read from."""
    parent = own_folder(task, source)
    found = {
        path
        for split in splits
        for language in task.languages_of(split)
        for path in _split_files(task, parent, split, language)
    }
    return sorted(found)


def own_languages(task: Task, source: DataSource, split: Split) -> tuple[str, ...]:
    """Return the languages that the folder has files of."""
    parent = own_folder(task, source)
    return tuple(code for code in task.languages if _split_files(task, parent, split, code))


def _path(task: Task, source: DataSource) -> str | None:
    assert task.own_files is not None
    found: str | None = getattr(source, task.own_files)
    return found


def _split_files(task: Task, parent: Path, split: Split, language: str) -> list[Path]:
    place = Place(task.name, language, split.value)
    try:
        match task.own_files:
            case OwnFiles.BUCC:
                return bucc.split_files(parent, split, language, place)
            case OwnFiles.CCG:
                return ccg.split_files(parent, split, place)
            case OwnFiles.XQUAD_R:
                return xquad_r.split_files(parent, split, language, place)
            case OwnFiles.MEWSLIX:
                return mewslix.split_files(parent, split, place)
            case _:
                return ud.split_files(parent, split, language, place)
    except DataError:
        return []


def own_documents(task: Task, source: DataSource, max_rows: int | None) -> Iterator[PoolDocument]:
    """Yield the pool of a ranking task; what `max_rows` queries per language leave of it."""
    folder, languages = own_folder(task, source), own_languages(task, source, Split.TEST)
    if task.own_files is OwnFiles.MEWSLIX:
        return mewslix.documents(folder, Place(task.name, "all", Split.TEST.value), max_rows)
    return xquad_r.documents(folder, languages, max_rows)


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
    source = source_of(task, source)
    if are_awaited(task, source, split):
        return task.languages
    if are_read(task, source, split):
        found = own_languages(task, source, split)
    elif task.files is not None:
        paths = {code: task.files.path_of(split, code) for code in task.languages}
        found = tuple(code for code, path in paths.items() if path is not None and path.is_file())
    elif source.source in {MINI, HUB}:
        missing = _NOT_ON_THE_HUB.get((task.name, split), frozenset())
        known = known_languages(task, miniature=source.source == MINI)
        found = tuple(
            code
            for code in known
            if source.source == MINI
            or (code not in missing and any(_is_there(files, split, code) for files in task.hub))
        )
    else:
        found = _mirrored(task, Path(source.source).expanduser(), split)
    if not found:
        raise DataError(
            f"{task.name}: there is no '{split}' split in any of its languages in {source.source}. "
            "docs/data.md shows where its files must be and how to fetch them."
        )
    return found


def _is_there(files: HubFiles, split: Split, language: str) -> bool:
    return files.has(split, language) and (
        not files.is_growing or is_on_hub(files, split, language) is not False
    )


def known_languages(task: Task, *, miniature: bool) -> tuple[str, ...]:
    """Return the languages that a task should have: in the miniature only those it speaks."""
    if not miniature or task.is_own:
        return task.languages
    known = mini.LANGUAGES if task.name in mini.TASKS else ()
    return tuple(code for code in task.languages if code in known)


def _mirrored(task: Task, folder: Path, split: Split) -> tuple[str, ...]:
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
            data_sets[files.repository].find(files.config_of(code), files.split_named(split) or "")
            for files in task.hub
            if files.has(split, code)
        )
    )


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
    source = source_of(task, source)
    if source.source == MINI:
        return mini.revision()
    if task.files is not None:
        return checksum_of(task.name, _local_files(task, source, splits))
    read = _read_for(task, splits)
    if not ask_hub and are_awaited(task, source, read[0]):
        return UNKNOWN
    if are_read(task, source, read[0]):
        folder = own_folder(task, source)
        checksum = _checksum(task, folder, own_files(task, source, read), read)
        return f"{task.own_files}:{checksum}"  # tells raw treebanks from the hub's udpos
    if source.source == HUB:
        return "+".join(_commit(repository, ask_hub=ask_hub) for repository in task.repositories)
    folder = Path(source.source).expanduser()
    return _checksum(task, folder, mirrored_files(task, folder, read), read)


def _read_for(task: Task, splits: Collection[Split]) -> tuple[Split, ...]:
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


def _local_files(task: Task, source: DataSource, splits: Collection[Split]) -> list[Path]:
    assert task.files is not None
    paths = [
        task.files.path_of(split, code)
        for split in splits
        for code in (available_languages(task, source) if split is Split.TEST else ("en",))
    ]
    return [path for path in paths if path is not None]


def _commit(repository: str, *, ask_hub: bool) -> str:
    if not ask_hub:
        from stiltwalk.data.hub import known_commit

        return known_commit(repository) or UNKNOWN
    from stiltwalk.data.hub import commit_of

    return commit_of(repository)


def _checksum(task: Task, folder: Path, files: list[Path], splits: Collection[Split]) -> str:
    if not files:
        names = ", ".join(task.repositories) or task.own_files
        raise DataError(
            f"{task.name}: {folder} holds no {' or '.join(splits)} file of it (looked for "
            f"{names}). docs/data.md shows the layout and how to fetch what is missing."
        )
    return content_checksum(folder, files)


def wanted_splits(
    tasks: Iterable[Task],
    languages: Iterable[str] | None = None,
    splits: Collection[Split] = tuple(Split),
    *,
    ask_hub: bool = False,
) -> list[Place]:
    """Return the splits on the hub that training and testing the tasks reads.

    English for train and dev, every language for test. Tasks that others train on must be among
    `tasks`; what no hub holds is left out. The hub itself knows which configurations a data set
    that is growing has by now, where it may be asked.
    """
    allowed = None if languages is None else set(languages)
    places = {
        Place(files.repository, files.config_of(language), name)
        for task in tasks
        for files in task.hub
        for split in splits
        for language in task.languages_of(split)
        if allowed is None or language in allowed or split is not Split.TEST
        if (_is_there if ask_hub else HubFiles.has)(files, split, language)
        if (name := files.split_named(split)) is not None
    }
    return sorted(places, key=str)
