"""Data sets on the Hugging Face hub: which commit, which files, fetched into the hub's own cache.

Parquet files are fetched as they are, one split at a time, at one commit that is resolved once
per process. (`datasets.load_dataset` would fall back to "the latest cached version" where the
hub cannot be reached, which may be another commit than the lineage says, and keeps a second copy
of everything.) `HF_HUB_OFFLINE`, `HF_HOME` and `HF_HUB_CACHE` are honoured.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import cast

from stiltwalk.data.layout import split_files
from stiltwalk.data.parquet import open_parquet
from stiltwalk.data.rows import Place, Rows
from stiltwalk.errors import DataError

PARQUET_COPY = "refs/convert/parquet"
BRANCHES = {
    "allenai/social_i_qa": PARQUET_COPY,
}
"""Data sets whose main branch is a Python script, which nothing runs any more. Others that turn
out to hold no Parquet file are read from the copy as well."""


def open_rows(repository: str, config: str, split: str, id_prefix: str) -> Rows:
    """Open one split, fetching it first where it is not in the cache.

    Args:
        repository: `OWNER/NAME`.
        config: the configuration.
        split: the split, as the hub names it.
        id_prefix: put before the row number in an example's id.

    Raises:
        DataError: if it does not exist, or cannot be fetched.
    """
    place = Place(repository, config, split)
    try:
        files = _fetch(repository, config, split)
    except client_errors() as error:
        raise place.error(_why(error), _how_to_fetch(repository)) from error
    if not files:
        raise place.error(
            f"{repository} at commit {commit(repository)} has no such split in this cache or "
            "on the hub.",
            _how_to_fetch(repository),
        )
    return open_parquet(place, files, id_prefix)


def commit(repository: str) -> str:
    """Return the commit that rows are read from, asking the hub once per process.

    Raises:
        DataError: if neither the hub nor the cache knows it.
    """
    return listing(repository)[0].name


def listing(repository: str) -> tuple[Path, tuple[str, ...]]:
    """Return the cache folder of the commit to read, and the names of all its files.

    Raises:
        DataError: if neither the hub nor the cache knows it.
    """
    try:
        folder = _snapshot(repository)
        return folder, _names(repository, folder)
    except client_errors() as error:
        raise DataError(f"{repository}: {_why(error)} {_how_to_fetch(repository)}") from error


def known_commit(repository: str) -> str | None:
    """Return the commit that the local cache knows, without asking or importing anything."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    home = Path(os.environ.get("HF_HOME") or caches / "huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()
    refs = cache / f"datasets--{repository.replace('/', '--')}" / "refs"
    for branch in (BRANCHES.get(repository, "main"), PARQUET_COPY):
        snapshots = refs.parent / "snapshots"
        if (refs / branch).is_file():
            name = (refs / branch).read_text(encoding="utf-8").strip()
            if any((snapshots / name).rglob("*.parquet")):
                return name
    return None


def _why(error: Exception) -> str:
    """Say why a data set is neither cached nor to be had now."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set and the local cache lacks it."
    first_line = str(error).strip().split("\n")[0][:200]
    return f"the hub did not give it ({type(error).__name__}: {first_line})."


def _how_to_fetch(repository: str) -> str:
    return (
        f"Where there is network, run `hf download {repository} --repo-type dataset`, or "
        "`stiltwalk data fetch RECIPE FOLDER` and give that folder as data.source (docs/data.md)."
    )


def client_errors() -> tuple[type[Exception], ...]:
    """Return what the hub's client raises when it cannot deliver, without importing it before."""
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

    # its own errors are also those of its HTTP library, which raises some bare ("no route")
    bases = cast("tuple[type[Exception], ...]", HfHubHTTPError.__bases__)
    return (*bases, OSError, ValueError, EntryNotFoundError)


@lru_cache(maxsize=64)
def _snapshot(repository: str) -> Path:
    """Return the cache folder of the commit to read, its card fetched and its branch recorded."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    failure: Exception = FileNotFoundError(f"{repository} holds no Parquet file")
    for branch in dict.fromkeys((BRANCHES.get(repository, "main"), PARQUET_COPY)):
        try:
            folder = snapshot_download(
                repository, repo_type="dataset", revision=branch, allow_patterns=["README.md"]
            )
        except client_errors() as error:  # offline, only one of the two may be cached
            failure = error
            continue
        if any(name.endswith(".parquet") for name in _names(repository, Path(folder))):
            return Path(folder)
    raise failure


@lru_cache(maxsize=64)
def _names(repository: str, folder: Path) -> tuple[str, ...]:
    """Return the files of a commit: the hub's list, or what is cached where it cannot be asked."""
    from huggingface_hub import HfApi

    try:  # one question, asked once: listing the tree would be tried again for half a minute
        files = HfApi().dataset_info(repository, revision=folder.name).siblings or ()
    except client_errors():
        return tuple(path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet"))
    return tuple(file.rfilename for file in files)


def _fetch(repository: str, config: str, split: str) -> list[Path]:
    """Return the local files of a split."""
    from huggingface_hub import hf_hub_download

    folder = _snapshot(repository)
    return [
        Path(hf_hub_download(repository, name, repo_type="dataset", revision=folder.name))
        for name in split_files(_names(repository, folder), lambda: card(folder), config, split)
    ]


@lru_cache(maxsize=64)
def card(folder: Path) -> str:
    """Return the text of a data set's card, empty where it has none."""
    path = folder / "README.md"
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
