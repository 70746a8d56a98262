"""A folder of stages. A stage exists once its completion marker, written last, is there.

Whatever stops a run (an error, Ctrl-C, kill -9, a full disk) leaves at worst a folder without a
marker, and the next run clears it. Nothing that is complete is ever written to again.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from stiltwalk.errors import WorkspaceError
from stiltwalk.plan.saying import describe
from stiltwalk.plan.stages import Stage, canonical, fingerprint
from stiltwalk.records import ScoreRow, ShareRow, TimingRow

MARKER = "complete.json"
RESUME = "resume.safetensors"
"""A training stage's rolling checkpoint; while it is there, the folder is gone on with."""
_SCORES = "scores.jsonl"
_TIMINGS = "timings.jsonl"
_SHARES = "shares.jsonl"

Row = TypeVar("Row", ScoreRow, TimingRow, ShareRow)


class Folder:
    """A stage's folder while the stage is being written."""

    def __init__(self, path: Path, stage: Stage) -> None:
        """Write into `path` for `stage`."""
        self.path = path
        self.stage = fingerprint(stage)

    def write_scores(self, rows: Sequence[ScoreRow]) -> None:
        """Keep figures beside what they were computed from."""
        _write_lines(self.path / _SCORES, [asdict(row) for row in rows])

    def write_shares(self, rows: Sequence[ShareRow]) -> None:
        """Keep what every example added to the figures."""
        _write_lines(self.path / _SHARES, [asdict(row) for row in rows])

    def write_timings(self, rows: Sequence[TimingRow]) -> None:
        """Keep times apart from scores: they differ from run to run, scores must not."""
        _write_lines(self.path / _TIMINGS, [asdict(row) for row in rows])


class Workspace:
    """Every stage that any recipe had carried out here."""

    def __init__(self, root: Path) -> None:
        """Use the folder `root`; it is made when the first stage is written."""
        self.root = root

    def folder(self, stage: Stage | str) -> Path:
        """Return where the files of a stage, or of a fingerprint, are or would be."""
        name = stage if isinstance(stage, str) else fingerprint(stage)
        return self.root / "stages" / name

    def has(self, stage: Stage | str) -> bool:
        """Tell whether a stage is complete and its files still have their sizes.

        Raises:
            WorkspaceError: if a file of a complete stage is gone or has another size.
        """
        folder = self.folder(stage)
        if not (folder / MARKER).is_file():
            return False
        for name, facts in self.marker(stage)["files"].items():
            file = folder / name
            if not file.is_file() or file.stat().st_size != facts["bytes"]:
                raise _altered(self.folder(stage), file)
        return True

    def marker(self, stage: Stage | str) -> dict[str, Any]:
        """Return what the completion marker of a stage says."""
        file = self.folder(stage) / MARKER
        try:
            marker: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            marker["files"].items()
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise _altered(self.folder(stage), file) from error
        return marker

    def verified(self, stage: Stage | str) -> Path:
        """Return a complete stage's folder after comparing every file with its checksum.

        Raises:
            WorkspaceError: if a file is not what the stage wrote.
        """
        folder = self.folder(stage)
        for name, facts in self.marker(stage)["files"].items():
            file = folder / name
            if not file.is_file() or _checksum(file) != facts["sha256"]:
                raise _altered(self.folder(stage), file)
        return folder

    @contextmanager
    def writing(self, stage: Stage, provenance: Mapping[str, Any]) -> Iterator[Folder]:
        """Give a stage a folder; mark it complete when the block ends without an error.

        The folder is empty, but for a training stage that goes on in its middle.

        Raises:
            WorkspaceError: if the disk is full or the folder cannot be written.
        """
        folder = self.folder(stage)
        began, clock = time.time(), time.perf_counter()
        try:
            if folder.exists() and not (folder / RESUME).is_file():
                shutil.rmtree(folder)
            folder.mkdir(parents=True, exist_ok=True)
            yield Folder(folder, stage)
            marker = {
                "does": describe(stage),
                "stage": json.loads(canonical(stage)),
                "provenance": dict(provenance),
                "began_unix_s": began,
                "time_s": time.perf_counter() - clock,
                "files": _files(folder),
            }
            write_atomically(folder / MARKER, json.dumps(marker, indent=1, sort_keys=True))
        except OSError as error:
            raise _cannot_write(folder, error) from error

    def scores(self, stage: Stage | str) -> tuple[ScoreRow, ...]:
        """Return a complete stage's figures, none if it has none; see `text` for errors."""
        return _rows(self.text(stage, _SCORES), ScoreRow)

    def shares(self, stage: Stage | str) -> tuple[ShareRow, ...]:
        """Return what a complete stage's examples added, none if unknown; see `text` for errors."""
        return _rows(self.text(stage, _SHARES), ShareRow)

    def timings(self, stage: Stage | str) -> tuple[TimingRow, ...]:
        """Return a complete stage's times, none if it has none; see `text` for errors."""
        return _rows(self.text(stage, _TIMINGS), TimingRow)

    def text(self, stage: Stage | str, name: str) -> str:
        """Return a text file of a complete stage, "" if there is no such stage or file.

        Raises:
            WorkspaceError: if the file is not what the stage wrote.
        """
        if not (self.folder(stage) / MARKER).is_file():
            return ""
        facts = self.marker(stage)["files"].get(name)
        if facts is None:
            return ""
        file = self.folder(stage) / name
        if not file.is_file() or _checksum(file) != facts["sha256"]:
            raise _altered(self.folder(stage), file)
        return file.read_text(encoding="utf-8")

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other runs out while the block runs; the system frees the lock if we die.

        Raises:
            WorkspaceError: if another run holds the workspace, or it cannot be written.
        """
        file = self.root / "lock"
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            stream = file.open("a+", encoding="utf-8")
        except OSError as error:
            raise _cannot_write(self.root, error) from error
        with stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                stream.seek(0)
                raise WorkspaceError(
                    f"The workspace {self.root} is in use by {stream.read().strip()}. Wait for "
                    "that run to end, stop it, or give another --workspace."
                ) from error
            stream.truncate(0)
            started = time.strftime("%Y-%m-%d %H:%M:%S")
            stream.write(f"process {os.getpid()} on {socket.gethostname()} since {started}\n")
            stream.flush()
            yield


def write_atomically(file: Path, text: str) -> None:
    """Write a text so that a reader finds all of it or nothing, even after a power cut."""
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    with aside.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    aside.replace(file)


def _files(folder: Path) -> dict[str, dict[str, Any]]:
    """Return size and checksum of every file below a folder."""
    return {
        str(file.relative_to(folder)): {"bytes": file.stat().st_size, "sha256": _checksum(file)}
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def _checksum(file: Path) -> str:
    with file.open("rb") as stream:
        digest = sha256()
        while block := stream.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()


def _write_lines(file: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    text = "".join(json.dumps(row, sort_keys=True, ensure_ascii=False) + "\n" for row in rows)
    file.write_text(text, encoding="utf-8")


def _rows(text: str, row_class: type[Row]) -> tuple[Row, ...]:
    rows = []
    for line in text.splitlines():
        values = json.loads(line)
        lists = {key: tuple(each) for key, each in values.items() if isinstance(each, list)}
        rows.append(row_class(**{**values, **lists}))
    return tuple(rows)


def _altered(folder: Path, file: Path) -> WorkspaceError:
    return WorkspaceError(
        f"{file} is not what its stage wrote: it is missing or was changed since. Delete the "
        f"folder {folder} and run again: that stage is made anew, everything else is kept."
    )


def _cannot_write(folder: Path, error: OSError) -> WorkspaceError:
    if error.errno == errno.ENOSPC:
        return WorkspaceError(
            f"No space is left on the disk of {folder}. Free some, then run again: finished "
            "stages are kept."
        )
    if str(error.filename or folder).startswith(str(folder)):
        return WorkspaceError(f"{folder} cannot be written ({error}). Give another --workspace.")
    return WorkspaceError(
        f"The system refused a file: {error}. Mend that, then run again: finished stages are kept."
    )
