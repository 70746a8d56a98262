"""A run's predictions and labels as XTREME lays them out, for `stiltwalk score` or a submission."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from stiltwalk.data.xtreme_files import answers_path, form_of, write_gold
from stiltwalk.errors import DataError, NoSuchRun, WorkspaceError
from stiltwalk.records import Answers, GoldTexts, Metric, Split, TaskType, gold_answers, gold_lines
from stiltwalk.store.manifest import RecordedStage, RunRecord, read_record
from stiltwalk.store.workspace import Workspace
from stiltwalk.tasks import TASKS, declare
from stiltwalk.tasks.load import bitext, examples
from stiltwalk.tasks.sources import UNKNOWN, revision
from stiltwalk.tasks.task import Task

LABELS = "labels"


def export_run(run: Path, folder: Path) -> list[Path]:
    """Write `ARM/seed-N/TASK/test-LANG` for every arm and seed of a run, and `labels/…`.

    Args:
        run: the run's folder in its workspace, `runs/NAME`.
        folder: where to write; must not exist or be empty.

    Returns:
        The folders of predictions, one per arm and seed.

    Raises:
        WorkspaceError: if there is no such run, the folder is in use, or a stage is not done.
        DataError: if the rows that the run was evaluated on are no longer there, or changed.
    """
    record, workspace = read_record(run), Workspace(run.resolve().parents[1])
    declare(own.task() for own in record.tasks)
    evaluations = [stage for stage in record.stages if stage.arm]
    missing = [stage.does for stage in evaluations if not workspace.has(stage.fingerprint)]
    if missing:
        raise WorkspaceError(
            f"{len(missing)} evaluations of this run are not done, such as {missing[0]!r}. Run "
            "the recipe again first; finished stages are kept."
        )
    targets = {stage.target: stage for stage in evaluations}
    for stage in targets.values():
        _check_revision(stage, record, workspace)
    with all_or_nothing(folder) as aside:
        written = _write_answers(evaluations, record, workspace, aside)
        for stage in targets.values():
            _write_labels(stage, record, aside / LABELS)
    return [folder / submission for submission in written]


@contextmanager
def all_or_nothing(folder: Path) -> Iterator[Path]:
    """Give a folder beside `folder` that takes its place if the block ends without an error.

    Raises:
        WorkspaceError: if the folder is in use, or cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise NoSuchRun(f"{folder} exists and is not empty. Give a folder that is not there.")
    aside = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        aside.mkdir(parents=True)
        yield aside
        aside.replace(folder)
    except OSError as error:
        raise WorkspaceError(
            f"{folder} cannot be written ({error}). Give another folder."
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _write_answers(
    evaluations: Sequence[RecordedStage], record: RunRecord, workspace: Workspace, folder: Path
) -> list[Path]:
    """Copy what was answered; return the submissions, relative to the folder."""
    written: dict[Path, None] = {}
    for stage in evaluations:
        for seed in [stage.seed] if stage.seed else record.seeds:
            submission = Path(stage.arm) / f"seed-{seed}"
            source = workspace.verified(stage.fingerprint) / stage.target
            shutil.copytree(source, folder / submission / stage.target)
            written[submission] = None
    return list(written)


def _check_revision(stage: RecordedStage, record: RunRecord, workspace: Workspace) -> None:
    """Refuse labels of other rows than those that were answered."""
    then = workspace.marker(stage.fingerprint)["stage"]["rows"]["revision"]
    task = TASKS[stage.target]
    now = revision(task, record.data, task.asked_splits, ask_hub=False)
    if now not in (then, UNKNOWN):
        raise DataError(
            f"{stage.target}: the rows in {record.data.source} are not those that the run answered "
            f"({then} then, {now} now). Put those back, or run the recipe again and export that."
        )


def _write_labels(stage: RecordedStage, record: RunRecord, folder: Path) -> None:
    """Write the right answers of one target in every language that was evaluated."""
    task = TASKS[stage.target]
    form = form_of(task.task_type, task.metric)
    for language in stage.languages:
        file = answers_path(folder, task.name, language, form)
        write_gold(file, form, _gold(task, language, record))


def _gold(task: Task, language: str, record: RunRecord) -> Answers | GoldTexts:
    if task.task_type is not TaskType.RETRIEVAL:
        rows = examples(task, record.data, Split.TEST, language, record.test_rows)
        return gold_answers(rows)
    asked = bitext(task, record.data, Split.TEST, language, record.test_rows)
    return asked.gold if task.metric == Metric.PAIR_F1 else gold_lines(asked)
