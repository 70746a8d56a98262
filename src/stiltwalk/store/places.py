"""A workspace by where it is: a folder, or a URL that all nodes of a cluster see."""

from __future__ import annotations

from pathlib import Path

from stiltwalk.store.remote import RemoteWorkspace
from stiltwalk.store.workspace import Workspace

_FOLDER = "file://"


def workspace_at(place: str | Path) -> Workspace:
    """Return the workspace in a folder, or at a URL that fsspec knows, such as `s3://…`."""
    name = str(place).removeprefix(_FOLDER)
    if "://" in name:
        return RemoteWorkspace(name)
    return Workspace(Path(name))
