"""A workspace at a URL: a stage is made in a folder of this machine, then put there, marker last.

The layout is that of a workspace in a folder, so a copy of what is at the URL is one. What was
fetched stays on this machine and is compared with its checksums whenever it is used.

Its lock is a lease: an object that its holder renews, and that ends by itself. Leases are numbered
and the highest number counts. Whoever finds none, or one that has ended, creates the next number,
and an object store lets only one do that.
"""

from __future__ import annotations

import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from stiltwalk.errors import WorkspaceError
from stiltwalk.files import below, checksum, contained
from stiltwalk.store.workspace import MARKER, Folder, Stored, Workspace, myself
from stiltwalk.wording import masked

_AT_ONCE = 16
"""Requests; each takes tens of milliseconds, wherever the place is."""
_ROWS = (".json", ".jsonl")


class RemoteWorkspace(Workspace):
    """A workspace at a URL that all nodes of a cluster see."""

    def __init__(self, place: str) -> None:
        self._objects = Objects(place)
        home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        key = sha256(self._objects.address.encode()).hexdigest()[:16]
        super().__init__(Path(home).expanduser() / "stiltwalk" / "workspaces" / key)
        self.place = self._objects.place
        self._lease = Lease(self._objects, myself())
        self._markers: dict[str, dict[str, Any]] = {}

    @property
    def address(self) -> str:
        return self._objects.address

    def has(self, stage: Stored | str) -> bool:
        """Tell whether a stage is complete at the URL and its files there have their sizes.

        Raises:
            WorkspaceError: if a file is gone or has another size.
        """
        there = self._objects.sizes(_key(stage))
        if MARKER not in there:
            return self._sent_later(stage)
        for name, facts in self.marker(stage)["files"].items():
            if there.get(name) != facts["bytes"]:
                raise self._altered(stage, name)
        return True

    def complete(self, names: Collection[str]) -> set[str]:
        return _those(names, self.has)

    def marked(self, names: Collection[str]) -> set[str]:
        return _those(names, self._fetch_rows)

    def marker(self, stage: Stored | str) -> dict[str, Any]:
        marker = self._marker(_name(stage))
        if marker is None:
            raise self._altered(stage, MARKER)
        return marker

    def verified(self, stage: Stored | str) -> Path:
        """Return a folder of this machine with a complete stage's files as the stage wrote them.

        Raises:
            WorkspaceError: if a file at the URL is not what the stage wrote.
        """
        for name in self.marker(stage)["files"]:
            self._fetch(stage, name)
        return self.folder(stage)

    @contextmanager
    def writing(self, stage: Stored, provenance: Mapping[str, Any]) -> Iterator[Folder]:
        """Give a stage a folder of this machine; put it at the URL when the block ends well."""
        unsent = self._unsent(stage)
        unsent.unlink(missing_ok=True)
        with super().writing(stage, provenance) as folder:
            yield folder
        unsent.parent.mkdir(exist_ok=True)
        unsent.touch()
        self._send(stage)

    def forget(self, stage: Stored | str) -> None:
        self._objects.remove(f"{_key(stage)}/{MARKER}")
        self._markers.pop(_name(stage), None)
        self._unsent(stage).unlink(missing_ok=True)
        super().forget(stage)

    def text(self, stage: Stored | str, name: str) -> str:
        marker = self._marker(_name(stage))
        if marker is None or name not in marker["files"]:
            return ""
        return self._fetch(stage, name).read_text(encoding="utf-8")

    def keep_text(self, name: str, text: str) -> None:
        self._objects.write(name, text.encode())

    def kept_text(self, name: str) -> str:
        return (self._objects.read(name) or b"").decode(errors="replace")

    def publish(self, path: Path) -> None:
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.is_file():
                self._objects.upload(file, file.relative_to(self.root).as_posix())

    def fetch(self, folder: str, name: str) -> None:
        for found in self._objects.sizes(folder):
            if found.rpartition("/")[-1] == name:
                self._objects.download(f"{folder}/{found}", self._here(f"{folder}/{found}"))

    def _here(self, name: str) -> Path:
        try:
            return contained(self.root, name)
        except ValueError as error:
            raise WorkspaceError(
                f"{self.place} holds an object that is no part of a workspace: {error}. Remove it."
            ) from error

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other runs out while the block runs; see `Lease`."""
        self.root.mkdir(parents=True, exist_ok=True)
        with self._lease.held():
            yield

    def held_by(self) -> str:
        _, found = current(self._objects)
        return str(found["holder"]) if found and found["ends_unix_s"] > time.time() else ""

    def require_lock(self) -> None:
        self._lease.require()

    def _send(self, stage: Stored | str) -> None:
        if MARKER not in self._objects.sizes(_key(stage)):
            folder = self.folder(stage)
            for name in (*super().marker(stage)["files"], MARKER):
                self._objects.upload(contained(folder, name), f"{_key(stage)}/{name}")
        self._unsent(stage).unlink()

    def _sent_later(self, stage: Stored | str) -> bool:
        """Send what was made here while the URL could not be reached; tell whether there was."""
        if not self._unsent(stage).exists():
            return False
        folder, files = self.folder(stage), super().marker(stage)["files"]
        if any(
            checksum(contained(folder, name)) != facts["sha256"] for name, facts in files.items()
        ):
            return False
        self._send(stage)
        return True

    def _unsent(self, stage: Stored | str) -> Path:
        return self.root / "unsent" / _name(stage)

    def _marker(self, name: str) -> dict[str, Any] | None:
        if name not in self._markers:
            content = self._objects.read(f"{_key(name)}/{MARKER}")
            if content is None:
                return None
            self._markers[name] = self._parsed(name, content)
        return self._markers[name]

    def _fetch_rows(self, name: str) -> bool:
        marker = self._marker(name)
        for file in marker["files"] if marker else ():
            if file.endswith(_ROWS) and "/" not in file:
                self._fetch(name, file)
        return marker is not None

    def _fetch(self, stage: Stored | str, name: str) -> Path:
        file = contained(self.folder(stage), name)
        wanted = self.marker(stage)["files"][name]["sha256"]
        if file.is_file() and checksum(file) == wanted:
            return file
        aside = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}")
        self._objects.download(f"{_key(stage)}/{name}", aside)
        if checksum(aside) != wanted:
            aside.unlink()
            raise self._altered(stage, name)
        aside.replace(file)
        return file


def _those(names: Collection[str], is_there: Callable[[str], bool]) -> set[str]:
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        found = zip(names, threads.map(is_there, names), strict=True)
        return {name for name, there in found if there}


def _name(stage: Stored | str) -> str:
    return stage if isinstance(stage, str) else stage.fingerprint


def _key(stage: Stored | str) -> str:
    return f"stages/{_name(stage)}"


class Objects:
    """What is below a URL. Every method raises `WorkspaceError` if the place cannot be used."""

    def __init__(self, place: str) -> None:
        import fsspec  # noqa: PLC0415 - most workspaces are folders

        self.address = place.rstrip("/")
        self.place = masked(self.address)
        try:
            self._files, self._root = fsspec.url_to_fs(self.address)
        except (ImportError, ValueError) as error:
            raise WorkspaceError(
                f"{self.place} cannot be a workspace ({error}). A folder can, and a URL that "
                "fsspec knows and has the package for: 'stiltwalk[ray]' brings that for s3."
            ) from error

    def read(self, name: str) -> bytes | None:
        """Return what an object holds, None if there is none."""
        with self._using(name), suppress(FileNotFoundError):
            return bytes(self._files.cat_file(self._path(name)))
        return None

    def write(self, name: str, content: bytes) -> None:
        """Put an object there, in place of one of that name."""
        with self._using(name):
            self._make_folder(name)
            self._files.pipe_file(self._path(name), content)

    def create(self, name: str, content: bytes) -> None:
        """Put an object there if there is none of that name, as far as the place can tell."""
        with self._using(name):
            self._make_folder(name)
            try:
                self._files.pipe_file(self._path(name), content, mode="create")
            except Exception:
                self._files.invalidate_cache()
                if not self._files.exists(self._path(name)):
                    raise

    def remove(self, name: str) -> None:
        """Remove an object, if it is there."""
        with self._using(name), suppress(FileNotFoundError):
            self._files.rm_file(self._path(name))

    def sizes(self, folder: str) -> dict[str, int]:
        """Return the names below a folder, relative to it, with their sizes in bytes."""
        with self._using(folder):
            self._files.invalidate_cache()
            try:
                found = self._files.find(self._path(folder), detail=True)
            except FileNotFoundError:
                return {}
            start = len(self._path(folder)) + 1
            return {path[start:]: facts["size"] for path, facts in found.items()}

    def upload(self, file: Path, name: str) -> None:
        """Put a file there."""
        with self._using(name):
            self._make_folder(name)
            self._files.put_file(str(file), self._path(name))

    def download(self, name: str, file: Path) -> None:
        """Write an object to a file, whose folder is made."""
        file.parent.mkdir(parents=True, exist_ok=True)
        with self._using(name):
            self._files.get_file(self._path(name), str(file))

    def _path(self, name: str) -> str:
        return f"{self._root}/{below(name)}"

    def _make_folder(self, name: str) -> None:
        """Make a folder, unless this is an object store, which has none."""
        if not self._files.async_impl:
            self._files.makedirs(self._path(name).rpartition("/")[0], exist_ok=True)

    @contextmanager
    def _using(self, name: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            said = str(error).strip().partition("\n")[0] or type(error).__name__
            raise WorkspaceError(
                f"{self.place}/{name} cannot be used ({said}). Mend that, then run the same "
                "command again: finished stages are kept."
            ) from error


LASTS_S = 60.0
"""Longer than Ray keeps up the work of a driver that went silent (30 s)."""
_FOLDER = "lease"
_RENEWALS = 4
"""In the time that a lease lasts."""


class Lease:
    """The right to lead a run in a place."""

    def __init__(self, objects: Objects, holder: str) -> None:
        self._objects, self._holder, self._id = objects, holder, uuid.uuid4().hex
        self._number = 0
        self._ends_unix_s = 0.0
        self._is_over = threading.Event()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lease while the block runs; raise `WorkspaceError` if somebody else holds it."""
        self._take()
        renewing = threading.Thread(target=self._keep_up, daemon=True)
        renewing.start()
        try:
            yield
        finally:
            self._is_over.set()
            renewing.join()
            with suppress(WorkspaceError):  # it ends by itself
                if self._is_mine():
                    self._objects.remove(_lease_name(self._number))

    def require(self) -> None:
        """Raise `WorkspaceError` if the lease ended because it could not be renewed."""
        if time.time() > self._ends_unix_s:
            raise WorkspaceError(
                f"The lease on {self._objects.place} was not renewed in time, so that another run "
                "may have begun there. Run the same command again: finished stages are kept."
            )

    def _take(self) -> None:
        number, found = current(self._objects)
        if found and found["ends_unix_s"] > time.time():
            raise _in_use(self._objects, found)
        self._number = number + 1
        ends_unix_s = time.time() + LASTS_S
        self._objects.create(_lease_name(self._number), self._content(ends_unix_s))
        if not self._is_mine():
            raise _in_use(self._objects, current(self._objects)[1] or {"holder": "another run"})
        self._ends_unix_s = ends_unix_s
        if number:
            self._objects.remove(_lease_name(number))

    def _keep_up(self) -> None:
        while not self._is_over.wait(LASTS_S / _RENEWALS):
            with suppress(WorkspaceError):  # asked again until the lease ends
                if not self._is_mine():
                    self._ends_unix_s = 0.0
                    return
                ends_unix_s = time.time() + LASTS_S
                self._objects.write(_lease_name(self._number), self._content(ends_unix_s))
                self._ends_unix_s = ends_unix_s

    def _is_mine(self) -> bool:
        number, found = current(self._objects)
        return number == self._number and found is not None and found["id"] == self._id

    def _content(self, ends_unix_s: float) -> bytes:
        facts = {"holder": self._holder, "id": self._id, "ends_unix_s": ends_unix_s}
        return json.dumps(facts).encode()


def current(objects: Objects) -> tuple[int, dict[str, Any] | None]:
    """Return the highest number of a lease, 0 if there is none, and what that lease says.

    A lease that is damaged says nothing, and counts as one that has ended.
    """
    names = (name.removesuffix(".json") for name in objects.sizes(_FOLDER))
    number = max((int(name) for name in names if name.isdecimal()), default=0)
    content = objects.read(_lease_name(number)) if number else None
    with suppress(ValueError, LookupError, TypeError, RecursionError):
        found = json.loads(content or b"")
        facts = {"holder": str(found["holder"])[:300], "id": str(found["id"])}
        return number, facts | {"ends_unix_s": float(found["ends_unix_s"])}
    return number, None


def _lease_name(number: int) -> str:
    return f"{_FOLDER}/{number:08d}.json"


def _in_use(objects: Objects, found: dict[str, Any]) -> WorkspaceError:
    ends = time.strftime("%H:%M:%S", time.localtime(found.get("ends_unix_s")))
    return WorkspaceError(
        f"The workspace {objects.place} is in use by {found['holder']}. Wait for that run to end "
        f"(its lease ends at {ends} if nobody renews it), or give another --workspace."
    )


def workspace_at(place: str | Path) -> Workspace:
    """Return the workspace in a folder, or at a URL that fsspec knows, such as `s3://…`."""
    name = str(place).removeprefix("file://")
    if "://" in name:
        return RemoteWorkspace(name)
    return Workspace(Path(name))
