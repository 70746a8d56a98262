"""Files: written as a whole or not at all, and their checksums."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from hashlib import file_digest, sha256
from pathlib import Path


def content_checksum(folder: Path, files: Iterable[Path]) -> str:
    """Return "sha256:…" over names and content of files; where the folder stands is left out.

    Args:
        folder: the files' names are taken relative to it.
        files: all inside it, in any order.
    """
    cache = _Cache()
    total = sha256()
    for file in sorted(files):
        total.update(f"{file.relative_to(folder).as_posix()}\n{cache.digest(file)}\n".encode())
    cache.save()
    return f"sha256:{total.hexdigest()}"


class _Cache:
    """What was read before, by path, size and time of change."""

    def __init__(self) -> None:
        home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        self._file = Path(home).expanduser() / "stiltwalk" / "checksums.json"
        self._known = self._load()
        self._has_new = False

    def digest(self, path: Path) -> str:
        """Return a file's SHA-256, reading it only if it has changed."""
        status = path.stat()
        key = f"{path.resolve()}|{status.st_size}|{status.st_mtime_ns}"
        if key not in self._known:
            self._known[key] = checksum(path)
            self._has_new = True
        return self._known[key]

    def save(self) -> None:
        """Write the cache aside and swap it in; a read-only home only costs time."""
        if not self._has_new:
            return
        aside = self._file.with_suffix(f".{os.getpid()}")
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            aside.write_text(json.dumps({**self._load(), **self._known}), encoding="utf-8")
            aside.replace(self._file)

    def _load(self) -> dict[str, str]:
        try:
            known = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}


def write_atomically(file: Path, text: str) -> None:
    """Write a text so that a reader finds all of it or nothing, even after a power cut."""
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    with aside.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    aside.replace(file)


def contained(root: Path, name: str) -> Path:
    """Return where a name that somebody else wrote stands below a folder.

    Raises:
        ValueError: if it would stand outside, or nowhere.
    """
    parts = Path(name).parts
    if not parts or Path(name).is_absolute() or ".." in parts or "\0" in name:
        raise ValueError(f"{name[:100]!r} is not below {root}")
    return root / name


def checksum(file: Path) -> str:
    """Return the SHA-256 of a file, in hex digits."""
    with file.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()
