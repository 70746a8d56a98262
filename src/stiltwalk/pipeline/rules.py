"""What rules without a model answer."""
from __future__ import annotations

from stiltwalk.pipeline.context import Context
from stiltwalk.plan.stages import Rules
from stiltwalk.store import Folder


def evaluate(stage: Rules, context: Context, folder: Folder) -> None:
    """Pending."""
