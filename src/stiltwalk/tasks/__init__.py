"""Every task: English intermediate ones, the targets of XTREME and XTREME-R, and others."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from stiltwalk.errors import RecipeError
from stiltwalk.records import Split
from stiltwalk.tasks import choices, classification, qa, ranking, retrieval, tagging
from stiltwalk.tasks.task import GROUPS, XTREME, Benchmark, Task
from stiltwalk.wording import nearest

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
_OTHER_INTERMEDIATE = (choices.SIQA, choices.COPA)
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
    classification.SIB200,
    choices.XCOPA,
    choices.XCOPA_SIQA,
    classification.AMERICAS_NLI,
    classification.AFRI_XNLI,
    classification.MASSIVE,
    choices.BELEBELE,
    choices.XSTORY_CLOZE,
    choices.GLOBAL_MMLU_LITE,
    choices.INCLUDE,
    ranking.LAREQA,
    ranking.MEWSLIX,
    ranking.MEWSLIX_DEV,
    ranking.MEWSLIX_SAMPLE,
)

SHIPPED: Mapping[str, Task] = MappingProxyType(
    {task.name: task for task in (*_INTERMEDIATE, *_OTHER_INTERMEDIATE, *_TARGETS)}
)


def members(benchmark: Benchmark) -> tuple[str, ...]:
    """Return the tasks that a benchmark counts."""
    return tuple(name for name, task in SHIPPED.items() if benchmark in task.benchmarks)


INTERMEDIATE: tuple[str, ...] = tuple(task.name for task in _INTERMEDIATE)
"""The nine of Phang et al. (2020)."""
EVERY_INTERMEDIATE = (*INTERMEDIATE, *(task.name for task in _OTHER_INTERMEDIATE))
TARGETS = members(XTREME)
"""XTREME's nine, which its overall score is the mean of."""
EVERY_TARGET: tuple[str, ...] = tuple(task.name for task in _TARGETS)
_own: dict[str, Task] = {}
_widened: dict[str, Task] = {}
TASKS: Mapping[str, Task] = MappingProxyType(ChainMap(_own, _widened, dict(SHIPPED)))
"""The shipped tasks, and those that the recipe or run in hand declares."""


def declare(own: Iterable[Task], benchmark: Benchmark = XTREME) -> None:
    """Make a recipe's own tasks, and its benchmark's languages, known in this process.

    They take the place of another recipe's.
    """
    _own.clear()
    _own.update({task.name: task for task in own})
    _widened.clear()
    wider = (each for each in SHIPPED.values() if benchmark in each.more_languages)
    _widened.update({task.name: task.within(benchmark) for task in wider})


def intermediate_names() -> tuple[str, ...]:
    """Return the tasks that an arm can train on, the user's own ones last."""
    return (*EVERY_INTERMEDIATE, *(name for name, task in _own.items() if task.trained_on is None))


def target_names() -> tuple[str, ...]:
    """Return the tasks that a recipe can test, the user's own ones last."""
    return (*EVERY_TARGET, *(name for name, task in _own.items() if task.has(Split.TEST)))


def find(name: str) -> Task:
    """Return a task by its name, or raise `RecipeError`."""
    if name in TASKS:
        return TASKS[name]
    raise RecipeError(f"There is no task {name!r}.{nearest(name, list(TASKS))}")


__all__ = [
    "EVERY_INTERMEDIATE",
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
    "members",
    "target_names",
]
