"""Data sets on the Hugging Face hub, or in a folder laid out like it.

Data sets on the Hugging Face hub: which commit, which files, fetched into the hub's own cache.

Parquet files are fetched as they are, one split at a time, at one commit that is resolved once
per process. (`datasets.load_dataset` would fall back to "the latest cached version" where the
hub cannot be reached, which may be another commit than the lineage says, and keeps a second copy
of everything.) `HF_HUB_OFFLINE`, `HF_HOME` and `HF_HUB_CACHE` are honoured.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from pathlib import Path
from typing import cast

from stiltwalk.data.parquet import open_parquet
from stiltwalk.data.source import HUB, Place, Rows
from stiltwalk.errors import DataError
from stiltwalk.records import Example, Split

Reader = Callable[[Rows, str], Iterator[Example]]
"""Turns rows into examples of one language (which matters where a split mixes several)."""


def as_it_is(language: str) -> str:
    """Return the hub's code of a language for data sets that use the same two letters."""
    return language


@dataclass(frozen=True, kw_only=True)
class HubFiles:
    """Some splits of a data set on the hub, and how to read their rows.

    `config` may hold `{code}`, filled with the hub's own code of a language (`code_of`). A split
    that is None does not exist, or its labels are hidden. `part` names the piece of a task that
    is put together from several data sets.
    """

    repository: str
    config: str
    read: Reader | None = field(default=None, repr=False)
    train: str | None = None
    dev: str | None = None
    test: str | None = None
    part: str = ""
    code_of: Callable[[str], str] = field(default=as_it_is, repr=False)

    def split_named(self, split: Split) -> str | None:
        """Return the hub's name of a split, None where it does not exist."""
        return {Split.TRAIN: self.train, Split.DEV: self.dev, Split.TEST: self.test}[split]

    def config_of(self, language: str) -> str:
        """Return the configuration that holds a language."""
        return self.config.format(code=self.code_of(language))


def open_rows(files: HubFiles, source: str, split: str, language: str) -> Rows:
    """Open one split of one configuration.

    Args:
        files: which data set.
        source: "hub", or a folder in the hub's layout.
        split: as the hub names it.
        language: two letters, as everywhere outside `data/`.

    Raises:
        DataError: if it is not there, cannot be fetched or is damaged.
    """
    config = files.config_of(language)
    prefix = f"{files.part}:" if files.part else ""
    if source == HUB:
        return open_hub_rows(files.repository, config, split, prefix)
    return open_mirror_rows(source, files.repository, config, split, prefix)


PARQUET_COPY = "refs/convert/parquet"
BRANCHES = {
    "allenai/social_i_qa": PARQUET_COPY,
}
"""Data sets whose main branch is a Python script, which nothing runs any more. Others that turn
out to hold no Parquet file are read from the copy as well."""


def open_hub_rows(repository: str, config: str, split: str, id_prefix: str) -> Rows:
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
            f"{repository} at commit {commit_of(repository)} has no such split in this cache or "
            "on the hub.",
            _how_to_fetch(repository),
        )
    return open_parquet(place, files, id_prefix)


def commit_of(repository: str) -> str:
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


_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---", re.DOTALL)


def split_files(
    names: Sequence[str], read_card: Callable[[], str], config: str, split: str
) -> list[str]:
    """Return the files of one split, sorted; none if it is not there.

    The first that matches wins: the configuration's own folder, the data set card's `configs`,
    the folder `data` or the root of a data set with one configuration, and its only folder under
    another name (in the hub's automatic Parquet copy `plain_text` can be called `default`).

    Args:
        names: paths inside the data set, with forward slashes.
        read_card: gives the text of its README.md; called only where it matters.
        config: the configuration.
        split: the split, as the hub names it.
    """
    parquet = sorted(name for name in names if name.endswith(".parquet"))
    for patterns in _layouts(parquet, read_card, config, split):
        found = [name for name in parquet if any(fnmatchcase(name, one) for one in patterns)]
        if found:
            return found
    return []


def _layouts(
    parquet: Sequence[str], read_card: Callable[[], str], config: str, split: str
) -> Iterator[list[str]]:
    """Yield groups of patterns, the most certain first."""
    yield _in_folder(config, split)
    yield _from_card(read_card(), config, split)
    folders = {name.split("/")[0] for name in parquet if "/" in name}
    if len(folders) <= 1:
        yield [f"data/{split}-*.parquet", f"{split}-*.parquet", f"{split}.parquet"]
        yield from (
            _in_folder(folder, split) for folder in folders if _may_be_renamed(config, folder)
        )


def _in_folder(folder: str, split: str) -> list[str]:
    start = f"{_literal(folder)}/{split}"
    return [f"{start}-*.parquet", f"{start}/*.parquet", f"{start}.parquet"]


def _may_be_renamed(config: str, name: str) -> bool:
    """Tell whether an only configuration is the one asked for; one language is never another."""
    return config == name or "default" in {config, name}


def _literal(text: str) -> str:
    return re.sub(r"([\[*?])", r"[\1]", text)


def _from_card(card: str, config: str, split: str) -> list[str]:
    """Return the patterns that a data set card gives for a split."""
    configs = _card_configs(card)
    names = [config, *(configs if len(configs) == 1 else ())]
    known = [name for name in names if name in configs and _may_be_renamed(config, name)]
    return configs[known[0]].get(split, []) if known else []


@lru_cache(maxsize=16)
def _card_configs(card: str) -> dict[str, dict[str, list[str]]]:
    """Return configuration to split to patterns; a card in another form says nothing of files."""
    front = _FRONT_MATTER.match(card)
    if front is None:
        return {}
    import yaml  # type: ignore[import-untyped]

    try:
        return {
            config["config_name"]: {
                file["split"]: [file["path"]] if isinstance(file["path"], str) else file["path"]
                for file in config["data_files"]
            }
            for config in (yaml.safe_load(front.group(1)) or {}).get("configs") or []
        }
    except (yaml.YAMLError, AttributeError, KeyError, TypeError):
        return {}


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


def open_mirror_rows(source: str, repository: str, config: str, split: str, id_prefix: str) -> Rows:
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
        snapshot, known = listing(place.dataset)
        found = split_files(known, lambda: card(snapshot), place.config, place.split)  # noqa: B023 - called at once
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
    except client_errors() as error:
        raise DataError(
            f"{file.repository}: {file.name} could not be fetched ({error}). Run the same command "
            "again: it goes on where it stopped."
        ) from error


def _sized(repository: str, names: set[str]) -> list[RemoteFile]:
    """Ask the hub how large files are."""
    from huggingface_hub import HfApi

    commit = commit_of(repository)
    try:
        found = HfApi().get_paths_info(
            repository, sorted(names), repo_type="dataset", revision=commit
        )
    except client_errors() as error:
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
