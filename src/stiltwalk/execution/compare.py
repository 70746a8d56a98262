"""Two models by what a user calls them: a folder, a hub id, or an arm of a run as RUN:ARM."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stiltwalk.data.source import DataSource
from stiltwalk.errors import NoSuchRun, RecipeError
from stiltwalk.execution.provenance import provenance
from stiltwalk.heads.cloze import PromptedFolder
from stiltwalk.inference.predictor import Settings
from stiltwalk.models.locate import is_decoder, locate, read_config
from stiltwalk.models.soft_prompt import FrozenModel
from stiltwalk.recipe.schema import ModelSettings
from stiltwalk.recipe.types import Answering, resolved
from stiltwalk.records import Example, Phase, ScoreRow, Split
from stiltwalk.stages import STAGES
from stiltwalk.stages.compare_speed_run import both_lengths, scored_format
from stiltwalk.stages.compare_speed_run import quality as quality_of
from stiltwalk.stages.context import MODEL
from stiltwalk.stages.predict_run import FORMAT, shots_of
from stiltwalk.stages.rows import Asking
from stiltwalk.store.machine import measured_on
from stiltwalk.store.manifest import RUNS, RecordedStage, RunRecord, read_record, run_folder
from stiltwalk.store.workspace import Workspace
from stiltwalk.tasks import TASKS, declare, target_names
from stiltwalk.tasks.load import examples
from stiltwalk.tasks.sources import available_languages
from stiltwalk.timing.attempting import attempted
from stiltwalk.timing.compare import compare
from stiltwalk.timing.record import Quality, Speed
from stiltwalk.timing.session import ModelPair, Session
from stiltwalk.timing.workload import load_workload

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
    """An arm's model for one target, and how its evaluation asked it.

    Args:
        does: names the evaluation.
        folder: of the model.
        stage: its lineage.
        kept_format: what it kept of its number format.
        scores: its figures.
        record: of its run.
        is_trained: whether the model was trained on the target's English rows.
        of_arm: its arm's stages, of all seeds.
    """

    does: str
    folder: Path | PromptedFolder
    stage: dict[str, Any]
    kept_format: str
    scores: tuple[ScoreRow, ...]
    record: RunRecord
    is_trained: bool
    of_arm: tuple[RecordedStage, ...]


def compare_models(asked: Asked, session: Session) -> Speed:
    """Time the second model against the first, with the quality of both where runs tell it.

    Raises:
        RecipeError: if a task or the data must be named.
        NoSuchRun: if an arm or its evaluation is not there.
        ModelError: if a model cannot be had.
    """
    arms = tuple(_arm(name, asked) for name in asked.names)
    known = [set(arm) for arm in arms if arm is not None]
    tasks = asked.tasks or tuple(
        task for task in target_names() if known and task in set.intersection(*known)
    )
    if not tasks:
        raise RecipeError(f"No task to compare {' and '.join(asked.names)} on: {_ON}.")
    model_pairs, quality, sources = list[ModelPair](), list[Quality](), dict[str, None]()
    told = list(_told_seeds(arms))
    for task in tasks:
        if task not in target_names():
            raise RecipeError(f"{task!r} is no target. There is: {', '.join(target_names())}.")
        pair = [arm[task] if arm and task in arm else None for arm in arms]
        source = _source(task, asked, pair)
        sources[source.source] = None
        told += _told_unscored(task, asked.names, pair)
        model_pairs += both_lengths(_contest(task, asked.names, pair, source))
        if pair[0] and pair[1]:
            quality += quality_of(pair[0].scores, pair[1].scores)
    what = repr((asked.names, tasks, sources, session.profile, session.num_threads, measured_on()))
    speed = attempted(asked.workspace, what, lambda: compare(model_pairs, asked.names, session))
    return replace(
        speed,
        summary=(*speed.summary, *told),
        quality=tuple(quality),
        data=", ".join(sources),
        made_by=provenance(),
    )


def _told_seeds(arms: Sequence[dict[str, _Evaluated] | None]) -> Iterator[str]:
    """Yield that a pair is one draw, where the run of an arm has more of them."""
    seeds = {each.seed for arm in arms if arm for known in arm.values() for each in known.of_arm}
    if len(seeds - {0}) > 1:
        yield (
            "These are the checkpoints of each arm's first seed, one draw: [measure] in the recipe "
            "times a pair per seed and tells how far pairs differ."
        )


def _told_unscored(
    task: str, names: tuple[str, str], pair: Sequence[_Evaluated | None]
) -> Iterator[str]:
    """Yield how models are asked that have no scores of their own."""
    unscored = [name for name, each in zip(names, pair, strict=True) if each is None]
    known = next((each for each in pair if each), None)
    if unscored and known:
        does = f"{known.record.name}: {known.does}"
        yield f"{task}: {unscored[0]} was not scored here, and is timed as {does!r} was."
    elif unscored:
        yield (
            f"{task}: neither model was scored here; both are asked in the task's own way, in fp32."
        )


def _arm(name: str, asked: Asked) -> dict[str, _Evaluated] | None:
    """Return the evaluated models of RUN:ARM by target, None for a name of another form."""
    run, colon, arm = name.partition(":")
    if not colon or Path(name).exists():
        return None
    record = read_record(run_folder(asked.workspace, run))
    declare(own.task() for own in record.tasks)
    stages = [each for each in record.stages if each.arm == arm and each.target]
    if not stages:
        raise NoSuchRun(
            f"The run {run} in {asked.workspace.root} has no arm {arm!r}. There is: "
            f"{', '.join(record.arms)}."
        )
    first_of = {each.target: each for each in reversed(stages)}
    return {target: _evaluated(each, record, asked.workspace) for target, each in first_of.items()}


def _evaluated(recorded: RecordedStage, record: RunRecord, store: Workspace) -> _Evaluated:
    if not store.has(recorded.fingerprint):
        raise NoSuchRun(
            f"{store.root}/{RUNS}/{record.name} is not finished: {recorded.does!r} is missing. "
            "Run its recipe again first."
        )
    stage = store.marker(recorded.fingerprint)["stage"]
    if stage["parent"]["stage"] not in STAGES:
        raise NoSuchRun(
            f"{store.root}/{RUNS}/{record.name} was made by an earlier version, which kept its "
            "stages in another form: run its recipe again first."
        )
    return _Evaluated(
        does=recorded.does,
        folder=_asked_model(recorded, stage["parent"], record, store),
        stage=stage,
        kept_format=store.text(recorded.fingerprint, FORMAT),
        scores=store.scores(recorded.fingerprint),
        record=record,
        is_trained=bool(recorded.trained),
        of_arm=tuple(each for each in record.stages if each.arm == recorded.arm),
    )


def _asked_model(
    recorded: RecordedStage, made: dict[str, Any], record: RunRecord, store: Workspace
) -> Path | PromptedFolder:
    """Return the model that a stage asked; of a prompt also the one that it belongs to."""
    stages = {each.fingerprint: each for each in record.stages}

    def folder(fingerprint: str, made: dict[str, Any]) -> Path:
        if "revision" in made:  # only a published encoder is not in the workspace
            return _base_folder(record.model, made["revision"])
        return store.verified(fingerprint) / MODEL

    (asked,) = recorded.parents
    if stages[asked].phase is not Phase.PROMPT:
        return folder(asked, made)
    (trained,), encoder = stages[asked].parents, made["parent"]
    head, owner = trained, encoder
    if "parent" in encoder and not encoder.get("text"):
        (head,), owner = stages[trained].parents, encoder["parent"]
    frozen = FrozenModel(encoder=folder(trained, encoder), head=folder(head, owner))
    return PromptedFolder(prompt=folder(asked, made), model=frozen)


def _base_folder(name: str, revision: str) -> Path:
    """Return where a run's base encoder is, if it still is what it was."""
    found = locate(ModelSettings(name=name), fetch=False)
    if found.folder is None or found.revision != revision:
        raise NoSuchRun(
            f"The base encoder {name} of that run is not here any more in revision {revision}. "
            "Give a folder in place of the arm, or leave out the retrieval tasks."
        )
    return found.folder


def _source(task: str, asked: Asked, pair: Sequence[_Evaluated | None]) -> DataSource:
    """Return where the requests of a task come from."""
    known = next((each for each in pair if each), None)
    if asked.data is not None:
        return asked.data
    if known is None:
        raise RecipeError(f"Nothing tells where the requests of {task} come from: {_ON}.")
    return known.record.data


def _contest(
    task: str, names: tuple[str, str], pair: Sequence[_Evaluated | None], source: DataSource
) -> ModelPair:
    """Return what is needed to time one task; a model without scores is asked as the other."""
    folders = [
        each.folder if each else _named_folder(name) for each, name in zip(pair, names, strict=True)
    ]
    _require_one_family(names, folders)
    known = next((each for each in pair if each), None)
    settings = [_settings(task, folders[0], each or known) for each in pair]
    ways = [each.answering.way if each.answering else "" for each in settings]
    if ways[0] != ways[1]:
        raise RecipeError(
            f"{task}: {names[0]} answers by {ways[0]} and {names[1]} by {ways[1]}, whose times are "
            "not those of one question: compare two that are asked alike."
        )
    stage = known.stage if known else {}
    languages = stage.get("languages") or available_languages(TASKS[task], source)
    return ModelPair(
        folder_a=folders[0],
        folder_b=folders[1],
        settings=settings[0],
        settings_b=settings[1],
        workload=load_workload(TASKS[task], source, languages, stage.get("max_rows")),
    )


def _settings(name: str, folder: Path | PromptedFolder, known: _Evaluated | None) -> Settings:
    """Return how an evaluation asked its model; without one, in the task's own way, in fp32."""
    task = TASKS[name]
    if known is None:
        return Settings(
            task=task,
            max_length_tokens=task.max_length_tokens,
            answering=resolved(task.task_type, Answering()) if _decodes(folder) else None,
        )
    asking = known.stage.get("asking")
    return Settings(
        task=task,
        max_length_tokens=known.stage["max_length_tokens"],
        precision=scored_format(known.kept_format, f"{known.record.name}: {known.does}"),
        relative_depth=known.stage["relative_depth"] or Settings.relative_depth,
        answering=Answering(**asking["answering"]) if asking else None,
        shots=_shots(known),
    )


def _require_one_family(names: tuple[str, str], folders: Sequence[Path | PromptedFolder]) -> None:
    a, b = map(_decodes, folders)
    if a != b:
        decoder, encoder = names if a else names[::-1]
        raise RecipeError(
            f"{decoder} is a decoder language model and {encoder} an encoder, which are not asked "
            "alike: compare two of one family."
        )


def _decodes(folder: Path | PromptedFolder) -> bool:
    return isinstance(folder, Path) and is_decoder(read_config(folder))


def _shots(known: _Evaluated) -> tuple[Example, ...]:
    """Return the solved examples that an arm's model saw before every question."""
    asking, made = known.stage.get("asking", {}), known.stage["parent"]
    if not asking.get("shots"):
        return ()
    task, limit = TASKS[TASKS[known.stage["rows"]["task"]].train_task], None
    if known.is_trained:
        (rows,), limit = made["rows"], made["settings"]["max_rows"]
        task = task.chosen_on(rows.get("dev"))
    train = examples(task, known.record.data, Split.TRAIN, "en", limit)
    how = Asking(**asking | {"answering": Answering(**asking["answering"])})
    return tuple(shots_of(how, known.stage["rows"]["task"], train))


def _named_folder(name: str) -> Path:
    """Return the folder of a model that is given as one, or by its hub id."""
    path = Path(name).expanduser()
    found = locate(ModelSettings(name=str(path.resolve()) if path.is_dir() else name), fetch=True)
    assert found.folder is not None
    return found.folder
