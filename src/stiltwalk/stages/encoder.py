"""The base encoder: taken from its folder, or made as the recipe says."""

from __future__ import annotations

import json

import torch

from stiltwalk.mini_base.decoder import pretrain_decoder
from stiltwalk.mini_base.encoder import pretrain as pretrain_encoder
from stiltwalk.models import checkpoint
from stiltwalk.recipe.types import SmallDecoder
from stiltwalk.records import TaskType
from stiltwalk.stages.context import MODEL, Context
from stiltwalk.stages.stage import Base, Pretrain
from stiltwalk.store.workspace import Folder


def base(stage: Base, context: Context, folder: Folder) -> None:
    """Check that the base encoder can be loaded; keep what it is, not a copy of it."""
    model = checkpoint.load(TaskType.RETRIEVAL, context.model_folder(stage))
    facts = {
        "name": stage.name,
        "revision": stage.revision,
        "model_type": model.config.model_type,
        "num_parameters": sum(p.numel() for p in model.parameters()),
    }
    (folder.path / "base.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")


def pretrain(stage: Pretrain, context: Context, folder: Folder) -> None:
    """Make the miniature's base encoder, or its decoder."""
    torch.set_num_threads(stage.num_threads)
    where = folder.path / MODEL
    if isinstance(stage.settings, SmallDecoder):
        pretrain_decoder(stage.settings, stage.seed, where, context.progress)
    else:
        pretrain_encoder(stage.settings, stage.seed, where, context.progress)
