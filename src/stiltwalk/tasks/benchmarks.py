"""XTREME and XTREME-R: which tasks in which languages, how each is scored, and the groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from stiltwalk.data.xtreme_files import Form, form_of
from stiltwalk.errors import RecipeError
from stiltwalk.records import Metric
from stiltwalk.tasks import GROUPS, TARGETS, TASKS


@dataclass(frozen=True, kw_only=True)
class ScoredTask:
    """What scoring needs to know of a task."""

    languages: tuple[str, ...]
    metric: Metric
    form: Form


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """Tasks with their scores, groups of tasks, and what an overall score is a mean of.

    `unscored` are tasks that belong to the benchmark, but are not scored here; a group that
    needs one is never shown, and the overall score is the mean of the tasks that are there,
    under a name of its own.
    """

    name: str
    tasks: Mapping[str, ScoredTask]
    groups: Mapping[str, tuple[str, ...]]
    unscored: tuple[str, ...] = ()


def _target(name: str, more: str = "") -> ScoredTask:
    """Return a target task of this project, with more languages where a benchmark adds some."""
    task = TASKS[name]
    languages = (*task.languages, *more.split())
    return ScoredTask(languages=languages, metric=task.metric, form=form_of(task.kind, task.metric))


XTREME = Benchmark(
    name="xtreme", tasks=MappingProxyType({name: _target(name) for name in TARGETS}), groups=GROUPS
)

XTREME_R = Benchmark(
    name="xtreme-r",
    tasks=MappingProxyType(
        {
            "xnli": _target("xnli"),
            "xcopa": ScoredTask(
                languages=tuple("et ht id it qu sw ta th tr vi zh".split()),
                metric=Metric.ACCURACY,
                form=Form.CHOICES,
            ),
            "udpos": _target("udpos", "lt pl uk wo ro"),
            "panx": _target("panx", "qu pl uk az lt pa gu ro"),
            "xquad": _target("xquad", "ro"),
            "mlqa": _target("mlqa"),
            "tydiqa": _target("tydiqa"),
            "tatoeba": _target("tatoeba", "az lt pl uk ro"),
        }
    ),
    groups=MappingProxyType(
        {
            "classification": ("xnli", "xcopa"),
            "tagging": ("udpos", "panx"),
            "qa": ("xquad", "mlqa", "tydiqa"),
            "retrieval": ("tatoeba", "mewslix"),
            "multi_choice": ("xcopa",),
        }
    ),
    unscored=("mewslix", "lareqa"),
)

BENCHMARKS: Mapping[str, Benchmark] = MappingProxyType(
    {benchmark.name: benchmark for benchmark in (XTREME, XTREME_R)}
)


def benchmark_named(name: str) -> Benchmark:
    """Return a benchmark by its name.

    Raises:
        RecipeError: if there is none.
    """
    if name not in BENCHMARKS:
        raise RecipeError(f"There is no benchmark '{name}'; known are {', '.join(BENCHMARKS)}.")
    return BENCHMARKS[name]
