"""Everything a report is made of. A report reads these values and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stiltwalk.records import ScoreRow, TimingRow
from stiltwalk.tasks import TASKS


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
class StageLine:
    """One stage of the run: its fingerprint, what it did, in words, and what that took.

    `num_tokens` counts the real tokens that went through the model, 0 for a stage without one.
    """

    fingerprint: str
    what: str
    time_s: float
    num_tokens: int


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
    `languages` are those that the recipe chose, None for all that a target has.
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

    def languages_of(self, task: str) -> tuple[str, ...]:
        """Return the languages that a target was to be tested in, in the target's order."""
        every = TASKS[task].languages
        chosen = self.languages
        return every if chosen is None else tuple(code for code in every if code in chosen)
