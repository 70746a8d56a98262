"""Two models by what a user calls them: a folder, a hub id, or an arm of a run as RUN:ARM."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar, cast, get_args, get_type_hints

from rich.console import Console

from stiltwalk.data.source import DataSource
from stiltwalk.draws import Draws
from stiltwalk.errors import NoSuchRun, RecipeError, WorkspaceError
from stiltwalk.execution.provenance import provenance
from stiltwalk.heads.cloze import PromptedFolder
from stiltwalk.inference.predictor import Settings
from stiltwalk.models.checkpoint import load, save, with_head
from stiltwalk.models.locate import is_decoder, locate, read_config
from stiltwalk.recipe.schema import ModelSettings
from stiltwalk.recipe.types import Answering, resolved
from stiltwalk.records import Phase, TaskType
from stiltwalk.stages import STAGES
from stiltwalk.stages.compare_speed import both_lengths, settings_of
from stiltwalk.stages.compare_speed import quality as quality_of
from stiltwalk.stages.context import Context
from stiltwalk.stages.predict import Predict
from stiltwalk.stages.predict_run import asked_model
from stiltwalk.stages.stage import Stage, TrainingStage
from stiltwalk.store.machine import measured_on
from stiltwalk.store.manifest import (
    RUNS,
    RecordedStage,
    RunRecord,
    place_of,
    read_record,
    run_folder,
)
from stiltwalk.store.workspace import Workspace
from stiltwalk.tasks import TASKS, declare, target_names
from stiltwalk.tasks.sources import available_languages
from stiltwalk.tasks.task import Task
from stiltwalk.timing.attempts import Earlier, attempted
from stiltwalk.timing.blocks import KeptBlocks
from stiltwalk.timing.compare import compare
from stiltwalk.timing.record import COMPARISONS, Quality, Speed
from stiltwalk.timing.sample_size import profile_named
from stiltwalk.timing.session import ModelPair, Session, conditions
from stiltwalk.timing.workload import load_workload
from stiltwalk.wording import duration

Model = Path | PromptedFolder
Made = TypeVar("Made")

_TELL_EVERY_S = 30.0
_ON = "say on what with --on DATA:TASK, such as --on mini:xnli,panx or --on hub:xnli"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a comparison is asked about.

    Args:
        names: A and B, as the user spells them.
        workspace: where RUN:ARM is looked up.
        on: tasks with commas between, none for all that both arms were evaluated on; before them,
            with a colon, where requests come from, if not from where the runs took theirs.
    """

    names: tuple[str, str]
    workspace: Workspace
    on: str = ""

    @property
    def tasks(self) -> tuple[str, ...]:
        """The targets that are named."""
        return tuple(filter(None, self.on.rpartition(":")[2].split(",")))

    @property
    def data(self) -> DataSource | None:
        """Where requests come from, if that is said."""
        source = self.on.rpartition(":")[0]
        return DataSource(source=source) if source else None


@dataclass(frozen=True, kw_only=True)
class _Evaluated:
    """An arm's evaluation on one target.

    Args:
        name: for messages.
        stage: of the arm's first seed.
        record: of its run.
        store: where that is.
        seeds: of all the arm's stages.
    """

    name: str
    stage: Predict
    record: RunRecord
    store: Workspace
    seeds: frozenset[int]

    @property
    def context(self) -> Context:
        """What the stage's models and rows are found with."""
        return Context(
            workspace=self.store,
            data=self.record.data,
            base_folder=self._base_folder(),
            num_threads=1,
            resume_every_s=0.0,
            trackers=(),
            provenance={},
            progress=lambda _done, _in_all: None,
        )

    def _base_folder(self) -> Path | None:
        """Return where the run's base encoder is if the stage asks it, and it is what it was."""
        revision = self.stage.base_revision
        name = place_of(self.store, self.record.model)
        if not revision or self.stage.parent.phase not in (Phase.BASE, Phase.PROMPT):
            return None
        found = locate(ModelSettings(name=name), fetch=False)
        if found.folder is None or found.revision != revision:
            raise NoSuchRun(
                f"The base encoder {name} of that run is not here any more in revision {revision}. "
                "Give a folder in place of the arm, or leave out the retrieval tasks."
            )
        return found.folder


Evaluations = Mapping[str, _Evaluated]
"""An arm's, by target; none for a model of no run."""
Pair = Sequence[_Evaluated | None]


def compare_models(asked: Asked, session: Session) -> Speed:
    """Time the second model against the first, with the quality of both where runs tell it.

    Raises:
        RecipeError: if a task or the data must be named, or a folder has another task's head.
        NoSuchRun: if an arm or its evaluation is not there.
        ModelError: if a model cannot be had.
    """
    arms = [_arm(name, asked) for name in asked.names]
    tasks = _tasks(asked, arms)
    sources = {task: _source(task, asked, [arm.get(task) for arm in arms]) for task in tasks}
    session = replace(session, num_threads=_num_threads(arms) or session.num_threads)
    told, quality = list(_told_seeds(arms)), list[Quality]()
    with TemporaryDirectory() as folder:
        heads = _Heads(asked.names, arms, Path(folder))
        heads.require(tasks)
        model_pairs = list[ModelPair]()
        for task in tasks:
            pair = [arm.get(task) for arm in arms]
            told += _told_unscored(task, asked.names, pair)
            model_pairs += both_lengths(_model_pair(task, heads, pair, sources[task]))
            if pair[0] and pair[1]:
                quality += quality_of(*(asked.workspace.scores(e.stage) for e in pair if e))
        origins = tuple(dict.fromkeys(each.source for each in sources.values()))
        what = (asked.names, tasks, origins, session.profile, session.num_threads, measured_on())
        speed = _attempted(asked, repr(what), model_pairs, session)
    return replace(
        speed,
        summary=(*speed.summary, *told, *heads.told),
        quality=tuple(quality),
        data=", ".join(origins),
        made_by=provenance(),
    )


def _attempted(
    asked: Asked, what: str, model_pairs: Sequence[ModelPair], session: Session
) -> Speed:
    """Measure with what earlier sessions left, and keep that it was attempted."""

    def measure(earlier: Earlier) -> Speed:
        kept, passed = KeptBlocks(earlier.blocks), earlier.passed or session.passed
        return compare(model_pairs, asked.names, replace(session, kept=kept, passed=passed))

    served = conditions(model_pairs[0], session.profile, session.num_threads)
    return attempted(asked.workspace, what, served, measure)


def session_told(console: Console | None, profile: str) -> Session:
    """Return a session that a console follows; it waits where STILTWALK_WAIT is set."""
    return Session(
        profile=profile_named(profile),
        num_threads=min(2, os.cpu_count() or 1),
        seed=1,
        tell=lambda line: console.print(line, highlight=False) if console else None,
        moved=_said_left(console),
        wait="STILTWALK_WAIT" in os.environ,
    )


def _said_left(console: Console | None) -> Callable[[float, float], None]:
    """Return what says every half minute how much of a session is left."""
    told_s = 0.0

    def moved(spent_s: float, in_all_s: float) -> None:
        nonlocal told_s
        if console and spent_s - told_s >= _TELL_EVERY_S:
            told_s = spent_s
            left = duration(max(in_all_s - spent_s, 0.0))
            console.print(f"  {duration(spent_s)} spent, about {left} left", highlight=False)

    return moved


def folder_of(asked: Asked) -> Path:
    """Return where in the workspace the results of a comparison are kept."""
    names = [Path(name).name if Path(name).exists() else name for name in asked.names]
    words = "_vs_".join(names) + (f"_on_{asked.on}" if asked.on else "")
    return asked.workspace.root / COMPARISONS / re.sub(r"[^A-Za-z0-9._-]+", "-", words)


def _num_threads(arms: Sequence[Evaluations]) -> int:
    """Return the threads that a run of the arms computed with, 0 where that is not known."""
    left: list[Stage] = [each.stage for arm in arms for each in arm.values()]
    found = 0
    while left:
        stage = left.pop()
        left += stage.parents
        if isinstance(stage, TrainingStage):
            found = max(found, stage.numerics.num_threads)
    return found


class _Heads:
    """The folders that are asked, with a fresh head where a model of no run has none."""

    def __init__(self, names: tuple[str, str], arms: Sequence[Evaluations], aside: Path) -> None:
        """Make heads below `aside`."""
        self.names, self._arms, self._aside = names, arms, aside
        self.told: list[str] = []

    def require(self, tasks: Sequence[str]) -> None:
        """Refuse tasks that the head of a folder is not for, before anything is loaded."""
        for name, arm in zip(self.names, self._arms, strict=True):
            for task in () if arm else tasks:
                if why := _other_head(read_config(_named_folder(name)), TASKS[task]):
                    raise RecipeError(
                        f"{name} {why}, so it does not answer {task}. A folder has one head: "
                        "compare the folders of that task's models, a task at a time; give an "
                        "encoder without a head, which gets a fresh one; or give RUN:ARM, which "
                        "has a model for every task."
                    )

    def folder(self, place: int, task: Task) -> Path:
        """Return where a model of no run is, for a task."""
        name, folder = self.names[place], _named_folder(self.names[place])
        if is_decoder(read_config(folder)) or not _lacks_head(read_config(folder), task):
            return folder
        made = self._aside / f"{place}-{task.task_type}-{len(task.labels)}"
        if not made.exists():
            encoder = load(TaskType.RETRIEVAL, folder)
            seed = Draws(1, "measurement", task.name).number("head")
            model = with_head(encoder, task.task_type, task.labels, seed=seed)
            save(model, made, tokenizer_from=folder)
        self.told.append(
            f"{task.name}: {name} has no head for it, and is timed with a fresh one: its times "
            "count, its answers do not."
        )
        return made


_HEADS = {
    "ForSequenceClassification": (TaskType.TEXT, TaskType.PAIR),
    "ForMultipleChoice": (TaskType.CHOICE,),
    "ForTokenClassification": (TaskType.TAGGING,),
    "ForQuestionAnswering": (TaskType.SPAN,),
}
"""By how an architecture ends, what its head answers."""
_WITH_VECTORS = (TaskType.RETRIEVAL, TaskType.RANKING)
"""What an encoder without a head answers."""


def _answered_types(config: Mapping[str, Any]) -> tuple[str, tuple[TaskType, ...]]:
    """Return the name of the architecture, and what the head answers; nothing without one."""
    architecture = next(iter(config.get("architectures") or ()), "")
    found = (types for end, types in _HEADS.items() if architecture.endswith(end))
    return architecture, next(found, ())


def _lacks_head(config: Mapping[str, Any], task: Task) -> bool:
    return task.task_type not in _WITH_VECTORS and not _answered_types(config)[1]


def _other_head(config: Mapping[str, Any], task: Task) -> str:
    """Return what head a model has if it is another than a task's, "" if it will do."""
    architecture, types = _answered_types(config)
    if not types or task.task_type in _WITH_VECTORS:
        return ""
    if task.task_type not in types:
        return f"has another head ({architecture})"
    count = len(config.get("id2label") or ())
    counts = task.task_type in (TaskType.TEXT, TaskType.PAIR, TaskType.TAGGING)
    if counts and count and task.labels and count != len(task.labels):
        return f"has a head of {count} classes, not {len(task.labels)}"
    return ""


def _tasks(asked: Asked, arms: Sequence[Evaluations]) -> tuple[str, ...]:
    """Return the targets that are named, or all that the arms were both evaluated on."""
    known = [set(arm) for arm in arms if arm]
    both = set.intersection(*known) if known else set[str]()
    tasks = asked.tasks or tuple(task for task in target_names() if task in both)
    if not tasks:
        raise RecipeError(f"No task to compare {' and '.join(asked.names)} on: {_ON}.")
    for task in tasks:
        if task not in target_names():
            raise RecipeError(f"{task!r} is no target. There is: {', '.join(target_names())}.")
    return tasks


def _told_seeds(arms: Sequence[Evaluations]) -> Iterator[str]:
    """Yield that a pair is one draw, where the run of an arm has more of them."""
    seeds = {seed for arm in arms for each in arm.values() for seed in each.seeds}
    if len(seeds - {0}) > 1:
        yield (
            "These are the checkpoints of each arm's first seed, one draw: [measure] in the recipe "
            "times a pair per seed and tells how far pairs differ."
        )


def _told_unscored(task: str, names: tuple[str, str], pair: Pair) -> Iterator[str]:
    """Yield how models are asked that have no scores of their own."""
    unscored = [name for name, each in zip(names, pair, strict=True) if each is None]
    known = _first(pair)
    if unscored and known:
        yield f"{task}: {unscored[0]} was not scored here, and is timed as {known.name!r} was."
    elif unscored:
        yield (
            f"{task}: neither model was scored here; both are asked in the task's own way, in fp32."
        )


def _first(pair: Pair) -> _Evaluated | None:
    return next((each for each in pair if each), None)


def _arm(name: str, asked: Asked) -> Evaluations:
    """Return what RUN:ARM was evaluated on, nothing for a name of another form."""
    run, colon, arm = name.partition(":")
    if not colon or Path(name).exists():
        return {}
    record = read_record(run_folder(asked.workspace, run))
    declare((own.task() for own in record.tasks), record.benchmark)
    stages = [each for each in record.stages if each.arm == arm]
    first_of = {each.target: each for each in reversed(stages) if each.target}
    if not first_of:
        raise NoSuchRun(
            f"The run {run} in {asked.workspace.root} has no arm {arm!r}. There is: "
            f"{', '.join(record.arms)}."
        )
    seeds = frozenset(each.seed for each in stages)
    return {
        target: _evaluated(each, record, asked.workspace, seeds)
        for target, each in first_of.items()
    }


def _evaluated(
    recorded: RecordedStage, record: RunRecord, store: Workspace, seeds: frozenset[int]
) -> _Evaluated:
    name = f"{record.name}: {recorded.does}"
    if not store.has(recorded.fingerprint):
        raise NoSuchRun(
            f"{store.root}/{RUNS}/{record.name} is not finished: {recorded.does!r} is missing. "
            "Run its recipe again first."
        )
    with suppress(LookupError, TypeError, ValueError):  # another version had other fields
        stage = stage_of(store.marker(recorded.fingerprint)["stage"])
        if stage.fingerprint == recorded.fingerprint:
            return _Evaluated(name=name, stage=stage, record=record, store=store, seeds=seeds)
    raise WorkspaceError(f"{name!r} is of another version: run its recipe again first.")


def stage_of(lineage: Mapping[str, Any]) -> Any:  # noqa: ANN401 - of any class in STAGES
    """Return the stage that a completion marker tells, without what was for reading alone."""
    known = {name: each for name, each in lineage.items() if name not in ("stage", "version")}
    return _made(STAGES[lineage["stage"]], known)


def _made(kind: type[Made], values: Mapping[str, Any]) -> Made:
    hints = get_type_hints(kind)
    left_out = {
        each.name: None
        for each in fields(cast(Any, kind))
        if not each.compare and each.default is MISSING and each.default_factory is MISSING
    }
    return kind(**left_out | {name: _value(hints[name], each) for name, each in values.items()})


def _value(hint: Any, plain: Any) -> Any:  # noqa: ANN401 - any field of a stage
    """Return a field's value from JSON: of its type's classes the smallest with such fields."""
    if isinstance(plain, list):
        return tuple(_value(hint, each) for each in plain)
    if not isinstance(plain, dict):
        return plain
    if plain.keys() >= {"stage", "version"}:
        return stage_of(plain)
    kinds = [each for each in _dataclasses(hint) if plain.keys() <= {f.name for f in fields(each)}]
    return _made(min(kinds, key=lambda kind: len(fields(kind))), plain) if kinds else plain


def _dataclasses(hint: Any) -> Iterator[Any]:  # noqa: ANN401 - a type
    if isinstance(hint, type) and is_dataclass(hint):
        yield from (hint, *hint.__subclasses__())
    for each in get_args(hint):
        yield from _dataclasses(each)


def _source(task: str, asked: Asked, pair: Pair) -> DataSource:
    known = _first(pair)
    if asked.data is not None:
        return asked.data
    if known is None:
        raise RecipeError(f"Nothing tells where the requests of {task} come from: {_ON}.")
    return known.record.data


def _model_pair(task: str, heads: _Heads, pair: Pair, source: DataSource) -> ModelPair:
    """Return what is needed to time one task; a model without scores is asked as the other."""
    names = heads.names
    a, b = (
        asked_model(each.stage, each.context) if each else heads.folder(place, TASKS[task])
        for place, each in enumerate(pair)
    )
    _require_one_family(names, (a, b))
    known = _first(pair)
    settings = [_settings(task, a, each or known) for each in pair]
    ways = [each.answering.way if each.answering else "" for each in settings]
    if ways[0] != ways[1]:
        raise RecipeError(
            f"{task}: {names[0]} answers by {ways[0]} and {names[1]} by {ways[1]}, whose times are "
            "not those of one question: compare two that are asked alike."
        )
    languages = known.stage.languages if known else available_languages(TASKS[task], source)
    max_rows = known.stage.max_rows if known else None
    return ModelPair(
        folders=(a, b),
        settings=(settings[0], settings[1]),
        workload=load_workload(TASKS[task], source, languages, max_rows),
    )


def _settings(name: str, model: Model, known: _Evaluated | None) -> Settings:
    """Return how an evaluation asked its model; without one, in the task's own way, in fp32."""
    if known is not None:
        return settings_of(known.stage, known.context, known.name)
    task = TASKS[name]
    return Settings(
        task=task,
        max_length_tokens=task.max_length_tokens,
        answering=resolved(task.task_type, Answering()) if _decodes(model) else None,
    )


def _require_one_family(names: tuple[str, str], models: tuple[Model, Model]) -> None:
    a, b = map(_decodes, models)
    if a != b:
        decoder, encoder = names if a else names[::-1]
        raise RecipeError(
            f"{decoder} is a decoder language model and {encoder} an encoder, which are not asked "
            "alike: compare two of one family."
        )


def _decodes(model: Model) -> bool:
    return isinstance(model, Path) and is_decoder(read_config(model))


def _named_folder(name: str) -> Path:
    """Return the folder of a model that is given as one, or by its hub id."""
    path = Path(name).expanduser()
    found = locate(ModelSettings(name=str(path.resolve()) if path.is_dir() else name), fetch=True)
    assert found.folder is not None
    return found.folder
