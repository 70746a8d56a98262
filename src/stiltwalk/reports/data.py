"""Everything a report is made of, gathered from finished stages. A report reads nothing else."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Generic, TypeVar

import numpy as np

from stiltwalk.data.source import MINI
from stiltwalk.execution.progress import last_faults
from stiltwalk.execution.provenance import made_with, said_of_mixture
from stiltwalk.recipe.schema import Claim
from stiltwalk.records import ExampleScoreRow, Phase, ScoreRow, Split, TimingRow
from stiltwalk.selection.ratings import Rating
from stiltwalk.stages.rate import read_ratings
from stiltwalk.stages.train import read_history
from stiltwalk.store.manifest import RecordedArm, RecordedStage, RunRecord
from stiltwalk.store.workspace import Workspace
from stiltwalk.tables.table import visible
from stiltwalk.tasks import TASKS, declare
from stiltwalk.tasks.sources import known_languages
from stiltwalk.tasks.task import XTREME, Benchmark, Dev
from stiltwalk.timing.record import FILE, Speed, read_speed
from stiltwalk.wording import public

Row = TypeVar("Row", ScoreRow, TimingRow, ExampleScoreRow)


@dataclass(frozen=True, kw_only=True)
class OfArm(Generic[Row]):
    """A row, and the arm (or the reference point) that it belongs to."""

    arm: str
    row: Row


ArmScore = OfArm[ScoreRow]
ArmTiming = OfArm[TimingRow]
ArmExampleScores = OfArm[ExampleScoreRow]


@dataclass(frozen=True, kw_only=True)
class StageLine:
    """One stage of the run: its fingerprint, what it does, in words, and what that took.

    `phase` is the part of the run, `about` the tasks it trains on or answers,
    `parents` fingerprints, `arms` every arm that rests on it. `time_s` is None
    where it was not carried out; `num_tokens` counts the real tokens that went through the model,
    0 for a stage without one.
    """

    fingerprint: str
    what: str
    time_s: float | None
    num_tokens: int
    phase: Phase
    about: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    arms: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TrainingCurve:
    """How one training stage went on one task: its evaluations on dev, and the loss.

    `evaluations` are (optimiser step, score as a fraction), `losses` (step, nats), averaged to
    what an eye can see. `arms` are all that rest on the stage, `phase` is its.
    """

    arms: tuple[str, ...]
    phase: Phase
    task: str
    seed: int
    evaluations: tuple[tuple[int, float], ...]
    losses: tuple[tuple[int, float], ...]


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A score that was wanted and is not there, and why; a full sentence.

    An empty `arm` or `language` stands for all of them.
    """

    task: str
    reason: str
    arm: str = ""
    language: str = ""


@dataclass(frozen=True, kw_only=True)
class RunRows:
    """The rows of a run, and what the page says about where they come from.

    `miniature` puts a banner on the page; `limited` is empty, or says what was left out ("200
    test rows per language"). `arms` are in the order of the recipe, `targets` too. `rows` hold
    the splits "test" (every language) and "dev" (English). A baseline's `arm` is its name.
    `languages` are those that the recipe chose, None for all that a target has. `model` is the
    base encoder as the recipe names it, "" where the run made its own. `made_of` tells what the
    arms are made of, `dev` on what targets were chosen (`[target] dev`), `remarks` sentences about
    what made the stages, `claims` what the recipe asks to be judged, `comparisons` are paired
    ones of speed. `max_train_rows` is the least number that any task's training rows are limited
    to. `ratings` are what selectors said before targets were trained.
    """

    title: str
    recipe: str
    miniature: bool
    limited: str
    arms: tuple[str, ...]
    targets: tuple[str, ...]
    rows: tuple[ArmScore, ...]
    timings: tuple[ArmTiming, ...]
    reference_points: tuple[ArmScore, ...]
    stages: tuple[StageLine, ...]
    provenance: Mapping[str, str]
    gaps: tuple[Gap, ...] = field(default=())
    languages: tuple[str, ...] | None = None
    model: str = ""
    made_of: Mapping[str, RecordedArm] = field(default_factory=dict)
    dev: Dev = "held-out"
    remarks: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    example_scores: tuple[ArmExampleScores, ...] = ()
    training_curves: tuple[TrainingCurve, ...] = ()
    comparisons: tuple[Speed, ...] = ()
    max_train_rows: int | None = None
    ratings: tuple[Rating, ...] = ()
    benchmark: Benchmark = XTREME

    def languages_of(self, task: str) -> tuple[str, ...]:
        """Return the languages that a target was to be tested in, in the target's order."""
        every = known_languages(TASKS[task], miniature=self.miniature)
        chosen = self.languages
        return every if chosen is None else tuple(code for code in every if code in chosen)

    def why_missing(self, arm: str, task: str, missing: Sequence[str]) -> str:
        """Return which languages of a task an arm lacks and, where the run knows, why."""
        has_rows = any(each.arm == arm for each in self.rows)
        reasons = dict.fromkeys(
            gap.reason
            for gap in self.gaps
            if gap.task == task
            and gap.arm in ({"", arm} if has_rows else {arm})
            and (not gap.language or gap.language in missing)
        )
        if not has_rows and not reasons:
            return not_reached(arm)
        known = " ".join(reasons)
        known = known or "The run holds no row for it: it was not asked for, or not reached."
        all_of_it = len(missing) == len(self.languages_of(task))
        what = "every language" if all_of_it else ", ".join(missing)
        return f"{task}, “{arm}”: {what} missing. {known}"


def not_reached(arm: str) -> str:
    """Return what is said wherever an arm without any score should stand."""
    return f"“{arm}” has no score yet: the run has not reached it."


def rows_of_pair(speed: Speed) -> RunRows:
    """Return the rows of two models, A's first, as those of two arms; without a reference arm."""
    a, b = speed.a, speed.b if speed.b != speed.a else f"{speed.b} again"
    return RunRows(
        title=f"{b} against {a}",
        recipe="",
        miniature=speed.data == MINI,
        limited="",
        arms=(a, b),
        targets=tuple(dict.fromkeys(each.task for each in speed.quality)),
        rows=tuple(
            ArmScore(
                arm=arm,
                row=ScoreRow(
                    stage="",
                    intermediate=(),
                    task=each.task,
                    language=each.language,
                    split=Split.TEST,
                    metric=each.metric,
                    value=value,
                    seed=0,
                    num_examples=0,
                ),
            )
            for each in speed.quality
            for arm, value in ((a, each.a), (b, each.b))
        ),
        timings=(),
        reference_points=(),
        stages=(),
        provenance=speed.made_by,
        languages=tuple(sorted({each.language for each in speed.quality})),
        comparisons=(speed,),
    )


def with_visible_names(run: RunRows) -> RunRows:
    """Return the rows with arms whose names can be drawn."""
    names = {arm: visible(arm) for arm in (*run.arms, *(each.arm for each in run.reference_points))}
    if all(shown == name for name, shown in names.items()):
        return run

    def shown(rows: tuple[OfArm[Row], ...]) -> tuple[OfArm[Row], ...]:
        return tuple(replace(each, arm=names.get(each.arm, each.arm)) for each in rows)

    def renamed(arms: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(names.get(arm, arm) for arm in arms)

    return replace(
        run,
        arms=renamed(run.arms),
        rows=shown(run.rows),
        timings=shown(run.timings),
        reference_points=shown(run.reference_points),
        example_scores=shown(run.example_scores),
        stages=tuple(replace(each, arms=renamed(each.arms)) for each in run.stages),
        training_curves=tuple(
            replace(each, arms=renamed(each.arms)) for each in run.training_curves
        ),
        made_of={names.get(arm, arm): made for arm, made in run.made_of.items()},
        comparisons=tuple(
            replace(each, a=names.get(each.a, each.a), b=names.get(each.b, each.b))
            for each in run.comparisons
        ),
    )


def _limits(record: RunRecord) -> str:
    limits = []
    if record.languages is not None:
        limits.append(f"only the languages {' '.join(record.languages)}")
    if record.test_rows:
        limits.append(f"at most {record.test_rows:,} test rows per task and language")
    said = "; ".join(limits)
    return f"{said[:1].upper()}{said[1:]}." if said else ""


def rows_of(record: RunRecord, workspace: Workspace) -> RunRows:
    """Gather the rows of a run's finished stages for its report."""
    declare((own.task() for own in record.tasks), record.benchmark)
    there = workspace.marked([stage.fingerprint for stage in record.stages])
    done = [stage for stage in record.stages if stage.fingerprint in there]
    evaluated = [stage for stage in done if stage.arm]
    markers = {stage.fingerprint: workspace.marker(stage.fingerprint) for stage in done}
    arms = arms_of(record)
    return RunRows(
        title=record.name,
        recipe=record.recipe,
        miniature=record.data.source == MINI,
        limited=_limits(record),
        arms=record.arms,
        targets=record.targets,
        rows=tuple(row for stage in evaluated for row in _scores(stage, workspace)),
        timings=_of_arms(evaluated, workspace.timings),
        reference_points=tuple(each for stage in done for each in _references(stage, workspace)),
        stages=tuple(
            _line(stage, markers.get(stage.fingerprint), arms[stage.fingerprint], workspace)
            for stage in {each.fingerprint: each for each in record.stages}.values()
        ),
        provenance=_provenance(list(markers.values())),
        gaps=tuple(_gaps(record, there, workspace)),
        languages=record.languages,
        model=public(record.model),
        made_of=record.made_of,
        dev=record.dev,
        remarks=tuple(said_of_mixture(map(made_with, markers.values()))),
        claims=record.claims,
        max_train_rows=record.max_train_rows,
        benchmark=record.benchmark,
        example_scores=_of_arms(evaluated, lambda stage: map(_packed, workspace.shares(stage))),
        training_curves=tuple(_curves(done, arms, workspace)),
        comparisons=tuple(_comparisons(done, workspace)),
        ratings=tuple(
            rating
            for stage in done
            if stage.phase is Phase.SELECTION
            for rating in read_ratings(workspace, stage.fingerprint)
        ),
    )


def _of_arms(
    stages: Iterable[RecordedStage], read: Callable[[str], Iterable[Row]]
) -> tuple[OfArm[Row], ...]:
    return tuple(
        OfArm(arm=stage.arm, row=row) for stage in stages for row in read(stage.fingerprint)
    )


def _comparisons(stages: Iterable[RecordedStage], workspace: Workspace) -> Iterator[Speed]:
    found = (workspace.told(stage.fingerprint, FILE, read_speed) for stage in stages)
    return (each for each in found if each)


def arms_of(record: RunRecord) -> dict[str, tuple[str, ...]]:
    """Return fingerprint to every arm whose evaluations rest on the stage, itself included."""
    stages = {stage.fingerprint: stage for stage in record.stages}
    found: dict[str, dict[str, None]] = {name: {} for name in stages}
    for stage in record.stages:
        for name in _behind(stage, stages) if stage.arm else ():
            found[name][stage.arm] = None
    return {name: tuple(arms) for name, arms in found.items()}


def _behind(stage: RecordedStage, stages: Mapping[str, RecordedStage]) -> Iterator[str]:
    reached = [stage.fingerprint]
    while reached:
        name = reached.pop()
        yield name
        reached += stages[name].parents


def _gaps(record: RunRecord, there: set[str], workspace: Workspace) -> Iterator[Gap]:
    """Yield what the data lacks, and what failed, or rests on what failed, in the last run."""
    for gap in record.gaps:
        yield Gap(task=gap.target, language=gap.language, reason=gap.reason)
    stages = {stage.fingerprint: stage for stage in record.stages}
    faults = last_faults(workspace)
    for stage in record.stages:
        is_missing = stage.arm and stage.fingerprint not in there
        for name in _behind(stage, stages) if is_missing else ():
            if name in faults and name not in there:
                reason = f"Stage {name} failed ({stages[name].does}): {faults[name]}"
                yield Gap(task=stage.target, arm=stage.arm, reason=reason)


def _scores(stage: RecordedStage, workspace: Workspace) -> Iterator[ArmScore]:
    """Yield a target's test rows, and its model's English dev score under the target's name."""
    for row in workspace.scores(stage.fingerprint):
        yield ArmScore(arm=stage.arm, row=row)
    if stage.trained:
        for row in workspace.scores(stage.trained):
            if row.split == Split.DEV:
                yield ArmScore(arm=stage.arm, row=replace(row, task=stage.target))


def _references(stage: RecordedStage, workspace: Workspace) -> Iterator[ArmScore]:
    rows = workspace.scores(stage.fingerprint)
    return (ArmScore(arm=row.control, row=row) for row in rows if row.control)


def _packed(row: ExampleScoreRow) -> ExampleScoreRow:
    """Return a row whose millions of numbers, in a large study, take an eighth of the memory."""
    return replace(row, won=array("f", row.won), of=array("f", row.of))


def _line(
    stage: RecordedStage, marker: dict[str, Any] | None, arms: tuple[str, ...], workspace: Workspace
) -> StageLine:
    tokens = sum(row.real_tokens for row in workspace.timings(stage.fingerprint))
    if history := read_history(workspace, stage.fingerprint):
        tokens = history.num_tokens
    return StageLine(
        fingerprint=stage.fingerprint,
        what=stage.does,
        time_s=float(marker["time_s"]) if marker else None,
        num_tokens=tokens,
        phase=stage.phase,
        about=stage.about,
        parents=stage.parents,
        arms=arms,
    )


def _provenance(markers: list[dict[str, Any]]) -> dict[str, str]:
    merged: dict[str, dict[str, None]] = {}
    tasks: dict[str, dict[str, None]] = {}
    for marker in markers:
        made = marker["stage"]
        if "revision" in made:
            merged.setdefault("base encoder", {})[str(made["revision"])] = None
        rows = made.get("rows") or []
        for each in rows if isinstance(rows, list) else [rows]:
            if "revision" in each:
                tasks.setdefault(each["revision"], {})[each["task"]] = None
        for key, value in marker["provenance"].items():
            merged.setdefault(key, {})[str(value)] = None
    merged["data"] = {f"{revision} ({', '.join(of)})": None for revision, of in tasks.items()}
    if markers:
        times = [float(marker["began_unix_s"]) for marker in markers]
        merged["first stage began"] = {_utc(min(times)): None}
        merged["last stage began"] = {_utc(max(times)): None}
    return {key: ", ".join(values) for key, values in merged.items() if values}


def _utc(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%d %H:%M UTC")


NUM_POINTS = 40
"""As many as a small figure can show."""


def _curves(
    stages: Iterable[RecordedStage], arms: Mapping[str, tuple[str, ...]], workspace: Workspace
) -> Iterator[TrainingCurve]:
    for stage in stages:
        history = read_history(workspace, stage.fingerprint)
        for task in stage.about if history else ():
            assert history
            losses = [(step, loss) for step, of, loss in history.steps if of == task]
            yield TrainingCurve(
                arms=arms[stage.fingerprint],
                phase=stage.phase,
                task=task,
                seed=stage.seed,
                evaluations=tuple(
                    (step, by_task[task])
                    for step, by_task in history.evaluations
                    if task in by_task
                ),
                losses=tuple(averaged(losses)),
            )


def averaged(losses: Sequence[tuple[int, float]]) -> Iterator[tuple[int, float]]:
    """Yield the mean loss of up to `NUM_POINTS` stretches, at the last step of each."""
    edges = np.linspace(0, len(losses), min(NUM_POINTS, len(losses)) + 1).astype(int)
    for start, end in pairwise(edges):
        stretch = losses[start:end]
        yield stretch[-1][0], round(sum(loss for _, loss in stretch) / len(stretch), 4)
