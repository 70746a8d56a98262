"""Where stages keep what they made: one folder each, complete once its marker is there."""

from stiltwalk.store.workspace import Folder, Workspace

__all__ = ["Folder", "Workspace"]
