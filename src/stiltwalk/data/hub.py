"""Data sets on the Hugging Face hub or in a folder laid out like it: which commit, which files.

Parquet files are fetched as they are, one split at a time, at one commit that is resolved once
per process. (`datasets.load_dataset` would fall back to "the latest cached version" where the
hub cannot be reached, which may be another commit than the lineage says, and keeps a second copy
of everything.) `HF_HUB_OFFLINE`, `HF_HOME` and `HF_HUB_CACHE` are honoured.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, cast

from stiltwalk.data.source import HUB, Place, Rows, open_parquet
from stiltwalk.errors import DataError
from stiltwalk.files import below
from stiltwalk.records import Example, Split

Reader = Callable[[Rows, str], Iterator[Example]]
"""Turns rows into examples of one language (which matters where a split mixes several)."""


@dataclass(frozen=True)
class HubFiles:
    """Some splits of a data set on the hub, and how to read their rows.

    `config` may hold `{code}`, filled with the hub's own code of a language (`code_of`). A split
    that is None does not exist, or its labels are hidden. `part` names the piece of a task that
    is put together from several data sets. `languages` are those that it holds of the task's, empty
    for all. `untested`: written from descriptions; nobody has read it from the hub.
    `is_growing`: configurations are still added, so the hub is asked which there are.
    """

    repository: str
    config: str
    read: Reader | None = field(default=None, repr=False)
    _: KW_ONLY
    train: str | None = "train"
    dev: str | None = "validation"
    test: str | None = None
    part: str = ""
    languages: tuple[str, ...] = ()
    untested: bool = False
    is_growing: bool = False
    code_of: Callable[[str], str] = field(default=str, repr=False)

    def split_named(self, split: Split) -> str | None:
        """Return the hub's name of a split, None where it does not exist."""
        return {Split.TRAIN: self.train, Split.DEV: self.dev, Split.TEST: self.test}[split]

    def has(self, split: Split, language: str) -> bool:
        """Tell whether it is declared with a split in a language."""
        is_held = not self.languages or language in self.languages
        return is_held and self.split_named(split) is not None

    def config_of(self, language: str) -> str:
        """Return the configuration that holds a language."""
        return self.config.format(code=self.code_of(language))


def open_rows(files: HubFiles, source: str, split: str, language: str) -> Rows:
    """Open one split of one configuration, or raise `DataError`."""
    config = files.config_of(language)
    prefix = f"{files.part}:" if files.part else ""
    if source == HUB:
        return open_hub_rows(files.repository, config, split, prefix)
    return open_mirror_rows(source, files.repository, config, split, prefix)


PARQUET_COPY = "refs/convert/parquet"
BRANCHES = {"allenai/social_i_qa": PARQUET_COPY, "juletxara/xstory_cloze": PARQUET_COPY}
"""Data sets whose main branch is a Python script, which nothing runs any more. Others that turn
out to hold no Parquet file are read from the copy as well."""


def open_hub_rows(repository: str, config: str, split: str, id_prefix: str) -> Rows:
    """Open one split of `OWNER/NAME`, fetching it first where it is not in the cache.

    Raises:
        DataError: if it does not exist, or cannot be fetched.
    """
    place = Place(repository, config, split)
    try:
        files = _fetch(place)
    except client_errors() as error:
        raise place.error(_why(error), _how_to_fetch(repository)) from error
    if not files:
        raise place.error(
            f"{repository} at commit {commit_of(repository)} has no such split in this cache or "
            "on the hub.",
            _how_to_fetch(repository),
        )
    return open_parquet(place, files, id_prefix, told_rows(card(_snapshot(repository)), place))


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


def is_on_hub(files: HubFiles, split: Split, language: str) -> bool | None:
    """Tell whether a split of a language is on the hub by now; None where that cannot be asked."""
    place = Place(files.repository, files.config_of(language), files.split_named(split) or "")
    try:
        folder, names = listing(files.repository)
        return bool(split_files(names, lambda: card(folder), place))
    except DataError:
        return None


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
    from huggingface_hub import HfApi

    try:  # one question, asked once: listing the tree would be tried again for half a minute
        files = HfApi().dataset_info(repository, revision=folder.name).siblings or ()
    except client_errors():
        return tuple(path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet"))
    return tuple(file.rfilename for file in files)


def _fetch(place: Place) -> list[Path]:
    from huggingface_hub import hf_hub_download

    folder, repository = _snapshot(place.dataset), place.dataset
    return [
        Path(hf_hub_download(repository, name, repo_type="dataset", revision=folder.name))
        for name in map(below, split_files(_names(repository, folder), lambda: card(folder), place))
    ]


def card(folder: Path) -> str:
    """Return the text of a data set's card, empty where it has none."""
    path = folder / "README.md"
    return path.read_text(encoding="utf-8-sig", errors="replace") if path.is_file() else ""


_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---", re.DOTALL)


def split_files(names: Sequence[str], read_card: Callable[[], str], place: Place) -> list[str]:
    """Return the files of one split, in the order of their numbers; none if it is not there.

    The first that matches wins: the configuration's own folder, the data set card's `configs`,
    the root or the folder `data` of a data set with one configuration, and its only folder under
    another name (in the hub's automatic Parquet copy `plain_text` can be called `default`). In
    each a split is `SPLIT.parquet`, `SPLIT-*.parquet` or a folder `SPLIT/`.

    Args:
        names: paths inside the data set, with forward slashes.
        read_card: gives the text of its README.md; called only where it matters.
        place: the split, as the hub names it.

    Raises:
        DataError: if the files are not one complete set.
    """
    config, split = place.config, place.split
    parquet = sorted(name for name in names if name.endswith(".parquet"))
    found = _in_folders(parquet, [config], split)
    if not found:
        by_glob = {
            glob: [name for name in parquet if _as_regex(glob).fullmatch(name)]
            for glob in _from_card(read_card(), config, split)
        }
        listed = sorted({name for names in by_glob.values() for name in names})
        if listed:
            _check_listed(by_glob, place)
            return _whole_sets(listed, place, is_listed=True)
        configs = {name.partition("/")[0] for name in parquet if "/" in name}
        configs = {name for name in configs if not re.match(r"data$|" + _SPLIT_FOLDER, name)}
        if len(configs) <= 1:
            renamed = [name for name in configs if _may_be_renamed(config, name)]
            found = _in_folders(parquet, ["", "data"], split)
            found = found or _in_folders(parquet, renamed, split)
    return _whole_sets(found, place)


_SPLIT_FOLDER = r"(train|test|dev|eval|val|valid|validation)\b"
_NUMBERED = re.compile(r"(.*?)(?<![0-9A-Za-z])(\d+)(?:-of-(\d+)(?:-\w+)?)?\.parquet")
"""What stands before a file's number, its number, and how many there are."""
_NO_NUMBERS = 1000
"""From here on numbers without a total are years and the like."""


def _in_folders(parquet: Sequence[str], folders: Sequence[str], split: str) -> list[str]:
    starts = [f"{folder}/{split}".lstrip("/") for folder in folders]
    forms = [rf"{re.escape(start)}(-[^/]*|/[^/]*)?\.parquet" for start in starts]
    return [name for name in parquet if any(re.fullmatch(form, name) for form in forms)]


def _as_regex(glob: str) -> re.Pattern[str]:
    """Return a card's pattern as the hub understands it: one star stays within a folder."""
    text = re.escape(glob).replace(r"\*\*/", "(.*/)?").replace(r"\*\*", ".*")
    text = text.replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
    return re.compile(re.sub(r"\\\[(.+?)\\\]", r"[\1]", text))


def _check_listed(by_glob: dict[str, list[str]], place: Place) -> None:
    for glob, names in by_glob.items():
        if not names:
            raise place.error(
                f"the data set's card names {glob}, and no Parquet file is of that name.",
                "Fetch the split again.",
            )


def _whole_sets(found: Sequence[str], place: Place, *, is_listed: bool = False) -> list[str]:
    """Return files by their numbers, refusing gaps and what another version left behind.

    Args:
        found: names of files.
        place: what they should hold.
        is_listed: the card names them: they may be several sets, each under a name of its own.
    """
    sets: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for name in found:
        parts = _NUMBERED.fullmatch(name)
        stem, number, total = parts.groups() if parts else (name[: -len(".parquet")], 0, "alone")
        is_loose = parts is None and not is_listed and not stem.endswith(place.split)
        key = (name.rpartition("/")[0] if is_loose else stem.rstrip("-_."), total or "")
        sets.setdefault(key, []).append((int(number), name))
    stems = {stem for stem, _ in sets}
    if len(sets) > (len(stems) if is_listed else 1):
        raise place.error(
            f"files of several sets stand beside each other: "
            f"{', '.join(sorted(min(files)[1] for files in sets.values()))}.",
            "Keep those of one version, and remove the others.",
        )
    for (_, total), files in sets.items():
        if total != "alone":
            _check_whole(total, files, place)
    return [name for key in sorted(sets) for _, name in sorted(sets[key])]


def _check_whole(total: str, files: Sequence[tuple[int, str]], place: Place) -> None:
    numbers = sorted(number for number, _ in files)
    if not total and numbers[0] >= _NO_NUMBERS:
        return
    first = min(numbers[0], 1)
    wanted = range(first, first + int(total) if total else numbers[-1] + 1)
    if numbers == list(wanted):
        return
    missing = sorted(set(wanted) - set(numbers))
    told = f"of {len(wanted)} files number {missing[0]} is missing" if missing else "one is twice"
    names = ", ".join(sorted(name for _, name in files)[:8])
    raise place.error(f"{told}; there are {names}.", "Fetch the split again into an empty folder.")


def _may_be_renamed(config: str, name: str) -> bool:
    """Tell whether an only configuration is the one asked for; one language is never another."""
    return config == name or "default" in {config, name}


def _from_card(card: str, config: str, split: str) -> list[str]:
    try:
        configs = {
            one["config_name"]: {file["split"]: file["path"] for file in one["data_files"]}
            for one in _front_matter(card).get("configs") or []
        }
    except (AttributeError, KeyError, TypeError):
        return []  # in another form a card says nothing of files
    found = _of_config(configs, config).get(split, [])
    paths = found if isinstance(found, list) else [found]
    return paths if all(isinstance(path, str) for path in paths) else []


def told_rows(card: str, place: Place) -> int | None:
    """Return how many rows a split has by the data set's card, None where it does not say."""
    infos = _front_matter(card).get("dataset_info") or []
    try:
        sizes = {
            one.get("config_name", "default"): {
                split["name"]: split["num_examples"] for split in one["splits"]
            }
            for one in (infos if isinstance(infos, list) else [infos])
        }
    except (AttributeError, KeyError, TypeError):
        return None
    told = _of_config(sizes, place.config).get(place.split)
    return told if isinstance(told, int) else None


def _of_config(by_config: dict[str, dict[str, Any]], config: str) -> dict[str, Any]:
    """Return what is said of a configuration, or of the only one under another name."""
    names = [config, *(by_config if len(by_config) == 1 else ())]
    known = [name for name in names if name in by_config and _may_be_renamed(config, name)]
    return by_config[known[0]] if known else {}


@lru_cache(maxsize=16)
def _front_matter(card: str) -> dict[str, Any]:
    front = _FRONT_MATTER.match(card)
    if front is None:
        return {}
    import yaml  # type: ignore[import-untyped]

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        found = yaml.load(front.group(1), loader)  # noqa: S506 - a safe loader
    except yaml.YAMLError:
        return {}
    return found if isinstance(found, dict) else {}


class DataSetFolder:
    """One data set's folder in a mirror, or in the hub's own cache; looked through at most once."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def find(self, config: str, split: str) -> list[Path]:
        """Return the Parquet files of a split, none if it is not there, or raise `DataError`."""
        place = Place(str(self.path), config, split)
        near = _parquet_names(self.path, config)  # without walking hundreds of configurations
        names = split_files(near, str, place)
        names = names or split_files(self._names, lambda: card(self.path), place)
        return [self.path / name for name in names]

    @cached_property
    def _names(self) -> list[str]:
        return _parquet_names(self.path)


def open_mirror_rows(source: str, repository: str, config: str, split: str, id_prefix: str) -> Rows:
    """Open one split in a mirror; raise `DataError` if it is not there or damaged."""
    place = Place(repository, config, split)
    folder = Path(source).expanduser() / repository
    files = DataSetFolder(folder).find(config, split)
    if not files:
        found = "has no such file" if folder.is_dir() else "is no folder"
        raise place.error(
            f"{folder} {found}.",
            f"Where there is network, run: hf download {repository} --repo-type dataset "
            f"--local-dir {folder} (docs/data.md says more).",
        )
    return open_parquet(place, files, id_prefix, told_rows(card(folder), place))


def _parquet_names(folder: Path, inside: str = "") -> list[str]:
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

    Raises:
        DataError: if the hub cannot be asked, or has no such split.
    """
    names: dict[str, set[str]] = {}
    for place in places:
        snapshot, known = listing(place.dataset)
        found = split_files(known, lambda: card(snapshot), place)  # noqa: B023 - called at once
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
                below(file.name),
                repo_type="dataset",
                revision=file.commit,
                local_dir=mirror / below(file.repository),
            )
        )
    except client_errors() as error:
        raise DataError(
            f"{file.repository}: {file.name} could not be fetched ({error}). Run the same command "
            "again: it goes on where it stopped."
        ) from error


def _sized(repository: str, names: set[str]) -> list[RemoteFile]:
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
    sizes = {one.path: getattr(one, "size", 0) for one in found}
    return [
        RemoteFile(repository=repository, commit=commit, name=name, num_bytes=size)
        for name, size in sizes.items()
    ]
