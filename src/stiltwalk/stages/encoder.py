"""The base encoder: taken from its folder, or made as the recipe says."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from stiltwalk.recipe.schema import Recipe
from stiltwalk.recipe.types import PretrainSettings, SmallDecoder
from stiltwalk.records import Phase, TaskType
from stiltwalk.stages.context import MODEL, Context
from stiltwalk.stages.cost import ModelShape, StageCost, Work, training_cost
from stiltwalk.stages.stage import Stage
from stiltwalk.store.workspace import Folder


@dataclass(frozen=True, kw_only=True)
class Base(Stage):
    """A published or local encoder, pinned to a commit or a checksum; the name is for people."""

    phase = Phase.BASE

    name: str = field(compare=False)
    revision: str

    @property
    def title(self) -> str:
        return f"base encoder {self.name}"

    @property
    def base_revision(self) -> str:
        return self.revision

    def model_folder(self, context: Context) -> Path:
        """Return the folder it is in, which is not the workspace's."""
        assert context.base_folder is not None
        return context.base_folder

    def run(self, context: Context, folder: Folder) -> None:
        """Check that it can be loaded; keep what it is, not a copy of it."""
        from stiltwalk.models import checkpoint

        model = checkpoint.load(TaskType.RETRIEVAL, self.model_folder(context))
        facts = {
            "name": self.name,
            "revision": self.revision,
            "model_type": model.config.model_type,
            "num_parameters": sum(p.numel() for p in model.parameters()),
        }
        (folder.path / "base.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")


@dataclass(frozen=True, kw_only=True)
class Pretrain(Stage):
    """Make the miniature's encoder, or its decoder, from nothing."""

    phase = Phase.BASE
    model_copies = 4
    follows_versions = True

    settings: PretrainSettings | SmallDecoder
    data: str
    seed: int
    num_threads: int

    @property
    def title(self) -> str:
        what = "a decoder" if isinstance(self.settings, SmallDecoder) else "an encoder"
        return f"pretrain {what} for {self.settings.steps:,} steps"

    @property
    def shown_settings(self) -> dict[str, Any]:
        return asdict(self.settings)

    def cost(self, recipe: Recipe, shape: ModelShape) -> StageCost:
        """Estimate its steps, whose texts are a quarter as long as the longest."""
        num_examples = self.settings.steps * self.settings.batch_size
        tokens = num_examples * self.settings.max_tokens // 4
        return training_cost(Work(num_examples, tokens, self.settings.steps), recipe, shape)

    def run(self, context: Context, folder: Folder) -> None:
        """Make it."""
        import torch

        from stiltwalk.mini_base.decoder import pretrain_decoder
        from stiltwalk.mini_base.encoder import pretrain

        torch.set_num_threads(self.num_threads)
        where = folder.path / MODEL
        if isinstance(self.settings, SmallDecoder):
            pretrain_decoder(self.settings, self.seed, where, context.progress)
        else:
            pretrain(self.settings, self.seed, where, context.progress)
