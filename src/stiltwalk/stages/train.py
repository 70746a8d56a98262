"""Train on English tasks: an encoder before the target task, or a model for the target task."""

from __future__ import annotations

import json
from collections.abc import Mapping
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
from stiltwalk.store.workspace import Folder, Workspace

DEV, LOG = "dev.json", "training.jsonl"


@dataclass(frozen=True, kw_only=True)
class TrainingHistory:
    """How a training stage went.

    Args:
        num_tokens: that it was trained on.
        evaluations: (step, task to its dev score, a fraction), in order.
        steps: (step, task, loss in nats), in order.
    """

    num_tokens: int
    evaluations: tuple[tuple[int, Mapping[str, float]], ...]
    steps: tuple[tuple[int, str, float], ...]


def read_history(store: Workspace, stage: str) -> TrainingHistory | None:
    """Return what such a stage kept of its training, None where it is another one, or not done."""

    def read_log(text: str) -> tuple[tuple[int, str, float], ...]:
        rows = map(json.loads, text.splitlines())
        return tuple((row["step"], row["task"], row["loss_nats"]) for row in rows)

    def read_dev(text: str) -> TrainingHistory:
        kept = json.loads(text)
        return TrainingHistory(
            num_tokens=int(kept["num_tokens"]),
            evaluations=tuple((each["step"], each["by_task"]) for each in kept["evaluations"]),
            steps=store.told(stage, LOG, read_log) or (),
        )

    return store.told(stage, DEV, read_dev)


@dataclass(frozen=True, kw_only=True)
class Train(TrainingStage):
    """Train a head per task on the parent's encoder, all of it together.

    The intermediate phase keeps the encoder, and the heads beside it; besides the English rows
    there can be translations of them, and text. The target phase has one task and keeps the whole
    model; its head is fresh, or starts as the trained one of `head_of`: an intermediate task, or
    what the same target trained on before.
    A decoder, asked in text, keeps its one head; `asking` has an entry per task then.
    """

    version = 5

    phase: Phase  # type: ignore[misc] # of other stages it is the class's
    rows: tuple[StageRows, ...]
    settings: TrainSettings
    mixing: Mixing = field(default_factory=Mixing)
    translated: tuple[TranslatedRows, ...] = ()
    text: Text | None = None
    lora: LoRA | None = None
    asking: tuple[Asking, ...] = field(default=(), metadata=LATER)
    head_of: str = field(default="", metadata=LATER)

    @property
    def is_target(self) -> bool:
        """Whether it trains what answers a target task."""
        return self.phase is Phase.TARGET

    @property
    def goes_on(self) -> bool:
        """Whether its parent trained the same target, on other rows, and is a whole model."""
        return self.is_target and self.parent.phase is Phase.TARGET

    @property
    def title(self) -> str:
        if self.is_target:
            (rows,) = self.rows
            return f"fine-tune on {rows.task}{rows.few}{self.after}{self.manner}"
        return f"train on {' + '.join(self.tasks)}{self._alongside}{self.manner}"

    @property
    def after(self) -> str:
        """What it trained on before the target task, briefly."""
        if self.is_target:
            return super().after
        named = self.tasks[0] if len(self.tasks) == 1 else f"{len(self.tasks)} tasks"
        return f" after {named}{self._alongside}"

    @property
    def manner(self) -> str:
        """Adapters, where those alone are trained, and a head that is not fresh."""
        lora = f" with {self.lora.says}" if self.lora else ""
        return lora + (f", beginning with the head of {self.head_of}" if self.head_of else "")

    @property
    def _alongside(self) -> str:
        languages = {code for rows in self.translated for code in rows.languages}
        said = f" translated into {languages_in_words(len(languages))}" if languages else ""
        mlm = f" with MLM in {languages_in_words(len(self.text.languages))}" if self.text else ""
        return said + mlm

    @property
    def intermediate_tasks(self) -> tuple[str, ...]:
        return super().intermediate_tasks if self.is_target else self.tasks

    @property
    def learned(self) -> Learned | None:
        """What the head of a target was trained on."""
        return Learned(self.rows[0], self.settings.max_rows) if self.is_target else None

    @property
    def draws(self) -> Draws:
        return Draws(
            self.seed, "target" if self.is_target else "intermediate", "+".join(self.tasks)
        )

    @property
    def shown_settings(self) -> dict[str, Any]:
        """How it learns, and how its tasks are mixed."""
        mixing = {} if self.is_target else asdict(self.mixing)
        return {**asdict(self.settings), **mixing}

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
        """Train the parent's model; keep its best weights on English dev. Loads torch."""
        import_module("stiltwalk.stages.train_run").train(self, context, folder)
