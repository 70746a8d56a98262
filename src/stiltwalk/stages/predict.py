"""Answer one task's test rows in its languages with one checkpoint, and score the answers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from importlib import import_module

from stiltwalk.draws import Draws
from stiltwalk.recipe.schema import PrecisionOrAuto, Recipe
from stiltwalk.recipe.types import LATER, EngineSettings, Pooling, RetrievalSettings
from stiltwalk.records import Phase
from stiltwalk.stages.context import Context
from stiltwalk.stages.cost import ModelShape, StageCost, asked_cost, asked_of_server
from stiltwalk.stages.rows import Asking, StageRows
from stiltwalk.stages.stage import Stage, languages_in_words
from stiltwalk.store.manifest import RecordedStage
from stiltwalk.store.workspace import Folder
from stiltwalk.tasks import TASKS

FORMAT = "precision.json"
"""Tells the number format, and the engine, that an evaluation computed in."""


@dataclass(frozen=True, kw_only=True)
class Predict(Stage):
    """An evaluation of its parent's model.

    `relative_depth`, `prefix` and `pooling` say how retrieval makes its vectors,
    `bucc_duplicates` what mining does with repeated sentences; None for other tasks, as `backend`
    is for transformers and `engine` for torch in that precision. `precision` "auto" is decided by
    the parent's dev rows. `shuffled_seed` shuffles foreign embeddings.
    """

    version = 2
    phase = Phase.EVALUATION
    model_copies = 1
    follows_versions = True

    parent: Stage
    rows: StageRows
    languages: tuple[str, ...]
    max_rows: int | None
    max_length_tokens: int
    precision: PrecisionOrAuto
    relative_depth: float | None = None
    bucc_duplicates: str | None = None
    shuffled_seed: int | None = None
    asking: Asking | None = field(default=None, metadata=LATER)
    backend: str | None = field(default=None, metadata=LATER)
    prefix: str | None = field(default=None, metadata=LATER)
    pooling: Pooling | None = field(default=None, metadata=LATER)
    engine: EngineSettings | None = field(default=None, metadata=LATER)

    @property
    def title(self) -> str:
        asked = f"predict {self.rows.task} in {languages_in_words(len(self.languages))}"
        control = ", embeddings shuffled" if self.shuffled_seed is not None else ""
        means = self.backend or (self.engine and self.engine.says)
        through = f", through {means}" if means else ""
        return f"{asked}{self.after}{self.parent.manner}{control}{through}"

    @property
    def shuffle(self) -> int | None:
        """What permutes the embeddings of the control; None for a model as it is."""
        if self.shuffled_seed is None:
            return None
        return Draws(self.shuffled_seed, "evaluation", self.rows.task).number("shuffled embeddings")

    @property
    def retrieval(self) -> RetrievalSettings:
        """How lines become vectors."""
        return RetrievalSettings(
            prefix=self.prefix or "",
            pooling=self.pooling or "mean",
            relative_depth=self.relative_depth or RetrievalSettings.relative_depth,
        )

    def recorded(self, arm: str) -> RecordedStage:
        """Return what a run's record says of it, with what it evaluates."""
        is_trained = self.parent.phase in (Phase.TARGET, Phase.PROMPT)
        return replace(
            super().recorded(arm),
            target=self.rows.task,
            languages=self.languages,
            trained=self.parent.fingerprint if is_trained else "",
        )

    def cost(self, recipe: Recipe, shape: ModelShape) -> StageCost:
        """Estimate one forward pass over every language's test rows; mining reads dev rows too."""
        task = TASKS[self.rows.task]
        share = self.relative_depth or 1.0
        cost = asked_cost(task, self.languages, self.max_rows, share, recipe, shape)
        if recipe.model.backend == "endpoint":
            asked = asked_of_server(task, self.languages, self.max_rows, recipe)
            return replace(cost, to_ask=asked)
        return cost

    def run(self, context: Context, folder: Folder) -> None:
        """Write answers, scores and times of every language; loads torch."""
        import_module("stiltwalk.stages.predict_run").evaluate(self, context, folder)
