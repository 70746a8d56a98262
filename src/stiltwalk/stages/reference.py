"""Reference points: what answers without a model score on the same rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from stiltwalk.records import (
    Answers,
    GoldTexts,
    Metric,
    Phase,
    Split,
    TaskType,
    gold_answers,
    gold_lines,
)
from stiltwalk.stages.context import Context
from stiltwalk.stages.rows import Learned, StageRows
from stiltwalk.stages.stage import Stage
from stiltwalk.store.workspace import Folder
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import bitext, examples
from stiltwalk.tasks.task import Task

MAJORITY = "majority"
RULE = "overlap rule"

Found = tuple[str, Answers, Answers | GoldTexts, int]
"""Name of the rule, its answers, the right ones, and how many were asked."""


@dataclass(frozen=True, kw_only=True)
class Rules(Stage):
    """Score what rules without a model answer: majority and word overlap."""

    phase = Phase.REFERENCE

    rows: StageRows
    train: StageRows | None
    max_train_rows: int | None
    languages: tuple[str, ...]
    max_rows: int | None

    @property
    def title(self) -> str:
        return f"reference points of {self.rows.task}"

    @property
    def tasks(self) -> tuple[str, ...]:
        """The task that it answers, not what the rules learn from."""
        return (self.rows.task,)

    def run(self, context: Context, folder: Folder) -> None:
        """Score the rules in every language; writes rows whose `control` names the rule."""
        from stiltwalk.metrics.score import score

        task = TASKS[self.rows.task]
        way = _retrieval if task.task_type is TaskType.RETRIEVAL else _labelled
        rows = []
        for number, language in enumerate(self.languages):
            for rule, answers, gold, num_asked in way(self, task, language, context):
                figures = score(task.metric, answers, gold, language)
                found = self.score_rows(figures, task.name, language, num_asked)
                rows += [replace(row, control=rule) for row in found]
            context.progress(number + 1, len(self.languages))
        folder.write_scores(rows)


def _labelled(stage: Rules, task: Task, language: str, context: Context) -> Iterator[Found]:
    from stiltwalk.metrics.reference import majority_answers, rule_answers

    assert stage.train is not None
    train = Learned(stage.train, stage.max_train_rows).examples(context.data)
    asked = examples(task, context.data, Split.TEST, language, stage.max_rows)
    gold = gold_answers(asked)
    if (
        task.task_type is not TaskType.SPAN
    ):  # "no answer at all" is no floor for questions that have one
        yield MAJORITY, majority_answers(task.task_type, asked, train), gold, len(asked)
    yield RULE, rule_answers(task.task_type, asked, train), gold, len(asked)


def _retrieval(stage: Rules, task: Task, language: str, context: Context) -> Iterator[Found]:
    from stiltwalk.metrics.reference import mined_by_characters, nearest_by_characters

    asked = bitext(task, context.data, Split.TEST, language, stage.max_rows)
    if task.metric == Metric.PAIR_F1:
        dev = bitext(task, context.data, Split.DEV, language, stage.max_rows)
        yield RULE, mined_by_characters(asked, dev), asked.gold, len(asked.foreign)
    else:
        yield RULE, nearest_by_characters(asked), gold_lines(asked), len(asked.english)
