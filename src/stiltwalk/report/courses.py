"""How training stages went, read from what they logged."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from stiltwalk.report.rows import Course
from stiltwalk.store import Workspace
from stiltwalk.store.record import RecordedStage

NUM_POINTS = 40
"""As many as a small figure can show."""


def courses(stage: RecordedStage, arms: tuple[str, ...], workspace: Workspace) -> Iterator[Course]:
    """Yield the course of every task that a stage trained; none for other stages."""
    looks = workspace.text(stage.fingerprint, "dev.json")
    if not looks:
        return
    log = [
        json.loads(line)
        for line in workspace.text(stage.fingerprint, "training.jsonl").splitlines()
    ]
    for task in stage.about:
        losses = [(each["step"], each["loss_nats"]) for each in log if each["task"] == task]
        yield Course(
            arms=arms,
            phase=stage.kind,
            task=task,
            seed=stage.seed,
            looks=tuple(
                (look["step"], look["by_task"][task])
                for look in json.loads(looks)["looks"]
                if task in look["by_task"]
            ),
            losses=tuple(averaged(losses)),
        )


def averaged(losses: Sequence[tuple[int, float]]) -> Iterator[tuple[int, float]]:
    """Yield the mean loss of up to `NUM_POINTS` stretches, at the last step of each."""
    edges = np.linspace(0, len(losses), min(NUM_POINTS, len(losses)) + 1).astype(int)
    for start, end in pairwise(edges):
        stretch = losses[start:end]
        yield stretch[-1][0], round(sum(loss for _, loss in stretch) / len(stretch), 4)
