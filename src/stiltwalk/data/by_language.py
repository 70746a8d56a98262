"""A data set with one configuration, or one text file, per language."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from stiltwalk import mini
from stiltwalk.data import hub, source
from stiltwalk.data.hub import DataSetFolder
from stiltwalk.data.source import MINI, Place, Rows, open_parquet
from stiltwalk.errors import DataError
from stiltwalk.files import content_checksum

SPLIT = "train"
_COLUMN = "text"
_MEAN_LINE_TOKENS = 60.0


@dataclass(frozen=True, kw_only=True)
class ByLanguage:
    """Where rows by language are: "mini", an absolute folder, or a data set on the hub."""

    place: str
    config: str

    @property
    def folder(self) -> Path | None:
        """The folder, None where it is none."""
        return Path(self.place) if Path(self.place).is_absolute() else None

    def config_of(self, language: str) -> str:
        """Return the configuration that holds a language."""
        return self.config.replace("{language}", language)


def languages(where: ByLanguage) -> tuple[str, ...]:
    """Return the languages that are there, sorted, from file names alone, or raise `DataError`."""
    if where.place == MINI:
        return mini.LANGUAGES
    folder = where.folder
    if folder is None:
        raise DataError(
            f"{where.place} is no folder here, and a data set on the hub does not tell which "
            "languages it holds: give `languages`."
        )
    found = sorted(file.stem for file in folder.glob("[a-z][a-z].txt"))
    found = found or [code for code in mini.LANGUAGES if _files(where, folder, code)]
    if not found:
        raise DataError(
            f"{folder} holds no text: neither files such as de.txt nor configurations such as "
            f"{where.config_of('de')}. docs/data.md shows both layouts."
        )
    return tuple(found)


def revision(where: ByLanguage, wanted: Sequence[str], *, ask_hub: bool = True) -> str | None:
    """Return what decides the rows: the miniature's version, a checksum, a commit and its part.

    Raises:
        DataError: if a language is not there.
    """
    if where.place == MINI:
        for language in wanted:
            mini.check_language(language)
        return mini.revision()
    folder = where.folder
    if folder is not None:
        files = [file for code in wanted for file in _required(where, folder, code)]
        return content_checksum(folder, files)
    commit = hub.commit_of(where.place) if ask_hub else hub.known_commit(where.place)
    return commit and f"{commit} {where.config}"


def open_rows(where: ByLanguage, language: str) -> Rows:
    """Open the training rows of a language, or raise `DataError`."""
    folder = where.folder
    if folder is None:
        return hub.open_hub_rows(where.place, where.config_of(language), SPLIT, "")
    place, files = _place(where, language), _required(where, folder, language)
    return open_parquet(place, files, told_rows=hub.told_rows(hub.card(folder), place))


def num_texts(where: ByLanguage, language: str) -> int:
    """Return how many texts a language has; of a data set its rows, whatever their length."""
    if where.place == MINI:
        return mini.NUM_LINES
    file = _text_file(where, language)
    if file is None:
        return sum(batch.num_rows for batch in open_rows(where, language).open_batches(()))
    with file.open("rb") as opened:
        return sum(1 for _ in opened)


def tokens_of_line(where: ByLanguage) -> float:
    """Return an estimate of the mean tokens of a line, meant to a factor of two."""
    return mini.TASKS["tatoeba"].mean_tokens if where.place == MINI else _MEAN_LINE_TOKENS


def texts(where: ByLanguage, language: str) -> Iterator[str]:
    """Yield the lines of a language that are not empty, in their own order.

    Raises:
        DataError: if they are not there, or are damaged.
    """
    file = _text_file(where, language)
    if where.place == MINI:
        found = mini.text_lines(language)
    elif file is not None:
        found = (line for _, line in source.lines(file, _place(where, language)))
    else:
        rows = open_rows(where, language).take((_COLUMN,))
        found = (line for _, (text,) in rows for line in text.split("\n"))
    return (line.strip() for line in found if line.strip())


def _place(where: ByLanguage, language: str) -> Place:
    return Place(where.place, where.config_of(language), SPLIT)


def _text_file(where: ByLanguage, language: str) -> Path | None:
    file = where.folder / f"{language}.txt" if where.folder is not None else None
    return file if file is not None and file.is_file() else None


def _files(where: ByLanguage, folder: Path, language: str) -> list[Path]:
    file = _text_file(where, language)
    return [file] if file else DataSetFolder(folder).find(where.config_of(language), SPLIT)


def _required(where: ByLanguage, folder: Path, language: str) -> list[Path]:
    files = _files(where, folder, language)
    if not files:
        raise _place(where, language).error(
            f"{folder} has no such file.",
            "docs/data.md shows the layout; or leave the language out.",
        )
    return files
