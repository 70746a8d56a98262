"""Where every random draw comes from: a number named by what it is for, through a hash.

Draws with different names have nothing in common. Added numbers would: task 2 of seed 1 would get
what task 1 of seed 2 gets, and a head what another head of the same seed gets.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Literal

Phase = Literal["intermediate", "target", "evaluation", "measurement", "report"]
Purpose = Literal[
    "adapters",  # first values of LoRA's matrices
    "dropout",  # and what masked language modelling hides
    "head",
    "lacking weights",  # what a checkpoint does not hold, such as a pooler
    "order",  # of the rows
    "requests",  # that are timed, and which model goes first
    "resampling",
    "rows",  # that are learned, of many
    "shuffled embeddings",
    "solved rows",  # before a decoder's question
    "soft prompt",
]


@dataclass(frozen=True, slots=True)
class Draws:
    """What the draws of one stage, or of one task in it, have in common.

    Args:
        seed: of the recipe.
        phase: what is done.
        task: with which task, several joined by +.
    """

    seed: int
    phase: Phase
    task: str

    def of(self, task: str) -> Draws:
        """Return the draws of one of several tasks."""
        return replace(self, task=task)

    def number(self, purpose: Purpose, *place: int | str) -> int:
        """Return 63 random bits, the same for the same name.

        Args:
            purpose: what is drawn.
            place: which of several draws for that purpose, such as an epoch.
        """
        name = json.dumps([self.seed, self.phase, self.task, purpose, *place])
        return int.from_bytes(sha256(name.encode()).digest()[:8], "big") >> 1
