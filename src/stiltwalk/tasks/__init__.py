"""Every task: nine English intermediate ones, XTREME's nine targets, and SIB-200."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from stiltwalk.errors import RecipeError
from stiltwalk.records import Split
from stiltwalk.tasks import classification, qa, ranking, retrieval, tagging
from stiltwalk.tasks.task import GROUPS, Task
from stiltwalk.wording import nearest

_INTERMEDIATE = (
    classification.MNLI,
    classification.ANLI_PLUS,
    classification.QQP,
    qa.SQUAD_V1,
    qa.SQUAD_V2,
    classification.HELLASWAG,
    tagging.CCG,
    classification.COSMOS_QA,
    classification.COMMONSENSE_QA,
)
_TARGETS = (
    classification.XNLI,
    classification.PAWSX,
    tagging.UDPOS,
    tagging.PANX,
    qa.XQUAD,
    qa.MLQA,
    qa.TYDIQA,
    retrieval.BUCC2018,
    retrieval.TATOEBA,
)
_OTHER_TARGETS = (
    classification.SIB200,
    ranking.LAREQA,
    ranking.MEWSLIX,
    ranking.MEWSLIX_DEV,
    ranking.MEWSLIX_SAMPLE,
)

INTERMEDIATE: tuple[str, ...] = tuple(task.name for task in _INTERMEDIATE)
TARGETS: tuple[str, ...] = tuple(task.name for task in _TARGETS)
"""XTREME's nine, which its overall score is the mean of."""
EVERY_TARGET: tuple[str, ...] = (*TARGETS, *(task.name for task in _OTHER_TARGETS))
SHIPPED: Mapping[str, Task] = MappingProxyType(
    {task.name: task for task in (*_INTERMEDIATE, *_TARGETS, *_OTHER_TARGETS)}
)
_own: dict[str, Task] = {}
TASKS: Mapping[str, Task] = MappingProxyType(ChainMap(_own, dict(SHIPPED)))
"""The shipped tasks, and those that the recipe or run in hand declares."""


def declare(own: Iterable[Task]) -> None:
    """Make a recipe's own tasks known in this process, in place of those of another recipe."""
    _own.clear()
    _own.update({task.name: task for task in own})


def intermediate_names() -> tuple[str, ...]:
    """Return the tasks that an arm can train on, the user's own ones last."""
    return (*INTERMEDIATE, *(name for name, task in _own.items() if task.trained_on is None))


def target_names() -> tuple[str, ...]:
    """Return the tasks that a recipe can test, the user's own ones last."""
    return (*EVERY_TARGET, *(name for name, task in _own.items() if task.has(Split.TEST)))


def find(name: str) -> Task:
    """Return a task by its name, or raise `RecipeError`."""
    if name in TASKS:
        return TASKS[name]
    raise RecipeError(f"There is no task {name!r}.{nearest(name, list(TASKS))}")


__all__ = [
    "EVERY_TARGET",
    "GROUPS",
    "INTERMEDIATE",
    "SHIPPED",
    "TARGETS",
    "TASKS",
    "Task",
    "declare",
    "find",
    "intermediate_names",
    "target_names",
]
