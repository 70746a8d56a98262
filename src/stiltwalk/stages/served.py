"""A model behind a server, taken as it is."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from stiltwalk.errors import ModelError
from stiltwalk.records import Phase
from stiltwalk.serving.client import Endpoint
from stiltwalk.stages.context import Context
from stiltwalk.stages.stage import Stage
from stiltwalk.store.workspace import Folder


@dataclass(frozen=True, kw_only=True)
class ServedBase(Stage):
    """A model by its server's address and its name there."""

    phase = Phase.BASE

    base_url: str
    model: str

    @property
    def title(self) -> str:
        return f"model {self.model} behind {self.base_url}"

    @property
    def endpoint(self) -> Endpoint:
        """What is asked."""
        return Endpoint(base_url=self.base_url, model=self.model)

    def model_folder(self, _context: Context) -> Path:
        """Say that there is none: what asks for it wants weights, which are elsewhere."""
        raise ModelError(
            f"{self.endpoint} is behind a server, so nothing of it is here: compare it by that "
            "name, and export its predictions alone."
        )

    def run(self, _context: Context, folder: Folder) -> None:
        """Find out what the server can do, before any row is asked; keep that."""
        from contextlib import closing

        from stiltwalk.serving.client import Client
        from stiltwalk.serving.probe import probe

        with closing(Client(self.endpoint)) as client:
            found = probe(client)
        document = {**asdict(found), "says": found.says}
        (folder.path / "abilities.json").write_text(json.dumps(document, indent=1), "utf-8")
