"""Every task: nine English intermediate ones, XTREME's nine targets, and SIB-200."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType

from stiltwalk.errors import RecipeError
from stiltwalk.tasks import choices, classification, qa, retrieval, tagging
from stiltwalk.tasks.task import GROUPS, Task

_INTERMEDIATE = (
    classification.MNLI,
    classification.ANLI_PLUS,
    classification.QQP,
    qa.SQUAD_V1,
    qa.SQUAD_V2,
    choices.HELLASWAG,
    tagging.CCG,
    choices.COSMOS_QA,
    choices.COMMONSENSE_QA,
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

INTERMEDIATE: tuple[str, ...] = tuple(task.name for task in _INTERMEDIATE)
TARGETS: tuple[str, ...] = tuple(task.name for task in _TARGETS)
"""XTREME's nine, which its overall score is the mean of."""
EVERY_TARGET: tuple[str, ...] = (*TARGETS, classification.SIB200.name)
TASKS: Mapping[str, Task] = MappingProxyType(
    {task.name: task for task in (*_INTERMEDIATE, *_TARGETS, classification.SIB200)}
)


def find(name: str) -> Task:
    """Return a task by its name.

    Raises:
        RecipeError: if there is none, with the nearest spelling.
    """
    if name in TASKS:
        return TASKS[name]
    near = get_close_matches(name, TASKS, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(TASKS)}."
    raise RecipeError(f"There is no task '{name}'; {hint}")


__all__ = ["EVERY_TARGET", "GROUPS", "INTERMEDIATE", "TARGETS", "TASKS", "Task", "find"]
