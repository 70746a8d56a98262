"""Which of several processes this one is, as `accelerate launch` and `torchrun` tell it."""

from __future__ import annotations

import os


def num_processes() -> int:
    """Return how many processes carry out this run together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def leads() -> bool:
    """Tell whether this process runs the plan and writes; the others help it to train."""
    return int(os.environ.get("RANK", "0")) == 0
