"""A folder in the hub's layout: `OWNER/NAME/CONFIG/SPLIT-*.parquet`, or as a repository has it."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path

from stiltwalk.data.layout import split_files
from stiltwalk.data.parquet import open_parquet
from stiltwalk.data.rows import Place, Rows
from stiltwalk.errors import DataError


class DataSetFolder:
    """One data set's folder in a mirror, or in the hub's own cache; looked through at most once."""

    def __init__(self, path: Path) -> None:
        """Look at nothing yet; the folder may be missing."""
        self.path = path

    def find(self, config: str, split: str) -> list[Path]:
        """Return the Parquet files of a split, none if it is not there."""
        near = _parquet_names(self.path, config)  # without walking hundreds of configurations
        names = split_files(near, str, config, split)
        names = names or split_files(self._names, self._read_card, config, split)
        return [self.path / name for name in names]

    @cached_property
    def _names(self) -> list[str]:
        return _parquet_names(self.path)

    @cached_property
    def _card(self) -> str:
        card = self.path / "README.md"
        return card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""

    def _read_card(self) -> str:
        return self._card


def open_rows(source: str, repository: str, config: str, split: str, id_prefix: str) -> Rows:
    """Open one split in a mirror.

    Args:
        source: the mirror's folder.
        repository: `OWNER/NAME`.
        config: the configuration.
        split: the split, as the hub names it.
        id_prefix: put before the row number in an example's id.

    Raises:
        DataError: if it is not there or damaged.
    """
    place = Place(repository, config, split)
    folder = Path(source).expanduser() / repository
    files = DataSetFolder(folder).find(config, split)
    if not files:
        raise _missing(place, folder)
    return open_parquet(place, files, id_prefix)


def _missing(place: Place, folder: Path) -> DataError:
    """Return the error for a split that a mirror lacks, with the command that fetches it."""
    found = "has no such file" if folder.is_dir() else "is no folder"
    return place.error(
        f"{folder} {found}.",
        f"Where there is network, run: hf download {place.dataset} --repo-type dataset "
        f"--local-dir {folder} (docs/data.md says more).",
    )


def _parquet_names(folder: Path, inside: str = "") -> list[str]:
    """Return the paths of all Parquet files, relative to the folder and with forward slashes."""
    return [
        (Path(parent) / name).relative_to(folder).as_posix()
        for parent, _, names in os.walk(folder / inside, followlinks=True)
        for name in names
        if name.endswith(".parquet")
    ]
