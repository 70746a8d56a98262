"""Files: written as a whole or not at all, their checksums, and where foreign names may lead."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import file_digest, sha256
from io import BufferedReader, StringIO
from pathlib import Path
from stat import S_IMODE, S_ISDIR, S_ISREG
from tempfile import gettempdir
from typing import Any, BinaryIO


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


def user_cache() -> Path:
    """Return where this user's programs keep what can be made again."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser() / "stiltwalk"


class _Cache:
    """What was read before, by path, size and time of change."""

    def __init__(self) -> None:
        self._file = user_cache() / "checksums.json"
        self._known: dict[str, str] = kept_json(self._file)
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
        text = sealed_json({**kept_json(self._file), **self._known})
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._file, text, outlasts_power=False)


def write_atomically(file: Path, text: str, *, outlasts_power: bool = True) -> None:
    """Write a text so that a reader finds all of it or nothing, even after a power cut.

    Raises:
        OSError: with the file's name, as when the disk is full.
    """
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        aside.write_text(text, encoding="utf-8")
        if outlasts_power:
            put(aside, file)
        else:
            aside.replace(file)
    except OSError as error:
        error.filename = str(file)  # whoever reads it knows no file aside
        raise
    finally:
        aside.unlink(missing_ok=True)


def put(aside: Path, file: Path) -> None:
    """Let a finished file or folder take another's place, once the disk has all of it."""
    for path in (aside, *aside.rglob("*")):
        sync(path)
    if aside.is_dir():  # which takes no other folder's place
        shutil.rmtree(file, ignore_errors=True)
    aside.replace(file)
    sync(file.parent)


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's names, would outlast a power cut."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a file system that knows no such
            raise
    finally:
        os.close(number)


def put_sealed(aside: Path, file: Path) -> None:
    """Do as `put`, and keep a checksum beside the file for `is_intact`.

    It stands there before the file does, before those of earlier ones, since whatever stops this
    may leave any of them.
    """
    seal = _seal(file)
    earlier = read(seal).decode(errors="replace").split() if seal.is_file() else []
    write_atomically(seal, "\n".join([checksum(aside), *earlier[:_EARLIER]]))
    put(aside, file)


def is_intact(file: Path) -> bool:
    """Tell whether a file is there and what `put_sealed` put there."""
    try:
        return checksum(file) in read_text(_seal(file)).split()
    except (OSError, ValueError):
        return False


def remove_sealed(file: Path) -> None:
    """Remove a file and its checksum."""
    file.unlink(missing_ok=True)
    _seal(file).unlink(missing_ok=True)


def read(file: Path) -> bytes:
    """Return a file's content; what else may stand under a name would never end, or be no content.

    Raises:
        OSError: if it cannot be read, or is a pipe, a device, a folder.
    """
    with _content(file) as stream:
        return stream.read()


@contextmanager
def _content(file: Path) -> Iterator[BufferedReader]:
    with os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK), "rb") as stream:
        if not S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError(errno.EINVAL, "Not a file", str(file))
        yield stream


def read_text(file: Path) -> str:
    """Return a UTF-8 text, without the mark that some editors put first, lines ended alike."""
    return StringIO(read(file).decode("utf-8-sig"), newline=None).read()


def opened(file: Path, flags: int) -> BinaryIO:
    """Open a lock or the like, for its owner alone, that stands here itself and not behind a link.

    Raises:
        OSError: if it is a link, a folder, or of somebody else.
    """
    number = os.open(file, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    return os.fdopen(number, "rb" if flags == os.O_RDONLY else "r+b")


def runtime_folder() -> Path:
    """Return a folder where this user alone may write, for what stands between processes.

    Raises:
        OSError: if there is none, and none can be made.
    """
    given = os.environ.get("XDG_RUNTIME_DIR")
    parent = Path(given) if given and Path(given).is_dir() else Path(gettempdir())
    folder = parent / f"stiltwalk-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    facts = folder.lstat()
    if not S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or S_IMODE(facts.st_mode) & 0o077:
        raise PermissionError(errno.EACCES, "others may write there: remove it", str(folder))
    return folder


_EARLIER = 8


def _seal(file: Path) -> Path:
    return file.with_name(f".{file.name}.sha256")


_CHECKSUM = "checksum"


def sealed_json(document: Mapping[str, Any]) -> str:
    """Return a document as JSON that tells when it was changed; see `unsealed`."""
    return json.dumps({**document, _CHECKSUM: _json_checksum(document)}, indent=1)


def unsealed(text: str | bytes) -> Any:  # noqa: ANN401 - JSON
    """Return what a JSON text holds; one without a checksum may hold anything.

    Raises:
        ValueError: if it is no JSON, or was changed since it was sealed.
    """
    try:
        document = json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    sealed = document.pop(_CHECKSUM, None) if isinstance(document, dict) else None
    if sealed is not None and sealed != _json_checksum(document):
        raise ValueError("changed since it was written")
    return document


def kept_json(file: Path) -> dict[str, Any]:
    """Return the document that `sealed_json` made, {} if it is gone, damaged or without a seal."""
    try:
        content = read(file)
        document = unsealed(content)
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) and f'"{_CHECKSUM}"'.encode() in content else {}


def sealed_line(value: Any) -> str:  # noqa: ANN401 - JSON
    """Return a value as a line that tells when it was changed; see `unsealed_lines`."""
    text = json.dumps(value)
    return f"{sha256(text.encode()).hexdigest()[:16]} {text}\n"


def unsealed_lines(text: str) -> Iterator[Any]:
    """Yield the values of lines; one that was broken off or changed is left out."""
    for seal, _, value in (line.partition(" ") for line in text.splitlines()):
        if seal == sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:16]:
            yield json.loads(value)


def read_lines(file: Path | None) -> list[Any]:
    """Return the values of `sealed_line` that a file holds, none if there is no file."""
    with suppress(OSError):
        return list(unsealed_lines(read(file).decode(errors="replace") if file else ""))
    return []


def add_line(file: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    """Add a line for `read_lines`; one before it that was broken off stays alone."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as stream:
        stream.write(f"\n{sealed_line(value)}")


def _json_checksum(document: Mapping[str, Any]) -> str:
    return sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def contained(root: Path, name: str) -> Path:
    """Return where a name that somebody else wrote stands below a folder.

    Raises:
        ValueError: if it would stand outside, be it by a link, or nowhere.
    """
    path = root / below(name)
    try:
        is_inside = path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # links in a circle
        is_inside = False
    if not is_inside:
        raise ValueError(f"{name[:100]!r} leads out of {root}")
    return path


def below(name: str) -> str:
    """Return a name that somebody else wrote, if it leads to a place below where it is put.

    Raises:
        ValueError: if it leads elsewhere, or nowhere.
    """
    parts = name.replace("\\", "/").split("/")
    if not set(parts).isdisjoint(("", ".", "..")) or not name.isprintable():
        raise ValueError(f"{name[:100]!r} is no name of a file or folder below another")
    return name


def checksum(file: Path) -> str:
    """Return the SHA-256 of a file, in hex digits."""
    with _content(file) as stream:
        return file_digest(stream, "sha256").hexdigest()
