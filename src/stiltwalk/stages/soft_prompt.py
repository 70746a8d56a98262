"""Find the words of each class in a frozen language model, and train vectors beside a cloze."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from importlib import import_module
from typing import Any

from stiltwalk.draws import Draws
from stiltwalk.recipe.schema import Recipe
from stiltwalk.recipe.types import PromptSettings
from stiltwalk.records import Phase
from stiltwalk.stages.context import Context
from stiltwalk.stages.cost import ModelShape, StageCost, Work, mean_tokens, training_cost
from stiltwalk.stages.rows import DrawnRows, StageRows
from stiltwalk.stages.stage import TrainingStage
from stiltwalk.store.workspace import Folder
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.clozes import Cloze


@dataclass(frozen=True, kw_only=True)
class Prompt(TrainingStage):
    """A cloze with its words, and vectors where it is trained.

    `unseen` are classes that are not learned. Without vectors nothing is drawn: `seed` is 0.
    """

    version = 2
    phase = Phase.PROMPT
    model_copies = 1

    rows: StageRows
    cloze: Cloze
    settings: PromptSettings
    unseen: tuple[str, ...]

    @property
    def title(self) -> str:
        return f"{self.settings.says} for {self.rows.task}{self.rows.few}{self.after}"

    @property
    def manner(self) -> str:
        """What stands in place of a head."""
        return f" with a {self.settings.says}{self.rows.few}"

    @property
    def clozes(self) -> tuple[Cloze, ...]:
        return (self.cloze,)

    @property
    def draws(self) -> Draws:
        return Draws(self.seed, "target", self.rows.task)

    @property
    def shown_settings(self) -> dict[str, Any]:
        return asdict(self.settings)

    def cost(self, recipe: Recipe, shape: ModelShape) -> StageCost:
        """Estimate the epochs over its examples; nothing without vectors."""
        known, settings = Work(0, 0, 0), self.settings
        if settings.is_trained and isinstance(self.rows, DrawnRows):
            num_classes = len(self.cloze.label_words) - len(self.unseen)
            rows = num_classes * self.rows.per_class * settings.num_epochs
            length = mean_tokens(TASKS[self.rows.task], "en", recipe) + settings.num_tokens
            known = Work(rows, round(rows * length), -(-rows // settings.effective_batch_size))
        return replace(training_cost(known, recipe, shape), disk_bytes=0)

    def run(self, context: Context, folder: Folder) -> None:
        """Find the words, train the vectors, and keep both; loads torch."""
        import_module("stiltwalk.stages.train_run").prompt(self, context, folder)
