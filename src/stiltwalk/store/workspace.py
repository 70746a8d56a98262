"""A folder of stages. A stage exists once its completion marker, written last, is there.

Whatever stops a run (an error, Ctrl-C, kill -9, a full disk) leaves at worst a folder without a
marker, and the next run clears it. Nothing that is complete is ever written to again.
"""

from __future__ import annotations

import errno
import fcntl
import json
import math
import os
import shutil
import socket
import struct
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar

from pydantic import TypeAdapter

from stiltwalk.errors import NotFinite, WorkspaceError
from stiltwalk.files import (
    below,
    checksum,
    contained,
    kept_json,
    opened,
    read,
    sealed_json,
    sync,
    unsealed,
    write_atomically,
)
from stiltwalk.records import ExampleScoreRow, ScoreRow, TimingRow

MARKER = "complete.json"
_LOCK, _CLAIMS = "lock", "claims"
_LONGEST_HOLDER = 300
RESUME = "resume.safetensors"
"""A training stage's rolling checkpoint; while it is there, the folder is gone on with."""


Told = TypeVar("Told")


class Stored(Protocol):
    """What the store must know of a stage."""

    @property
    def fingerprint(self) -> str:
        """Names its folder."""

    @property
    def title(self) -> str:
        """What it does, for people."""

    @property
    def canonical(self) -> str:
        """Its lineage as JSON."""


@dataclass(frozen=True)
class _FileFacts:
    """What a file was when its stage ended."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class _Marker:
    """What every completion marker says, at least."""

    stage: dict[str, Any]
    provenance: dict[str, Any]
    began_unix_s: float
    time_s: float
    files: dict[str, _FileFacts]


_MARKER = TypeAdapter(_Marker)


class Workspace:
    """Every stage that any recipe had carried out here."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.place = str(root)

    @property
    def address(self) -> str:
        """What a process elsewhere finds it by."""
        return str(self.root.resolve())

    def folder(self, stage: Stored | str) -> Path:
        """Return where the files of a stage, or of a fingerprint, are or would be."""
        name = stage if isinstance(stage, str) else stage.fingerprint
        return self.root / "stages" / (name and below(name))

    def has(self, stage: Stored | str) -> bool:
        """Tell whether a stage is complete and its files still have their sizes.

        Raises:
            WorkspaceError: if a file of a complete stage is gone or has another size.
        """
        folder = self.folder(stage)
        if not (folder / MARKER).is_file():
            return False
        for name, facts in self.marker(stage)["files"].items():
            file = contained(folder, name)
            if not file.is_file() or file.stat().st_size != facts["bytes"]:
                raise self._altered(stage, name)
        return True

    def complete(self, names: Collection[str]) -> set[str]:
        """Return those of some fingerprints that `has` says are there."""
        return {name for name in names if self.has(name)}

    def marked(self, names: Collection[str]) -> set[str]:
        """Return those of some fingerprints whose marker is there, whatever became of files."""
        return {name for name in names if (self.folder(name) / MARKER).is_file()}

    def marker(self, stage: Stored | str) -> dict[str, Any]:
        """Return what the completion marker of a stage says."""
        try:
            content = read(self.folder(stage) / MARKER)
        except OSError as error:
            raise self._altered(stage, MARKER) from error
        return self._parsed(stage, content)

    def _parsed(self, stage: Stored | str, content: bytes) -> dict[str, Any]:
        try:
            marker: dict[str, Any] = unsealed(content)
            for name in _MARKER.validate_python(marker).files:
                contained(self.folder(stage), name)
        except ValueError as error:
            raise self._altered(stage, MARKER) from error
        return marker

    def verified(self, stage: Stored | str) -> Path:
        """Return a complete stage's folder after comparing every file with its checksum.

        Raises:
            WorkspaceError: if a file is not what the stage wrote.
        """
        folder = self.folder(stage)
        for name, facts in self.marker(stage)["files"].items():
            file = contained(folder, name)
            if not file.is_file() or checksum(file) != facts["sha256"]:
                raise self._altered(stage, name)
        return folder

    def copy(self, stage: Stored | str, inside: str, folder: Path) -> None:
        """Copy what a complete stage wrote below one of its folders; nothing else that is there.

        Raises:
            WorkspaceError: if a file is not what the stage wrote.
        """
        source = self.verified(stage)
        for name in self.marker(stage)["files"]:
            if name.startswith(f"{inside}/"):
                copied = contained(folder, name.removeprefix(f"{inside}/"))
                copied.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(contained(source, name), copied)

    @contextmanager
    def writing(self, stage: Stored, provenance: Mapping[str, Any]) -> Iterator[Folder]:
        """Give a stage a folder; mark it complete when the block ends without an error.

        The folder is empty, but for a training stage that goes on in its middle; the marker's time
        is that of all processes that worked on it.

        Raises:
            WorkspaceError: if the disk is full or the folder cannot be written.
        """
        folder = self.folder(stage)
        try:
            if folder.exists() and not (folder / RESUME).is_file():
                shutil.rmtree(folder)
            folder.mkdir(parents=True, exist_ok=True)
            made = Folder(folder, stage)
            with made.spent.kept():
                yield made
            marker = {
                "does": stage.title,
                "stage": json.loads(stage.canonical),
                "provenance": dict(provenance),
                "began_unix_s": made.spent.began_unix_s,
                "time_s": made.spent.time_s,
                "files": _files(folder),
            }
            write_atomically(folder / MARKER, sealed_json(marker))
        except OSError as error:
            raise _cannot_write(folder, error) from error

    def forget(self, stage: Stored | str) -> None:
        """Remove a complete stage, so that it is made again."""
        (self.folder(stage) / MARKER).unlink(missing_ok=True)  # first: what is left is no stage
        shutil.rmtree(self.folder(stage), ignore_errors=True)

    def scores(self, stage: Stored | str) -> tuple[ScoreRow, ...]:
        """Return a complete stage's figures, none if it has none; see `told` for errors."""
        return self.told(stage, SCORES, lambda text: read_rows(text, ScoreRow)) or ()

    def shares(self, stage: Stored | str) -> tuple[ExampleScoreRow, ...]:
        """Return what a complete stage's examples added, none if unknown; see `told` for errors."""
        return self.told(stage, SHARES, lambda text: read_rows(text, ExampleScoreRow)) or ()

    def timings(self, stage: Stored | str) -> tuple[TimingRow, ...]:
        """Return a complete stage's times, none if it has none; see `told` for errors."""
        return self.told(stage, TIMINGS, lambda text: read_rows(text, TimingRow)) or ()

    def told(self, stage: Stored | str, name: str, read: Callable[[str], Told]) -> Told | None:
        """Return what a text file of a complete stage tells, None without one.

        Raises:
            WorkspaceError: if it is not what the stage wrote, or another version wrote it, which
                told other things.
        """
        text = self.text(stage, name)
        try:
            return read(text) if text else None
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            said = f"{type(error).__name__}: {error}"[:200]
            raise self._unusable(
                stage, f"{name} was written by another version, which told other things ({said})"
            ) from error

    def text(self, stage: Stored | str, name: str) -> str:
        """Return a text file of a complete stage, "" if there is no such stage or file.

        Raises:
            WorkspaceError: if the file is not what the stage wrote.
        """
        if not (self.folder(stage) / MARKER).is_file():
            return ""
        facts = self.marker(stage)["files"].get(name)
        if facts is None:
            return ""
        file = contained(self.folder(stage), name)
        if not file.is_file() or checksum(file) != facts["sha256"]:
            raise self._altered(stage, name)
        return file.read_text(encoding="utf-8")

    @contextmanager
    def claimed(self, stage: Stored) -> Iterator[None]:
        """Wait until no other process writes the stage, and keep others waiting meanwhile.

        The system frees a claim when its holder dies; so a worker whose driver is gone cannot
        write into the same folder as the worker that takes its place.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with opened(self.root / _CLAIMS, os.O_RDWR | os.O_CREAT) as stream:
            fcntl.lockf(stream, fcntl.LOCK_EX, 1, int(stage.fingerprint[:15], 16))
            yield

    def keep_text(self, name: str, text: str) -> None:
        """Keep a text beside the stages; the last one counts, and a power cut may take it."""
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, text, outlasts_power=False)

    def kept_text(self, name: str) -> str:
        """Return a text that was kept beside the stages, "" if there is none."""
        file = self.root / name
        return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""

    def publish(self, path: Path) -> None:
        """Let every node see a file or folder below `root`; here that is so from the start."""

    def fetch(self, folder: str, name: str) -> None:
        """Bring every file of a name below a folder to `root`; here they are there."""

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other runs out while the block runs; the system frees the lock if we die.

        Raises:
            WorkspaceError: if another run holds the workspace, or it cannot be written.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            stream = opened(self.root / _LOCK, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise _cannot_write(self.root, error) from error
        with stream:
            try:
                fcntl.fcntl(stream, fcntl.F_OFD_SETLK, _WHOLE_FILE)
            except BlockingIOError as error:
                raise WorkspaceError(
                    f"The workspace {self.root} is in use by {_holder(stream)}. Wait for that run "
                    "to end, stop it, or give another --workspace."
                ) from error
            stream.truncate(0)
            stream.write(f"{myself()}\n".encode())
            stream.flush()
            yield

    def held_by(self) -> str:
        """Return who holds the lock, "" if nobody does; looking takes no lock."""
        try:
            stream = opened(self.root / _LOCK, os.O_RDONLY)
        except OSError:
            return ""
        with stream:
            found = fcntl.fcntl(stream, fcntl.F_OFD_GETLK, _WHOLE_FILE)
            is_free = struct.unpack_from("h", found)[0] == fcntl.F_UNLCK
            return "" if is_free else _holder(stream)

    def require_lock(self) -> None:
        """Raise `WorkspaceError` if the lock was lost since it was taken; here it cannot be."""

    def _altered(self, stage: Stored | str, name: str) -> WorkspaceError:
        return self._unusable(
            stage, f"{name} is not what its stage wrote: it is missing or was changed since"
        )

    def _unusable(self, stage: Stored | str, what: str) -> WorkspaceError:
        folder = f"{self.place}/stages/{self.folder(stage).name}"
        return WorkspaceError(
            f"{folder}/{what}. Delete the folder {folder} and run again: that stage is recomputed, "
            "everything else is kept."
        )


_WHOLE_FILE = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
"""Linux's `struct flock`: a lock on all of a file, which belongs to who opened it."""


def _holder(stream: BinaryIO) -> str:
    stream.seek(0)
    return stream.read(_LONGEST_HOLDER).decode(errors="replace").strip() or "another run"


def myself() -> str:
    """Return what others are told of who holds a workspace."""
    started = time.strftime("%Y-%m-%d %H:%M:%S")
    return f"process {os.getpid()} on {socket.gethostname()} since {started}"


def _files(folder: Path) -> dict[str, dict[str, Any]]:
    """Return size and checksum of every file below a folder, all of it on the disk by then."""
    for path in (folder, *folder.rglob("*")):
        sync(path)
    return {
        str(file.relative_to(folder)): {"bytes": file.stat().st_size, "sha256": checksum(file)}
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def _full(folder: Path, more: str = "") -> WorkspaceError:
    return WorkspaceError(
        f"No space is left on the disk of {folder}{more}. Free some, then run again: finished "
        "stages are kept."
    )


def _cannot_write(folder: Path, error: OSError) -> WorkspaceError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        with suppress(OSError):
            files = (file for file in folder.rglob("*") if file.is_file())
            written_mb = sum(file.stat().st_size for file in files) / 1e6
            free_mb = shutil.disk_usage(folder).free / 1e6
            more = f": {written_mb:,.1f} MB are written there, {free_mb:,.1f} MB are free"
            return _full(folder, more)
        return _full(folder)
    if str(error.filename or folder).startswith(str(folder)):
        return WorkspaceError(f"{folder} cannot be written ({error}). Give another --workspace.")
    return WorkspaceError(
        f"The system refused a file: {error}. Mend that, then run again: finished stages are kept."
    )


SCORES = "scores.jsonl"
TIMINGS = "timings.jsonl"
SHARES = "shares.jsonl"
_SPENT, _SPENT_EVERY_S = "spent.json", 5.0

Row = TypeVar("Row", ScoreRow, TimingRow, ExampleScoreRow)


class StageTime:
    """When a stage began, and its time over all processes that worked on it.

    A process that is killed leaves a record that is a few seconds old; the next one, which goes on
    with the stage, adds its own time.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / _SPENT
        self._aside = self._file.with_suffix(".aside")
        self.began_unix_s, self._earlier_s = time.time(), 0.0
        recorded = kept_json(self._file)
        with suppress(
            LookupError, TypeError, ValueError
        ):  # of another form: the time alone is lost
            began_unix_s, earlier_s = float(recorded["began_unix_s"]), float(recorded["time_s"])
            if math.isfinite(began_unix_s + earlier_s):
                self.began_unix_s, self._earlier_s = began_unix_s, earlier_s
        self._began_s = self._kept_s = time.perf_counter()

    @property
    def time_s(self) -> float:
        """The time so far."""
        return self._earlier_s + time.perf_counter() - self._began_s

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Leave a record if the block ends with an error, and none if it ends well."""
        try:
            yield
        except BaseException:
            with suppress(OSError):  # the error matters more
                self._keep()
            raise
        self._file.unlink(missing_ok=True)
        self._aside.unlink(missing_ok=True)  # of a process that was killed while it wrote

    def along(self, progress: Callable[[int, int], None]) -> Callable[[int, int], None]:
        """Return a `progress` that also keeps the record fresh."""

        def told(done: int, total: int) -> None:
            progress(done, total)
            if time.perf_counter() - self._kept_s >= _SPENT_EVERY_S:
                self._keep()

        return told

    def _keep(self) -> None:
        record = {"began_unix_s": self.began_unix_s, "time_s": self.time_s}
        self._aside.write_text(sealed_json(record), encoding="utf-8")
        self._aside.replace(self._file)
        self._kept_s = time.perf_counter()


class Folder:
    """A stage's folder while the stage is being written."""

    def __init__(self, path: Path, stage: Stored) -> None:
        self.path = path
        self.stage = stage.fingerprint
        self.spent = StageTime(path)

    def write_scores(self, rows: Sequence[ScoreRow]) -> None:
        """Keep figures beside what they were computed from."""
        _write_lines(self.path / SCORES, [asdict(row) for row in rows])

    def write_shares(self, rows: Sequence[ExampleScoreRow]) -> None:
        """Keep what every example added to the figures."""
        _write_lines(self.path / SHARES, [asdict(row) for row in rows])

    def write_timings(self, rows: Sequence[TimingRow]) -> None:
        """Keep times apart from scores: they differ from run to run, scores must not."""
        _write_lines(self.path / TIMINGS, [asdict(row) for row in rows])


def read_rows(text: str, row_class: type[Row]) -> tuple[Row, ...]:
    """Return rows from their lines."""
    rows = []
    for line in text.splitlines():
        values = json.loads(line)
        lists = {key: tuple(each) for key, each in values.items() if isinstance(each, list)}
        rows.append(row_class(**{**values, **lists}))
    return tuple(rows)


def _write_lines(file: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    try:
        lines = [
            json.dumps(row, sort_keys=True, ensure_ascii=False, allow_nan=False) for row in rows
        ]
    except ValueError as error:
        raise NotFinite(f"A figure in {file.name} would be no number.") from error
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
