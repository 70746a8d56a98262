"""Tests for stiltwalk.execution.executors.worker: a node answers for its stage's rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from mirrors import squad, write_split
from stiltwalk.data.source import DataSource
from stiltwalk.errors import DataError
from stiltwalk.execution.executors import worker
from stiltwalk.records import Split
from stiltwalk.stages.rows import StageRows
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.sources import LEARNED, revision


def write(mirror: Path, split: str, name: str) -> None:
    rows = squad([(f"english-{name}", "Ann came.", ["Ann"], [0])])
    write_split(mirror, "google/xtreme", "tydiqa", split, rows)


def test_other_test_files_on_a_node_stop_an_evaluation_and_no_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source, task = DataSource(source=str(tmp_path / "mirror")), TASKS["tydiqa"]
    for split in ("train", "validation"):
        write(tmp_path / "mirror", split, "here and there")
    learned = StageRows(
        task="tydiqa",
        revision=revision(task.chosen_on("held-out"), source, LEARNED),
        dev="held-out",
    )
    asked = StageRows(task="tydiqa", revision=revision(task, source, (Split.TEST,)))
    write(tmp_path / "mirror", "validation", "there alone")
    worker._check_rows(learned, source)
    with pytest.raises(DataError, match=r"data of tydiqa in .* in the plan .* the same files"):
        worker._check_rows(asked, source)
