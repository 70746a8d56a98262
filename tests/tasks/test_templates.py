"""Prompts as data: every task has one, and it shows what a row asks."""

from __future__ import annotations

import pytest

from stiltwalk.data.source import MINI, DataSource
from stiltwalk.records import PairExample, SpanExample, Split, TaskType
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import examples
from stiltwalk.tasks.sources import known_languages
from stiltwalk.tasks.task import Task
from stiltwalk.tasks.templates import template_of

VECTORS = (TaskType.RETRIEVAL, TaskType.RANKING)
ASKED = [task for task in TASKS.values() if task.task_type not in VECTORS]
IN_MINIATURE = [task for task in ASKED if known_languages(task, miniature=True)]


@pytest.mark.parametrize("known", IN_MINIATURE, ids=lambda task: task.name)
def test_every_task_is_put_as_text_with_all_that_a_row_tells(known: Task) -> None:
    split = Split.TEST if known.trained_on else Split.TRAIN
    language = "en" if "en" in known.languages else known_languages(known, miniature=True)[0]
    row = examples(known, DataSource(source=MINI), split, language, 1)[0]
    template = template_of(known.template)
    asked = template.asked(row)
    told = [row.text_a, row.text_b] if isinstance(row, PairExample) else []
    told += [row.question, row.context] if isinstance(row, SpanExample) else []
    assert all(text in asked for text in told)
    assert asked == asked.strip()
    assert template.answer(row)


def test_labels_that_differ_are_said_differently() -> None:
    for task in ASKED:
        words = [template_of(task.template).words.get(label, label) for label in task.labels]
        assert len(set(words)) == len(words)


def test_a_target_is_asked_as_the_task_that_trains_it() -> None:
    for task in ASKED:
        assert template_of(task.template) == template_of(TASKS[task.train_task].template)


def test_a_question_without_an_answer_says_so() -> None:
    row = SpanExample("q", "When?", "Nobody knows.", ())
    assert template_of(TASKS["squad_v2"].template).answer(row) == "unanswerable"
