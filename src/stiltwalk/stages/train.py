"""Train on English tasks: an intermediate encoder, or a head for a target task on top of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from importlib import import_module
from typing import Any

from stiltwalk.data.by_language import tokens_of_line
from stiltwalk.draws import Draws
from stiltwalk.recipe.schema import LoRA, Mixing, Recipe, TrainSettings
from stiltwalk.recipe.types import LATER
from stiltwalk.records import Phase
from stiltwalk.stages.context import Context
from stiltwalk.stages.cost import ModelShape, StageCost, Work, training_cost, work
from stiltwalk.stages.rows import Asking, Learned, StageRows, Text, TranslatedRows
from stiltwalk.stages.stage import TrainingStage, languages_in_words
from stiltwalk.store.workspace import Folder

_RUN = "stiltwalk.stages.train_run"
"""Loads torch, so it is imported when a stage runs."""


@dataclass(frozen=True, kw_only=True)
class Intermediate(TrainingStage):
    """Train an encoder on English tasks, together; keeps the encoder, drops the heads.

    Beside the English rows there can be translations of them, and text. A decoder, asked in text,
    keeps its one head; `asking` has an entry per task then, here and below None for encoders.
    """

    version = 4
    phase = Phase.INTERMEDIATE

    rows: tuple[StageRows, ...]
    settings: TrainSettings
    mixing: Mixing
    translated: tuple[TranslatedRows, ...] = ()
    text: Text | None = None
    lora: LoRA | None = None
    asking: tuple[Asking, ...] = field(default=(), metadata=LATER)

    @property
    def title(self) -> str:
        return f"train on {' + '.join(self.tasks)}{self._alongside}{self.manner}"

    @property
    def after(self) -> str:
        """What it trained on, briefly."""
        named = self.tasks[0] if len(self.tasks) == 1 else f"{len(self.tasks)} tasks"
        return f" after {named}{self._alongside}"

    @property
    def manner(self) -> str:
        """Adapters, where those alone are trained."""
        return f" with {self.lora.says}" if self.lora else ""

    @property
    def _alongside(self) -> str:
        """What is trained on alongside the English rows."""
        languages = {code for rows in self.translated for code in rows.languages}
        said = f" translated into {languages_in_words(len(languages))}" if languages else ""
        mlm = f" with MLM in {languages_in_words(len(self.text.languages))}" if self.text else ""
        return said + mlm

    @property
    def intermediate_tasks(self) -> tuple[str, ...]:
        return self.tasks

    @property
    def draws(self) -> Draws:
        return Draws(self.seed, "intermediate", "+".join(self.tasks))

    @property
    def shown_settings(self) -> dict[str, Any]:
        """How it learns, and how its tasks are mixed."""
        return {**asdict(self.settings), **asdict(self.mixing)}

    def cost(self, recipe: Recipe, shape: ModelShape) -> StageCost:
        """Estimate its epochs; translated rows are taken to be as long as English ones."""
        known = work(self.rows, self.settings, recipe)
        if self.text is None:
            return training_cost(known, recipe, shape)
        weight, longest = self.text.settings.weight, self.text.settings.max_length_tokens
        num_steps = round(known.num_steps * weight / (1 - weight))
        num_lines = num_steps * self.settings.effective_batch_size
        tokens = min(tokens_of_line(self.text.where), longest)
        more = Work(
            known.num_examples + num_lines,
            known.num_tokens + round(num_lines * tokens),
            known.num_steps + num_steps,
        )
        return training_cost(more, recipe, shape)

    def run(self, context: Context, folder: Folder) -> None:
        """Train the parent's encoder; keep it, and the heads beside it."""
        import_module(_RUN).intermediate(self, context, folder)


@dataclass(frozen=True, kw_only=True)
class FineTune(TrainingStage):
    """Put a head on an encoder and train both on one task's English rows.

    The head is fresh, or starts as the trained one of the intermediate task `head_of`.
    """

    version = 4
    phase = Phase.TARGET

    rows: StageRows
    settings: TrainSettings
    lora: LoRA | None = None
    asking: Asking | None = field(default=None, metadata=LATER)
    head_of: str = field(default="", metadata=LATER)

    @property
    def title(self) -> str:
        return f"fine-tune on {self.rows.task}{self.rows.few}{self.after}{self.manner}"

    @property
    def manner(self) -> str:
        """Adapters, and a head that is not fresh."""
        lora = f" with {self.lora.says}" if self.lora else ""
        return lora + (f", beginning with the head of {self.head_of}" if self.head_of else "")

    @property
    def learned(self) -> Learned:
        """What its head was trained on."""
        return Learned(self.rows, self.settings.max_rows)

    @property
    def draws(self) -> Draws:
        return Draws(self.seed, "target", self.rows.task)

    @property
    def shown_settings(self) -> dict[str, Any]:
        return asdict(self.settings)

    def cost(self, recipe: Recipe, shape: ModelShape) -> StageCost:
        return training_cost(work((self.rows,), self.settings, recipe), recipe, shape)

    def run(self, context: Context, folder: Folder) -> None:
        """Train a head and the parent's encoder; keep the whole model."""
        import_module(_RUN).fine_tune(self, context, folder)
