"""Where stages keep what they made: one folder each, complete once its marker is there."""

from stiltwalk.store.folder import Folder
from stiltwalk.store.places import workspace_at
from stiltwalk.store.workspace import Workspace

__all__ = ["Folder", "Workspace", "workspace_at"]
