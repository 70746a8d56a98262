"""The base model, taken from its folder."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from stiltwalk.records import Phase, TaskType
from stiltwalk.stages.context import Context
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
