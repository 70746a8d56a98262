"""What every stage is handed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stiltwalk.data.source import DataSource
from stiltwalk.store.workspace import Workspace

MODEL = "model"
"""The Hugging Face folder inside a checkpoint stage's folder."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """Locations and the outside world; nothing in here may change a result.

    Args:
        workspace: where stages are kept.
        data: where rows come from.
        base_folder: the base model's files, None for a stage that rests on none.
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

    def counter(self, num_rows: int) -> Callable[[int], None]:
        """Return a tick that adds up rows and tells `progress`."""
        done = 0

        def tick(more: int) -> None:
            nonlocal done
            done += more
            self.progress(done, num_rows)

        return tick
