"""What every test row asked, its right answer and the one given: row by row, for other programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet

from stiltwalk.errors import NoSuchRun
from stiltwalk.files import below
from stiltwalk.publishing import all_or_nothing, check_revision
from stiltwalk.records import (
    Answers,
    ChoiceExample,
    Example,
    Labels,
    PairExample,
    SpanExample,
    Split,
    TaggedExample,
    TagLists,
    TaskType,
    TextExample,
    Texts,
)
from stiltwalk.reports.changes import answers_in
from stiltwalk.reports.data import RunRows, rows_of
from stiltwalk.store.manifest import RunRecord, read_record
from stiltwalk.store.workspace import Workspace
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import bitext, examples


@dataclass(frozen=True)
class _Row:
    """A test row; `read` finds its answer among those of its language."""

    id: str
    text: str
    gold: str
    read: Callable[[Answers, int], str]


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
    rows_in = cache(lambda task, language: _rows(record, task, language))
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


def _rows(record: RunRecord, name: str, language: str) -> Sequence[_Row]:
    task = TASKS[name]
    if task.task_type is not TaskType.RETRIEVAL:
        found = examples(task, record.data, Split.TEST, language, record.test_rows)
        return [_row(each) for each in found]
    both = bitext(task, record.data, Split.TEST, language, record.test_rows)
    if len({english for _, english in both.gold}) != len(both.english):
        return []
    texts = {each.id: each.text for each in both.foreign}
    right = {english: texts[foreign] for foreign, english in both.gold}

    def retrieved(answers: Answers, at: int) -> str:
        return both.foreign[int(_label(answers, at))].text

    return [_Row(each.id, each.text, right[each.id], retrieved) for each in both.english]


def _label(answers: Answers, at: int) -> str:
    return cast("Labels", answers)[at]


def _row(example: Example) -> _Row:
    ident = example.id
    match example:
        case TextExample(text=text, label=label):
            return _Row(ident, text, label, _label)
        case PairExample(text_a=a, text_b=b, label=label):
            return _Row(ident, f"{a}\n{b}", label, _label)
        case ChoiceExample(prompt=prompt, choices=choices, label=label):
            gold = choices[int(label)]
            return _Row(ident, prompt, gold, lambda found, at: choices[int(_label(found, at))])
        case TaggedExample(words=words, tags=tags):
            text = " ".join(words)
            tagged = lambda found, at: " ".join(cast("TagLists", found)[at])  # noqa: E731
            return _Row(ident, text, " ".join(tags), tagged)
        case SpanExample(question=question, context=context, answers=answers):
            gold = " | ".join(dict.fromkeys(each.text for each in answers))
            text = f"{question}\n{context}"
            return _Row(ident, text, gold, lambda found, _: cast("Texts", found).get(ident, ""))


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
