"""Everything a report is made of. A report reads these values and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stiltwalk.config.recipe import Claim
from stiltwalk.measure.speed import Speed
from stiltwalk.records import ScoreRow, ShareRow, TimingRow
from stiltwalk.store.record import WalkedArm
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.available import known_languages
from stiltwalk.tasks.task import Dev


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
class ArmShares:
    """What the test examples of one language added to the score of an arm."""

    arm: str
    row: ShareRow


@dataclass(frozen=True, kw_only=True)
class StageLine:
    """One stage of the run: its fingerprint, what it does, in words, and what that took.

    `kind` is the class of stage ("FineTune"), `about` the tasks it trains on or answers,
    `parents` fingerprints, `arms` every arm that rests on it. `time_s` is None
    where it was not carried out; `num_tokens` counts the real tokens that went through the model,
    0 for a stage without one.
    """

    fingerprint: str
    what: str
    time_s: float | None
    num_tokens: int
    kind: str = ""
    about: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    arms: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Course:
    """How one training stage went on one task: its looks at English dev, and the loss.

    `looks` are (optimiser step, score as a fraction), `losses` (step, nats), averaged to what an
    eye can see. `arms` are all that rest on the stage, `phase` its class.
    """

    arms: tuple[str, ...]
    phase: str
    task: str
    seed: int
    looks: tuple[tuple[int, float], ...]
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
    walked: Mapping[str, WalkedArm] = field(default_factory=dict)
    dev: Dev = "held-out"
    remarks: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    shares: tuple[ArmShares, ...] = ()
    courses: tuple[Course, ...] = ()
    comparisons: tuple[Speed, ...] = ()
    max_train_rows: int | None = None

    def languages_of(self, task: str) -> tuple[str, ...]:
        """Return the languages that a target was to be tested in, in the target's order."""
        every = known_languages(TASKS[task], miniature=self.miniature)
        chosen = self.languages
        return every if chosen is None else tuple(code for code in every if code in chosen)
