"""What every step is handed besides its stage: where things are, never what they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, assert_never

from stiltwalk.data.source import DataSource
from stiltwalk.plan.stages import Base, Checkpoint, FineTune, Intermediate, Pretrain, Prompt
from stiltwalk.store import Workspace

MODEL = "model"
"""The Hugging Face folder inside a checkpoint stage's folder."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """Locations and the outside world; nothing in here may change a result.

    Args:
        workspace: where stages are kept.
        data: where rows come from.
        base_folder: the base encoder's files, None where the recipe pretrains one.
        num_threads: CPU threads of prediction; like a batch's size, it changes last bits only.
        resume_every_s: how often a training stage keeps where it is.
        trackers: Accelerate's names of where training is shown.
        provenance: kept with every stage: versions, machine.
        progress: told (done, in all) inside a long stage.
    """

    workspace: Workspace
    data: DataSource
    base_folder: Path | None
    num_threads: int
    resume_every_s: float
    trackers: tuple[str, ...]
    provenance: Mapping[str, Any]
    progress: Callable[[int, int], None]

    def model_folder(self, stage: Checkpoint) -> Path:
        """Return a finished checkpoint's Hugging Face folder, its files verified."""
        match stage:
            case Base():
                assert self.base_folder is not None
                return self.base_folder
            case Pretrain() | Intermediate() | FineTune() | Prompt():
                return self.workspace.verified(stage) / MODEL
            case _:
                assert_never(stage)
