"""Everything a report is made of. A report reads these values and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from stiltwalk.data.source import MINI
from stiltwalk.recipe.schema import Claim
from stiltwalk.records import ExampleScoreRow, Phase, ScoreRow, Split, TimingRow
from stiltwalk.store.manifest import RecordedArm, RecordedStage
from stiltwalk.store.workspace import Workspace
from stiltwalk.tables.table import visible
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.sources import known_languages
from stiltwalk.tasks.task import Dev
from stiltwalk.timing.record import Speed


@dataclass(frozen=True, kw_only=True)
class ArmScore:
    """A score row, and the arm (or the baseline) that it belongs to."""

    arm: str
    row: ScoreRow


@dataclass(frozen=True, kw_only=True)
class ArmTiming:
    """A timing row, and the arm that it belongs to."""

    arm: str
    row: TimingRow


@dataclass(frozen=True, kw_only=True)
class ArmExampleScores:
    """What the test examples of one language added to the score of an arm."""

    arm: str
    row: ExampleScoreRow


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
    base encoder as the recipe names it, "" where the run made its own. `walked` tells what the
    arms are made of, `dev` on what targets were chosen (`[target] dev`), `remarks` sentences about
    what made the stages, `claims` what the recipe asks to be judged, `comparisons` are paired
    ones of speed. `max_train_rows` is the least number that any task's training rows are limited
    to.
    """

    title: str
    recipe: str
    miniature: bool
    limited: str
    arms: tuple[str, ...]
    targets: tuple[str, ...]
    rows: tuple[ArmScore, ...]
    timings: tuple[ArmTiming, ...]
    baselines: tuple[ArmScore, ...]
    stages: tuple[StageLine, ...]
    provenance: Mapping[str, str]
    gaps: tuple[Gap, ...] = field(default=())
    languages: tuple[str, ...] | None = None
    model: str = ""
    walked: Mapping[str, RecordedArm] = field(default_factory=dict)
    dev: Dev = "held-out"
    remarks: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    shares: tuple[ArmExampleScores, ...] = ()
    training_curves: tuple[TrainingCurve, ...] = ()
    comparisons: tuple[Speed, ...] = ()
    max_train_rows: int | None = None

    def languages_of(self, task: str) -> tuple[str, ...]:
        """Return the languages that a target was to be tested in, in the target's order."""
        every = known_languages(TASKS[task], miniature=self.miniature)
        chosen = self.languages
        return every if chosen is None else tuple(code for code in every if code in chosen)


NUM_POINTS = 40
"""As many as a small figure can show."""


def training_curves(
    stage: RecordedStage, arms: tuple[str, ...], workspace: Workspace
) -> Iterator[TrainingCurve]:
    """Yield the course of every task that a stage trained; none for other stages."""
    evaluations = workspace.text(stage.fingerprint, "dev.json")
    if not evaluations:
        return
    log = [
        json.loads(line)
        for line in workspace.text(stage.fingerprint, "training.jsonl").splitlines()
    ]
    for task in stage.about:
        losses = [(each["step"], each["loss_nats"]) for each in log if each["task"] == task]
        yield TrainingCurve(
            arms=arms,
            phase=stage.phase,
            task=task,
            seed=stage.seed,
            evaluations=tuple(
                (evaluation["step"], evaluation["by_task"][task])
                for evaluation in json.loads(evaluations)["looks"]
                if task in evaluation["by_task"]
            ),
            losses=tuple(averaged(losses)),
        )


def averaged(losses: Sequence[tuple[int, float]]) -> Iterator[tuple[int, float]]:
    """Yield the mean loss of up to `NUM_POINTS` stretches, at the last step of each."""
    edges = np.linspace(0, len(losses), min(NUM_POINTS, len(losses)) + 1).astype(int)
    for start, end in pairwise(edges):
        stretch = losses[start:end]
        yield stretch[-1][0], round(sum(loss for _, loss in stretch) / len(stretch), 4)


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
        baselines=(),
        stages=(),
        provenance=speed.made_by,
        languages=tuple(sorted({each.language for each in speed.quality})),
        comparisons=(speed,),
    )


def with_visible_names(run: RunRows) -> RunRows:
    """Return the rows with arms whose names can be drawn."""
    names = {arm: visible(arm) for arm in (*run.arms, *(each.arm for each in run.baselines))}
    if all(shown == name for name, shown in names.items()):
        return run
    return replace(
        run,
        arms=tuple(names[arm] for arm in run.arms),
        rows=tuple(replace(each, arm=names.get(each.arm, each.arm)) for each in run.rows),
        timings=tuple(replace(each, arm=names.get(each.arm, each.arm)) for each in run.timings),
        baselines=tuple(replace(each, arm=names[each.arm]) for each in run.baselines),
        shares=tuple(replace(each, arm=names.get(each.arm, each.arm)) for each in run.shares),
        stages=tuple(replace(each, arms=_renamed(each.arms, names)) for each in run.stages),
        training_curves=tuple(
            replace(each, arms=_renamed(each.arms, names)) for each in run.training_curves
        ),
        walked={names.get(arm, arm): made for arm, made in run.walked.items()},
    )


def _renamed(arms: tuple[str, ...], names: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(names.get(arm, arm) for arm in arms)
