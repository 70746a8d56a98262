"""A folder of predictions against a folder of labels, as XTREME or XTREME-R scores it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from stiltwalk.data.xtreme_files import Form, answers_path, form_of, read_answers, read_gold
from stiltwalk.errors import DataError, MetricError, RecipeError
from stiltwalk.metrics.aggregate import TaskScore, group_scores, mean, overall_score, task_score
from stiltwalk.metrics.score import score
from stiltwalk.records import Labels, Scores, TagLists
from stiltwalk.tables.table import Cell, Table, heads
from stiltwalk.tasks import SHIPPED, members
from stiltwalk.tasks import task as declared
from stiltwalk.tasks.own import read_own_tasks
from stiltwalk.wording import nearest

_PERCENT = 100.0


def score_folder(predictions: Path, labels: Path, benchmark: str = "xtreme") -> dict[str, Any]:
    """Return every figure of a submission, in percent, as one JSON document.

    Args:
        predictions: folder with `TASK/test-LANG.tsv`, `.json` or `.jsonl`, whoever made it.
        labels: folder with the reference answers under the same names.
        benchmark: "xtreme", "xtreme-r", or a TOML file that declares your own tasks.

    Returns:
        `tasks.NAME.score`, `tasks.NAME.METRIC.LANG`, and `tasks.NAME.missing` where languages
        are; `groups.NAME` and `overall` only where all tasks of theirs are there in all
        languages; `warnings`, sentences, only where there are any. XTREME-R has
        `mean_of_present_tasks` in place of `overall`, which the official script can never print,
        and so have your own tasks.

    Raises:
        DataError: if a file is damaged or in another form, or nothing can be scored.
        MetricError: if predictions and labels do not line up; names both files and counts.
        RecipeError: if there is no such benchmark.

    Source:
        `evaluate.py` of XTREME; departures are listed in docs/faithfulness.md.
    """
    chosen = benchmark_named(benchmark)
    figures = _figures_of(predictions, labels, chosen)
    scores = {
        name: task_score(by_language, chosen.tasks[name].languages)
        for name, by_language in figures.items()
    }
    warnings = [
        *_unread(predictions, labels, chosen),
        *_missing(figures, chosen),
        *_odd_labels((predictions, labels), figures, chosen),
    ]
    return {
        **_overall(scores, chosen),
        "groups": _in_percent(group_scores(scores, chosen.groups)),
        "tasks": {name: _task_document(scores[name], each) for name, each in figures.items()},
        **({"warnings": warnings} if warnings else {}),
    }


def _figures_of(
    predictions: Path, labels: Path, benchmark: Benchmark
) -> dict[str, dict[str, Scores]]:
    found = {
        name: by_language
        for name, task in benchmark.tasks.items()
        if (by_language := _score_task(predictions, labels, name, task))
    }
    if not found:
        raise DataError(_nothing_found(predictions, labels, benchmark))
    return found


def _unread(predictions: Path, labels: Path, benchmark: Benchmark) -> Iterator[str]:
    for folder in (predictions, labels):
        for path in sorted(folder.iterdir()):
            task = benchmark.tasks.get(path.name)
            if not path.is_dir() or path.name.startswith("."):
                continue
            if task is None:
                if any(path.name in each.tasks for each in BENCHMARKS.values()):
                    continue
                hint = nearest(path.name.lower(), list(benchmark.tasks))
                yield f"{path} is no task of {benchmark.name} and was not scored.{hint}"
                continue
            known = {answers_path(folder, path.name, code, task.form) for code in task.languages}
            odd = sorted(file.name for file in path.glob("test-*") if file not in known)
            if odd:
                yield f"{path} holds {len(odd)} files that were not scored: {_some(odd)}."


def _missing(figures: Mapping[str, Mapping[str, Scores]], benchmark: Benchmark) -> Iterator[str]:
    for name, by_language in figures.items():
        wanted = benchmark.tasks[name].languages
        missing = [code for code in wanted if code not in by_language]
        if missing:
            yield (
                f"{name} has no pair of files in {len(missing)} of {len(wanted)} languages "
                f"({_some(missing)}): its score is the mean of the others."
            )


def _odd_labels(
    folders: tuple[Path, Path], figures: Mapping[str, Mapping[str, Scores]], benchmark: Benchmark
) -> Iterator[str]:
    for name, folder, language in (
        (name, folder, code)
        for name, by_language in figures.items()
        for folder, code in product(folders, by_language)
    ):
        task = benchmark.tasks[name]
        if not task.labels:
            continue
        path = answers_path(folder, name, language, task.form)
        answers = cast("Labels | TagLists", read_answers(path, task.form))
        lines = [label for each in answers for label in ([each] if isinstance(each, str) else each)]
        odd = Counter(label for label in lines if label not in task.labels)
        if not odd:
            continue
        said = odd.most_common(1)[0][0]
        by_case = {label.casefold(): label for label in task.labels}
        meant = by_case.get(said.casefold(), "")
        hint = f"`{said}` → `{meant}`?" if meant else f"the most frequent is `{said[:60]}`."
        yield f"{odd.total()} of {len(lines)} lines of {path} are no label of the task; {hint}"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (" …" if len(names) > 8 else "")  # noqa: PLR2004 - a line's worth


def _score_task(predictions: Path, labels: Path, name: str, task: ScoredTask) -> dict[str, Scores]:
    by_language = {}
    for language in task.languages:
        predicted = answers_path(predictions, name, language, task.form)
        gold = answers_path(labels, name, language, task.form)
        if predicted.exists() and gold.exists():
            by_language[language] = _score_file(predicted, gold, task, language)
    return by_language


def _score_file(predicted: Path, gold: Path, task: ScoredTask, language: str) -> Scores:
    answers, reference = read_answers(predicted, task.form), read_gold(gold, task.form)
    try:
        return score(task.metric, answers, reference, language)
    except MetricError as error:
        raise MetricError(f"{predicted} against {gold}: {error}") from error


def _overall(scores: dict[str, TaskScore], benchmark: Benchmark) -> dict[str, float]:
    if benchmark.name != declared.XTREME:
        present = [each.score for each in scores.values() if each.is_complete]
        return _in_percent({"mean_of_present_tasks": mean(present)}) if present else {}
    overall = overall_score(scores, tuple(benchmark.tasks))
    return {} if overall is None else _in_percent({"overall": overall})


def _task_document(task: TaskScore, by_language: dict[str, Scores]) -> dict[str, Any]:
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
    return {name: fraction * _PERCENT for name, fraction in fractions.items()}


def _nothing_found(predictions: Path, labels: Path, benchmark: Benchmark) -> str:
    for folder in (predictions, labels):
        if not folder.is_dir():
            return f"{folder} is not a folder. Give one with files such as xnli/test-de.tsv."
    held = [sorted(path.name for path in folder.iterdir()) for folder in (predictions, labels)]
    return (
        f"No task of {benchmark.name} has a file in both folders: {predictions} holds "
        f"{', '.join(held[0][:12]) or 'nothing'}, {labels} holds "
        f"{', '.join(held[1][:12]) or 'nothing'}. Expected such as xnli/test-de.tsv."
    )


_TITLES = {"f1": "F1", "exact_match": "EM", "accuracy": "accuracy"}


def score_table(document: dict[str, Any]) -> Table:
    """Return a scoring document as a table for people: a line per figure, partial means marked."""
    rows = [row for name, task in document["tasks"].items() for row in _task_rows(name, task)]
    means = {
        name: document[name] for name in ("overall", "mean_of_present_tasks") if name in document
    }
    rows += [
        _row(name, "mean of tasks", each) for name, each in (document["groups"] | means).items()
    ]
    partial = any("missing" in task for task in document["tasks"].values())
    mark = "; * the mean of the languages that are there, not the task's score" if partial else ""
    return Table(
        name="scores",
        title=f"Scores in percent{mark}",
        note="",
        columns=heads("task", "figure", "mean", "languages", "missing"),
        rows=tuple(rows),
    )


def _task_rows(name: str, task: Mapping[str, Any]) -> Iterator[tuple[Cell, ...]]:
    missing = " ".join(task.get("missing", ()))
    yield _row(name, "score", task["score"], missing=missing, mark="*" if missing else "")
    for figure in (key for key in task if key not in ("score", "missing")):
        values = task[figure]
        languages = " ".join(f"{code} {value:.1f}" for code, value in values.items())
        average = mean(list(values.values()))
        yield _row("", _TITLES.get(figure, figure), average, languages, mark="*" if missing else "")


def _row(
    name: str, figure: str, value: float, languages: str = "", *, missing: str = "", mark: str = ""
) -> tuple[Cell, ...]:
    average = Cell(f"{value:.2f}{mark}", value)
    return Cell(name), Cell(figure), average, Cell(languages), Cell(missing)


@dataclass(frozen=True, kw_only=True)
class ScoredTask:
    """What scoring needs to know of a task."""

    languages: tuple[str, ...]
    metric: str
    form: Form
    labels: tuple[str, ...] = ()
    """Those that occur; empty where any text may."""


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """Tasks with their scores, and groups of tasks; a group that lacks one is never shown."""

    name: str
    tasks: Mapping[str, ScoredTask]
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def _scored(task: declared.Task) -> ScoredTask:
    return ScoredTask(
        languages=task.languages,
        metric=task.metric,
        form=form_of(task.task_type, task.metric),
        labels=task.labels,
    )


def _benchmark(name: declared.Benchmark) -> Benchmark:
    tasks = {task: _scored(SHIPPED[task].within(name)) for task in members(name)}
    return Benchmark(name=name, tasks=MappingProxyType(tasks), groups=declared.GROUPS_OF[name])


XTREME, XTREME_R = _benchmark(declared.XTREME), _benchmark(declared.XTREME_R)

BENCHMARKS: Mapping[str, Benchmark] = MappingProxyType(
    {benchmark.name: benchmark for benchmark in (XTREME, XTREME_R)}
)


def benchmark_named(name: str) -> Benchmark:
    """Return a benchmark by its name, or the tasks that a TOML file declares.

    Raises:
        RecipeError: if there is neither, or a declaration is wrong.
    """
    if name in BENCHMARKS:
        return BENCHMARKS[name]
    if not name.endswith(".toml"):
        raise RecipeError(
            f"There is no benchmark '{name}'; known are {', '.join(BENCHMARKS)}, and your own "
            "tasks by the TOML file that declares them."
        )
    own = {task.name: _scored(task.task()) for task in read_own_tasks(Path(name))}
    return Benchmark(name=name, tasks=own)
