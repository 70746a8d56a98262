"""Every task: nine English ones to walk over, XTREME's nine to arrive at, and SIB-200."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType

from stiltwalk.errors import RecipeError
from stiltwalk.tasks import choices, questions, retrieval, sentence_pairs, tagging, topics
from stiltwalk.tasks.groups import GROUPS
from stiltwalk.tasks.task import Task

_INTERMEDIATE = (
    sentence_pairs.MNLI,
    sentence_pairs.ANLI_PLUS,
    sentence_pairs.QQP,
    questions.SQUAD_V1,
    questions.SQUAD_V2,
    choices.HELLASWAG,
    tagging.CCG,
    choices.COSMOS_QA,
    choices.COMMONSENSE_QA,
)
_TARGETS = (
    sentence_pairs.XNLI,
    sentence_pairs.PAWSX,
    tagging.UDPOS,
    tagging.PANX,
    questions.XQUAD,
    questions.MLQA,
    questions.TYDIQA,
    retrieval.BUCC2018,
    retrieval.TATOEBA,
)

INTERMEDIATE: tuple[str, ...] = tuple(task.name for task in _INTERMEDIATE)
TARGETS: tuple[str, ...] = tuple(task.name for task in _TARGETS)
"""XTREME's nine, which its overall score is the mean of."""
EVERY_TARGET: tuple[str, ...] = (*TARGETS, topics.SIB200.name)
TASKS: Mapping[str, Task] = MappingProxyType(
    {task.name: task for task in (*_INTERMEDIATE, *_TARGETS, topics.SIB200)}
)


def task_named(name: str) -> Task:
    """Return a task by its name.

    Raises:
        RecipeError: if there is none, with the nearest spelling.
    """
    if name in TASKS:
        return TASKS[name]
    near = get_close_matches(name, TASKS, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(TASKS)}."
    raise RecipeError(f"There is no task '{name}'; {hint}")


__all__ = ["EVERY_TARGET", "GROUPS", "INTERMEDIATE", "TARGETS", "TASKS", "Task", "task_named"]
