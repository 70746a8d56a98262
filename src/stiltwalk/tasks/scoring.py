"""A folder of predictions against a folder of labels, as XTREME or XTREME-R scores it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from stiltwalk.data.xtreme_files import Form, answers_path, form_of, read_answers, read_gold
from stiltwalk.errors import DataError, MetricError, RecipeError
from stiltwalk.metrics.aggregate import TaskScore, group_scores, mean, overall_score, task_score
from stiltwalk.metrics.score import score
from stiltwalk.records import Metric, Scores
from stiltwalk.tables.table import Cell, Table, heads
from stiltwalk.tasks import TARGETS, TASKS
from stiltwalk.tasks.task import GROUPS

_PERCENT = 100.0


def score_folder(predictions: Path, labels: Path, benchmark: str = "xtreme") -> dict[str, Any]:
    """Return every figure of a submission, in percent, as one JSON document.

    Args:
        predictions: folder with `TASK/test-LANG.tsv`, `.json` or `.jsonl`, whoever made it.
        labels: folder with the reference answers under the same names.
        benchmark: "xtreme" or "xtreme-r".

    Returns:
        `tasks.NAME.score`, `tasks.NAME.METRIC.LANG`, and `tasks.NAME.missing` where languages
        are; `groups.NAME` and `overall` only where all tasks of theirs are there in all
        languages. XTREME-R has `mean_of_present_tasks` in place of `overall`: the official
        script can never print one.

    Raises:
        DataError: if a file is damaged or in another form, or nothing can be scored.
        MetricError: if predictions and labels do not line up; names both files and counts.
        RecipeError: if there is no such benchmark.

    Source:
        `evaluate.py` of XTREME; departures are listed in docs/faithfulness.md.
    """
    chosen = benchmark_named(benchmark)
    figures = {
        name: by_language
        for name, task in chosen.tasks.items()
        if (by_language := _score_task(predictions, labels, name, task))
    }
    if not figures:
        raise DataError(_nothing_found(predictions, labels, chosen))
    scores = {
        name: task_score(by_language, chosen.tasks[name].languages)
        for name, by_language in figures.items()
    }
    return {
        **_overall(scores, chosen),
        "groups": _in_percent(group_scores(scores, chosen.groups)),
        "tasks": {name: _task_document(scores[name], each) for name, each in figures.items()},
    }


def _score_task(predictions: Path, labels: Path, name: str, task: ScoredTask) -> dict[str, Scores]:
    """Return the figures of each language that has both files, in the benchmark's order."""
    by_language = {}
    for language in task.languages:
        predicted = answers_path(predictions, name, language, task.form)
        gold = answers_path(labels, name, language, task.form)
        if predicted.exists() and gold.exists():
            by_language[language] = _score_file(predicted, gold, task, language)
    return by_language


def _score_file(predicted: Path, gold: Path, task: ScoredTask, language: str) -> Scores:
    """Score one file against another, and let an error name both."""
    answers, reference = read_answers(predicted, task.form), read_gold(gold, task.form)
    try:
        return score(task.metric, answers, reference, language)
    except MetricError as error:
        raise MetricError(f"{predicted} against {gold}: {error}") from error


def _overall(scores: dict[str, TaskScore], benchmark: Benchmark) -> dict[str, float]:
    """Return the overall score under its name, or nothing where it is not defined."""
    if benchmark.unscored:
        present = [each.score for each in scores.values() if each.is_complete]
        return _in_percent({"mean_of_present_tasks": mean(present)}) if present else {}
    overall = overall_score(scores, tuple(benchmark.tasks))
    return {} if overall is None else _in_percent({"overall": overall})


def _task_document(task: TaskScore, by_language: dict[str, Scores]) -> dict[str, Any]:
    """Return one task's part of the document, figure by figure, then language by language."""
    document: dict[str, Any] = {"score": task.score * _PERCENT}
    if task.missing:
        document["missing"] = list(task.missing)
    for figure in _figures(next(iter(by_language.values()))):
        document[figure] = {
            language: scores[figure] * _PERCENT for language, scores in by_language.items()
        }
    return document


def _figures(scores: Scores) -> list[str]:
    """Return which figures the official script gives: token accuracy of tags is not among them."""
    return [name for name in scores if name != "accuracy" or len(scores) == 1]


def _in_percent(fractions: dict[str, float]) -> dict[str, float]:
    """Return fractions as percentages."""
    return {name: fraction * _PERCENT for name, fraction in fractions.items()}


def _nothing_found(predictions: Path, labels: Path, benchmark: Benchmark) -> str:
    """Say what the two folders hold in place of files that could be scored."""
    for folder in (predictions, labels):
        if not folder.is_dir():
            return f"{folder} is not a folder. Give one with files such as xnli/test-de.tsv."
    held = [sorted(path.name for path in folder.iterdir()) for folder in (predictions, labels)]
    return (
        f"No task of {benchmark.name} has a file in both folders: {predictions} holds "
        f"{', '.join(held[0][:12]) or 'nothing'}, {labels} holds "
        f"{', '.join(held[1][:12]) or 'nothing'}. Expected such as xnli/test-de.tsv."
    )


def score_table(document: dict[str, Any]) -> Table:
    """Return a scoring document as a table for people."""
    rows = []
    for name, task in document["tasks"].items():
        figure = next(key for key in task if key not in ("score", "missing"))
        languages = " ".join(f"{code} {value:.1f}" for code, value in task[figure].items())
        rows.append((name, task["score"], languages, " ".join(task.get("missing", []))))
    means = {
        name: document[name] for name in ("overall", "mean_of_present_tasks") if name in document
    }
    rows += [(name, value, "", "") for name, value in (document["groups"] | means).items()]
    return Table(
        name="scores",
        title="",
        note="In percent.",
        columns=heads("task", "score", "languages", "missing"),
        rows=tuple(
            (Cell(name), Cell(f"{value:.2f}", value), Cell(languages), Cell(missing))
            for name, value, languages, missing in rows
        ),
    )


@dataclass(frozen=True, kw_only=True)
class ScoredTask:
    """What scoring needs to know of a task."""

    languages: tuple[str, ...]
    metric: str
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
    return ScoredTask(
        languages=languages, metric=task.metric, form=form_of(task.task_type, task.metric)
    )


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
