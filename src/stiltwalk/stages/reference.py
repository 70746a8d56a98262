"""Floors to beat: what answers without a model score on the same rows."""

from __future__ import annotations

from collections.abc import Iterator

from stiltwalk.metrics.reference import (
    majority_answers,
    mined_by_characters,
    nearest_by_characters,
    rule_answers,
)
from stiltwalk.metrics.score import score
from stiltwalk.records import (
    Answers,
    GoldTexts,
    Metric,
    ScoreRow,
    Split,
    TaskType,
    gold_answers,
    gold_lines,
)
from stiltwalk.stages.context import Context
from stiltwalk.stages.stage import Rules
from stiltwalk.store.workspace import Folder
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import bitext, examples
from stiltwalk.tasks.task import Task

MAJORITY = "majority"
RULE = "overlap rule"

Found = tuple[str, Answers, Answers | GoldTexts, int]
"""Name of the rule, its answers, the right ones, and how many were asked."""


def evaluate(stage: Rules, context: Context, folder: Folder) -> None:
    """Score the rules in every language; writes rows whose `control` names the rule."""
    task = TASKS[stage.rows.task]
    way = _retrieval if task.task_type is TaskType.RETRIEVAL else _labelled
    rows = []
    for number, language in enumerate(stage.languages):
        for found in way(stage, task, language, context):
            figures = score(task.metric, found[1], found[2], language)
            rows += [_row(stage, folder, language, found, figure) for figure in figures.items()]
        context.progress(number + 1, len(stage.languages))
    folder.write_scores(rows)


def _row(
    stage: Rules, folder: Folder, language: str, found: Found, figure: tuple[str, float]
) -> ScoreRow:
    rule, _, _, num_examples = found
    metric, value = figure
    return ScoreRow(
        stage=folder.stage,
        intermediate=(),
        task=stage.rows.task,
        language=language,
        split=Split.TEST,
        metric=metric,
        value=value,
        seed=0,
        num_examples=num_examples,
        control=rule,
    )


def _labelled(stage: Rules, task: Task, language: str, context: Context) -> Iterator[Found]:
    """Answer with the most frequent English label, and with the best rule on words."""
    assert stage.train is not None
    learned = TASKS[stage.train.task].chosen_on(stage.train.dev)
    train = examples(learned, context.data, Split.TRAIN, "en", stage.max_train_rows)
    asked = examples(task, context.data, Split.TEST, language, stage.max_rows)
    gold = gold_answers(asked)
    if (
        task.task_type is not TaskType.SPAN
    ):  # "no answer at all" is no floor for questions that have one
        yield MAJORITY, majority_answers(task.task_type, asked, train), gold, len(asked)
    yield RULE, rule_answers(task.task_type, asked, train), gold, len(asked)


def _retrieval(stage: Rules, task: Task, language: str, context: Context) -> Iterator[Found]:
    """Match lines by the character n-grams that they share."""
    asked = bitext(task, context.data, Split.TEST, language, stage.max_rows)
    if task.metric is Metric.PAIR_F1:
        dev = bitext(task, context.data, Split.DEV, language, stage.max_rows)
        yield RULE, mined_by_characters(asked, dev), asked.gold, len(asked.foreign)
    else:
        yield RULE, nearest_by_characters(asked), gold_lines(asked), len(asked.english)
