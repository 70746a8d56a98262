"""A workspace at a URL: a stage is made in a folder of this machine, then put there, marker last.

The layout is that of a workspace in a folder, so a copy of what is at the URL is one. What was
fetched stays on this machine and is compared with its checksums whenever it is used.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from stiltwalk.plan.stages import Stage, fingerprint
from stiltwalk.store.folder import Folder
from stiltwalk.store.lease import Lease, current
from stiltwalk.store.objects import Objects
from stiltwalk.store.workspace import MARKER, Workspace, checksum, myself

_AT_ONCE = 16
"""Requests; each takes tens of milliseconds, wherever the place is."""
_ROWS = (".json", ".jsonl")


class RemoteWorkspace(Workspace):
    """A workspace at a URL that all nodes of a cluster see."""

    def __init__(self, place: str) -> None:
        """Use `place`, such as s3://BUCKET/FOLDER, by way of a folder in the user's cache."""
        self._objects = Objects(place)
        home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        key = sha256(self._objects.place.encode()).hexdigest()[:16]
        super().__init__(Path(home).expanduser() / "stiltwalk" / "workspaces" / key)
        self.place = self._objects.place
        self._lease = Lease(self._objects, myself())
        self._markers: dict[str, dict[str, Any]] = {}

    @property
    def address(self) -> str:
        """What a process elsewhere finds it by."""
        return self.place

    def has(self, stage: Stage | str) -> bool:
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
        """Return those of some fingerprints that `has` says are there, asking for many at once."""
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            found = zip(names, threads.map(self.has, names), strict=True)
            return {name for name, is_there in found if is_there}

    def marked(self, names: Collection[str]) -> set[str]:
        """Return those of some fingerprints whose marker is there; their rows are fetched."""
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            found = zip(names, threads.map(self._fetch_rows, names), strict=True)
            return {name for name, is_there in found if is_there}

    def marker(self, stage: Stage | str) -> dict[str, Any]:
        """Return what the completion marker of a stage says."""
        marker = self._marker(_name(stage))
        if marker is None:
            raise self._altered(stage, MARKER)
        return marker

    def verified(self, stage: Stage | str) -> Path:
        """Return a folder of this machine with a complete stage's files as the stage wrote them.

        Raises:
            WorkspaceError: if a file at the URL is not what the stage wrote.
        """
        for name in self.marker(stage)["files"]:
            self._fetch(stage, name)
        return self.folder(stage)

    @contextmanager
    def writing(self, stage: Stage, provenance: Mapping[str, Any]) -> Iterator[Folder]:
        """Give a stage a folder of this machine; put it at the URL when the block ends well."""
        unsent = self._unsent(stage)
        unsent.unlink(missing_ok=True)
        with super().writing(stage, provenance) as folder:
            yield folder
        unsent.parent.mkdir(exist_ok=True)
        unsent.touch()
        self._send(stage)

    def forget(self, stage: Stage | str) -> None:
        """Remove a complete stage at the URL and here; files without a marker are replaced."""
        self._objects.remove(f"{_key(stage)}/{MARKER}")
        self._markers.pop(_name(stage), None)
        self._unsent(stage).unlink(missing_ok=True)
        super().forget(stage)

    def text(self, stage: Stage | str, name: str) -> str:
        """Return a text file of a complete stage, "" if there is no such stage or file."""
        marker = self._marker(_name(stage))
        if marker is None or name not in marker["files"]:
            return ""
        return self._fetch(stage, name).read_text(encoding="utf-8")

    def keep_text(self, name: str, text: str) -> None:
        """Keep a text beside the stages."""
        self._objects.write(name, text.encode())

    def kept_text(self, name: str) -> str:
        """Return a text that was kept beside the stages, "" if there is none."""
        return (self._objects.read(name) or b"").decode()

    def publish(self, path: Path) -> None:
        """Put a file or folder below `root` at the URL."""
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.is_file():
                self._objects.upload(file, file.relative_to(self.root).as_posix())

    def fetch(self, folder: str, name: str) -> None:
        """Bring every file of a name below a folder here."""
        for found in self._objects.sizes(folder):
            if found.rpartition("/")[-1] == name:
                self._objects.download(f"{folder}/{found}", self.root / folder / found)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other runs out while the block runs; see `Lease`."""
        self.root.mkdir(parents=True, exist_ok=True)
        with self._lease.held():
            yield

    def held_by(self) -> str:
        """Return who holds the lease, "" if nobody does."""
        _, found = current(self._objects)
        return str(found["holder"]) if found and found["ends_unix_s"] > time.time() else ""

    def require_lock(self) -> None:
        """Raise `WorkspaceError` if the lease was lost since it was taken."""
        self._lease.require()

    def _send(self, stage: Stage | str) -> None:
        """Put what was made here at the URL, unless somebody else was faster; marker last."""
        if MARKER not in self._objects.sizes(_key(stage)):
            folder = self.folder(stage)
            for name in (*super().marker(stage)["files"], MARKER):
                self._objects.upload(folder / name, f"{_key(stage)}/{name}")
        self._unsent(stage).unlink()

    def _sent_later(self, stage: Stage | str) -> bool:
        """Send what was made here while the URL could not be reached; tell whether there was."""
        if not self._unsent(stage).exists():
            return False
        folder, files = self.folder(stage), super().marker(stage)["files"]
        if any(checksum(folder / name) != facts["sha256"] for name, facts in files.items()):
            return False
        self._send(stage)
        return True

    def _unsent(self, stage: Stage | str) -> Path:
        return self.root / "unsent" / _name(stage)

    def _marker(self, name: str) -> dict[str, Any] | None:
        """Return a stage's marker, which never changes, None if it is not there yet."""
        if name not in self._markers:
            content = self._objects.read(f"{_key(name)}/{MARKER}")
            if content is None:
                return None
            self._markers[name] = self._parsed(name, content)
        return self._markers[name]

    def _fetch_rows(self, name: str) -> bool:
        """Fetch a stage's rows; tell whether it has a marker."""
        marker = self._marker(name)
        for file in marker["files"] if marker else ():
            if file.endswith(_ROWS) and "/" not in file:
                self._fetch(name, file)
        return marker is not None

    def _fetch(self, stage: Stage | str, name: str) -> Path:
        """Return a file of a complete stage on this machine, as the stage wrote it."""
        file, wanted = self.folder(stage) / name, self.marker(stage)["files"][name]["sha256"]
        if file.is_file() and checksum(file) == wanted:
            return file
        aside = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}")
        self._objects.download(f"{_key(stage)}/{name}", aside)
        if checksum(aside) != wanted:
            aside.unlink()
            raise self._altered(stage, name)
        aside.replace(file)
        return file


def _name(stage: Stage | str) -> str:
    return stage if isinstance(stage, str) else fingerprint(stage)


def _key(stage: Stage | str) -> str:
    return f"stages/{_name(stage)}"
