"""What every stage is: a value that says what it depends on, what it costs and what it does.

A stage is its lineage: it holds its parents, so its fingerprint covers everything that its
result depends on. The rooms that plan, run, keep and show stages know this interface, and no
class that has it. Values only: nothing here opens a file or imports torch.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

from stiltwalk.draws import Draws
from stiltwalk.recipe.schema import Precision, Recipe
from stiltwalk.records import Phase, ScoreRow, Scores, Split
from stiltwalk.stages.context import MODEL, Context
from stiltwalk.stages.cost import ModelShape, StageCost
from stiltwalk.stages.rows import InputData, Learned, StageRows
from stiltwalk.store.manifest import RecordedStage
from stiltwalk.store.workspace import Folder, Workspace
from stiltwalk.tasks.clozes import Cloze


@dataclass(frozen=True, kw_only=True)
class Stage(ABC):
    """One step of a study. Its fields are its lineage: equal stages are one, done once."""

    version: ClassVar[int] = 1
    """Raised by hand when the code comes to compute something else from equal fields."""
    phase: ClassVar[Phase]
    """Where reports show it."""
    model_copies: ClassVar[int] = 0
    """What it holds in memory, in models of the base's size; without any it needs no GPU."""
    runs_alone: ClassVar[bool] = False
    """Whether nothing else may run on its node meanwhile."""
    follows_versions: ClassVar[bool] = False
    """Whether other versions of the libraries may compute other bits from equal fields."""

    @abstractmethod
    def run(self, context: Context, folder: Folder) -> None:
        """Do the work and write its results; whatever is heavy is imported here."""

    def wants_again(self, _store: Workspace) -> bool:
        """Tell whether what is kept of it was stopped by something that has passed."""
        return False

    @property
    @abstractmethod
    def title(self) -> str:
        """What it does, in a few words for people."""

    def cost(self, _recipe: Recipe, _shape: ModelShape) -> StageCost:
        """Estimate examples, tokens, time and disk; no data is opened. Nothing worth a word."""
        return StageCost()

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits that change if anything the result depends on changes."""
        return sha256(self.canonical.encode()).hexdigest()[:16]

    @property
    def canonical(self) -> str:
        """The stage with its whole lineage as JSON, the same text for equal stages."""
        return json.dumps(self._as_json, sort_keys=True)

    @cached_property
    def _as_json(self) -> dict[str, Any]:
        """Its fields, its class's name and version; that of its parents is made once for all."""
        return _fields_of(self) | {"stage": type(self).__name__, "version": self.version}

    @property
    def parents(self) -> tuple[Stage, ...]:
        """The stages whose results this one reads."""
        return tuple(each for each in self._values if isinstance(each, Stage))

    @property
    def reads(self) -> tuple[InputData, ...]:
        """What it reads besides its parents."""
        return tuple(each for each in self._values if isinstance(each, InputData))

    @property
    def tasks(self) -> tuple[str, ...]:
        """What tells it from others of its class: the tasks that it trains on or answers."""
        return tuple(rows.task for rows in self.reads if isinstance(rows, StageRows))

    @property
    def intermediate_tasks(self) -> tuple[str, ...]:
        """The intermediate tasks that its lineage trained on, none for the baseline."""
        return tuple(task for parent in self.parents for task in parent.intermediate_tasks)

    @property
    def trained_seed(self) -> int:
        """The seed that its lineage's training was given, 0 where nothing was trained."""
        return max((parent.trained_seed for parent in self.parents), default=0)

    @property
    def base_revision(self) -> str:
        """The revision of the base encoder that it rests on, "" where that is made here."""
        return next(filter(None, (parent.base_revision for parent in self.parents)), "")

    @property
    def learned(self) -> Learned | None:
        """The English rows that its head was trained on, None where it has none."""
        return None

    @property
    def clozes(self) -> tuple[Cloze, ...]:
        """The clozes whose words the base encoder's vocabulary must be able to spell."""
        return ()

    @property
    def shown_settings(self) -> dict[str, Any]:
        """How it learns, presets filled in, for the plan; nothing where it does not."""
        return {}

    @property
    def after(self) -> str:
        """What titles of stages that rest on it say of intermediate training."""
        return "".join(parent.after for parent in self.parents)

    @property
    def manner(self) -> str:
        """What titles of predictions say of it, besides."""
        return ""

    def recorded(self, arm: str) -> RecordedStage:
        """Return what a run's record says of it as a part of an arm."""
        return RecordedStage(
            fingerprint=self.fingerprint,
            does=self.title,
            arm=arm,
            seed=self.trained_seed,
            phase=self.phase,
            about=self.tasks,
            parents=tuple(parent.fingerprint for parent in self.parents),
        )

    def score_rows(
        self, scores: Scores, task: str, language: str, num_examples: int
    ) -> list[ScoreRow]:
        """Return figures on a task's test rows as rows of results."""
        return [
            ScoreRow(
                stage=self.fingerprint,
                intermediate=self.intermediate_tasks,
                task=task,
                language=language,
                split=Split.TEST,
                metric=metric,
                value=value,
                seed=self.trained_seed,
                num_examples=num_examples,
            )
            for metric, value in scores.items()
        ]

    def model_folder(self, context: Context) -> Path:
        """Return its model's Hugging Face folder, once it is done, with the files verified."""
        return context.workspace.verified(self) / MODEL

    @cached_property
    def _values(self) -> tuple[object, ...]:
        values = (getattr(self, each.name) for each in fields(self))
        return tuple(
            inner for value in values for inner in (value if isinstance(value, tuple) else (value,))
        )


@dataclass(frozen=True, kw_only=True)
class Numerics:
    """What else decides the bits of a training stage."""

    precision: Precision
    num_threads: int


@dataclass(frozen=True, kw_only=True)
class TrainingStage(Stage):
    """A stage that trains what stands on its parent."""

    model_copies = 4  # weights, their gradients and AdamW's two moments
    follows_versions = True

    parent: Stage
    numerics: Numerics
    seed: int

    @property
    @abstractmethod
    def draws(self) -> Draws:
        """Where its random draws come from."""

    @property
    def trained_seed(self) -> int:
        """Its seed, where it has one."""
        return self.seed or super().trained_seed


def languages_in_words(number: int) -> str:
    """Return how many languages those are."""
    return "1 language" if number == 1 else f"{number} languages"


def _plain(value: Any) -> Any:  # noqa: ANN401 - any field of a stage
    if isinstance(value, Stage):
        return value._as_json
    if is_dataclass(value):
        return _fields_of(value)
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _fields_of(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any dataclass
    found = ((each, getattr(value, each.name)) for each in fields(value) if each.compare)
    return {
        each.name: _plain(inner) for each, inner in found if inner or "later" not in each.metadata
    }
