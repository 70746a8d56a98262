"""A stage's folder while the stage is being written, and rows as lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from stiltwalk.plan.stages import Stage, fingerprint
from stiltwalk.records import ScoreRow, ShareRow, TimingRow

SCORES = "scores.jsonl"
TIMINGS = "timings.jsonl"
SHARES = "shares.jsonl"

Row = TypeVar("Row", ScoreRow, TimingRow, ShareRow)


class Folder:
    """A stage's folder while the stage is being written."""

    def __init__(self, path: Path, stage: Stage) -> None:
        """Write into `path` for `stage`."""
        self.path = path
        self.stage = fingerprint(stage)

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
