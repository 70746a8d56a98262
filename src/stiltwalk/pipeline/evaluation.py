"""How a checkpoint is evaluated on one task in all its languages: answers, figures, times."""

from __future__ import annotations

from types import ModuleType

import torch

from stiltwalk.data.xtreme_files import answers_path, form_of, write_answers
from stiltwalk.pipeline import heads, prompted, prompting, retrieval
from stiltwalk.pipeline.context import Context
from stiltwalk.pipeline.outcome import Outcome
from stiltwalk.pipeline.precision import keep_format
from stiltwalk.plan.stages import Predict, Prompt, intermediate_tasks, seed_of
from stiltwalk.records import Kind, ScoreRow, ShareRow, Split, TimingRow
from stiltwalk.store import Folder
from stiltwalk.tasks import TASKS, Task

SHUFFLED = "permuted embeddings"
"""The control that permutes the word embeddings of every id that English does not use."""


def evaluate(stage: Predict, context: Context, folder: Folder) -> None:
    """Answer the test rows of every language and score them.

    Writes TASK/test-LANG files as XTREME lays them out, one score row per language and figure,
    what every example added to the scores, one timing row per language, and the number format.
    """
    torch.set_num_threads(context.num_threads)
    task = TASKS[stage.rows.task]
    outcomes = list(_way(stage, task).outcomes(stage, context, folder))
    keep_format(stage, folder)
    form = form_of(task.kind, task.metric)
    for outcome in outcomes:
        file = answers_path(folder.path, task.name, outcome.language, form)
        write_answers(file, form, outcome.answers)
    folder.write_scores([row for each in outcomes for row in _score_rows(stage, each, folder)])
    if stage.shuffled_seed is None:
        folder.write_shares([_share_row(stage, outcome, folder) for outcome in outcomes])
    folder.write_timings([_timing_row(stage, outcome, folder) for outcome in outcomes])


def _way(stage: Predict, task: Task) -> ModuleType:
    """Return the module that answers such a task."""
    if task.kind is Kind.RETRIEVAL:
        return retrieval
    if isinstance(stage.parent, Prompt):
        return prompting
    return heads if stage.asking is None else prompted


def _score_rows(stage: Predict, outcome: Outcome, folder: Folder) -> list[ScoreRow]:
    return [
        ScoreRow(
            stage=folder.stage,
            intermediate=intermediate_tasks(stage),
            task=stage.rows.task,
            language=outcome.language,
            split=Split.TEST,
            metric=metric,
            value=value,
            seed=seed_of(stage) if stage.shuffled_seed is None else stage.shuffled_seed,
            num_examples=outcome.num_examples,
            control="" if stage.shuffled_seed is None else SHUFFLED,
        )
        for metric, value in outcome.scores.items()
    ]


def _share_row(stage: Predict, outcome: Outcome, folder: Folder) -> ShareRow:
    won, of = zip(*outcome.shares, strict=True)
    return ShareRow(
        stage=folder.stage,
        task=stage.rows.task,
        language=outcome.language,
        seed=seed_of(stage),
        won=tuple(round(each, 6) for each in won),
        of=of,
    )


def _timing_row(stage: Predict, outcome: Outcome, folder: Folder) -> TimingRow:
    return TimingRow(
        stage=folder.stage,
        task=stage.rows.task,
        language=outcome.language,
        num_examples=outcome.num_examples,
        real_tokens=int(outcome.costs.real_tokens.sum()),
        padded_tokens=int(outcome.costs.padded_tokens.sum()),
        time_s=float(outcome.costs.time_s.sum()),
        written_tokens=int(outcome.costs.written_tokens.sum()),
    )
