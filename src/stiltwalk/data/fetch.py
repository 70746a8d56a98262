"""Making a mirror: the files of some splits, from the hub into a folder in the hub's layout."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from stiltwalk.data import download
from stiltwalk.data.layout import split_files
from stiltwalk.data.rows import Place
from stiltwalk.errors import DataError


@dataclass(frozen=True, kw_only=True, order=True)
class RemoteFile:
    """One file of a data set at one commit."""

    repository: str
    commit: str
    name: str
    num_bytes: int


def remote_files(places: Iterable[Place]) -> list[RemoteFile]:
    """Return the files behind some splits, with each data set's card; nothing large is fetched.

    Args:
        places: splits as the hub names them.

    Raises:
        DataError: if the hub cannot be asked, or has no such split.
    """
    names: dict[str, set[str]] = {}
    for place in places:
        snapshot, known = download.listing(place.dataset)
        found = split_files(known, lambda: download.card(snapshot), place.config, place.split)  # noqa: B023 - called at once
        if not found:
            raise place.error(f"{snapshot.name} has no such split.", "Ask for another revision.")
        names.setdefault(place.dataset, {"README.md"} & set(known)).update(found)
    return sorted(file for repository in names for file in _sized(repository, names[repository]))


def fetch(file: RemoteFile, mirror: Path) -> Path:
    """Put one file into a mirror; what is there and complete is left alone.

    Raises:
        DataError: if it cannot be fetched; running again goes on where it stopped.
    """
    from huggingface_hub import hf_hub_download

    try:
        return Path(
            hf_hub_download(
                file.repository,
                file.name,
                repo_type="dataset",
                revision=file.commit,
                local_dir=mirror / file.repository,
            )
        )
    except download.client_errors() as error:
        raise DataError(
            f"{file.repository}: {file.name} could not be fetched ({error}). Run the same command "
            "again: it goes on where it stopped."
        ) from error


def _sized(repository: str, names: set[str]) -> list[RemoteFile]:
    """Ask the hub how large files are."""
    from huggingface_hub import HfApi

    commit = download.commit(repository)
    try:
        found = HfApi().get_paths_info(
            repository, sorted(names), repo_type="dataset", revision=commit
        )
    except download.client_errors() as error:
        raise DataError(
            f"{repository}: the hub did not tell sizes ({error}). Try again."
        ) from error
    return [
        RemoteFile(
            repository=repository,
            commit=commit,
            name=one.path,
            num_bytes=getattr(one, "size", 0),
        )
        for one in found
    ]
