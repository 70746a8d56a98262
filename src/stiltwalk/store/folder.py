"""A stage's folder while the stage is being written, and rows as lines of JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from stiltwalk.plan.stages import Stage, fingerprint
from stiltwalk.records import ScoreRow, ShareRow, TimingRow

SCORES = "scores.jsonl"
TIMINGS = "timings.jsonl"
SHARES = "shares.jsonl"
_SPENT, _SPENT_EVERY_S = "spent.json", 5.0

Row = TypeVar("Row", ScoreRow, TimingRow, ShareRow)


class Spent:
    """When a stage began, and its time over all processes that worked on it.

    A process that is killed leaves a record that is a few seconds old; the next one, which goes on
    with the stage, adds its own time.
    """

    def __init__(self, folder: Path) -> None:
        """Go on from what is recorded in a folder, or begin."""
        self._file = folder / _SPENT
        self._aside = self._file.with_suffix(".aside")
        recorded: dict[str, float] = {}
        with suppress(OSError, ValueError):
            recorded = json.loads(self._file.read_text(encoding="utf-8"))
        self.began_unix_s = recorded.get("began_unix_s", time.time())
        self._earlier_s = recorded.get("time_s", 0.0)
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
        self._aside.write_text(json.dumps(record), encoding="utf-8")
        self._aside.replace(self._file)
        self._kept_s = time.perf_counter()


class Folder:
    """A stage's folder while the stage is being written."""

    def __init__(self, path: Path, stage: Stage) -> None:
        """Write into `path` for `stage`."""
        self.path = path
        self.stage = fingerprint(stage)
        self.spent = Spent(path)

    def write_scores(self, rows: Sequence[ScoreRow]) -> None:
        """Keep figures beside what they were computed from."""
        _write_lines(self.path / SCORES, [asdict(row) for row in rows])

    def write_shares(self, rows: Sequence[ShareRow]) -> None:
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
    text = "".join(json.dumps(row, sort_keys=True, ensure_ascii=False) + "\n" for row in rows)
    file.write_text(text, encoding="utf-8")
