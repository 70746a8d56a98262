"""What every test row asked, its right answer and the one given: row by row, for other programs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from stiltwalk.errors import NoSuchRun
from stiltwalk.files import below
from stiltwalk.publishing import all_or_nothing, check_revision
from stiltwalk.reports.changes import answers_in, asked_rows
from stiltwalk.reports.data import RunRows, rows_of
from stiltwalk.store.manifest import RunRecord, read_record
from stiltwalk.store.workspace import Workspace
from stiltwalk.tasks import TASKS


def samples(
    record: RunRecord,
    workspace: Workspace,
    run: RunRows,
    only: tuple[str, str, str] | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield the test rows of a run with the answers of every arm and seed; mining answers no rows.

    A figure of `metric` is the sum of `won` by the sum of `of`; `score` is the row's own share, 1
    where there was nothing to find and nothing found. Several accepted answers stand in `gold` with
    " | " between, tags with spaces. What no seed decides has the seed 0.

    Args:
        record: the run's.
        workspace: where it is kept.
        run: its rows.
        only: one arm, target and language.

    Raises:
        DataError: if the rows that were answered are no longer there, or changed.
    """
    rows_in = cache(lambda task, code: asked_rows(record.data, task, code, record.test_rows))
    stages = {stage.fingerprint: stage for stage in record.stages}
    check = cache(lambda stage: check_revision(stages[stage], record, workspace))
    for each in run.example_scores:
        task, language, stage = each.row.task, each.row.language, each.row.stage
        if only in (None, (each.arm, task, language)):
            check(stage)
            told = {"run": record.name, "arm": each.arm, "seed": each.row.seed, "task": task}
            told |= {"language": language, "metric": TASKS[task].metric}
            answers = answers_in(workspace, stage, task, language)
            rows = rows_in(task, language)
            for at, (row, won, of) in enumerate(zip(rows, each.row.won, each.row.of, strict=False)):
                found = {"id": row.id, "text": row.text, "gold": row.gold}
                score = {"score": won / of if of else 1.0, "won": won, "of": of}
                yield {**told, **found, "answer": row.read(answers, at), **score}


def export_samples(run: Path, folder: Path) -> list[Path]:
    """Write `ARM/seed-N/TASK.parquet` of a run, a row per test row; return the files.

    What no seed decides, as retrieval by the base model, stands under seed-0.

    Args:
        run: the run's folder in its workspace, `runs/NAME`.
        folder: where to write; must not exist or be empty.

    Raises:
        WorkspaceError: if there is no such run, or the folder is in use.
        DataError: if the rows that were answered are no longer there, or changed.
    """
    record, workspace = read_record(run), Workspace(run.resolve().parents[1])
    found: dict[Path, list[dict[str, Any]]] = {}
    for each in samples(record, workspace, rows_of(record, workspace)):
        file = Path(below(each["arm"]), f"seed-{each['seed']}", f"{each['task']}.parquet")
        found.setdefault(file, []).append(each)
    if not found:
        raise NoSuchRun(f"The run {record.name} has answered no rows yet: run the recipe again.")
    with all_or_nothing(folder) as aside:
        for file, rows in found.items():
            (aside / file).parent.mkdir(parents=True, exist_ok=True)
            pyarrow.parquet.write_table(pa.Table.from_pylist(rows), aside / file)
    return [folder / file for file in found]
