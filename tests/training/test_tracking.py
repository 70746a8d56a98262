"""Tests for stiltwalk.training.tracking."""

from __future__ import annotations

from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from stiltwalk.errors import RecipeError
from stiltwalk.training.tracking import require_trackers, tracked


def test_tensorboard_gets_every_figure_and_a_second_run_is_appended(tmp_path: Path) -> None:
    for step in (1, 2):
        with tracked(["tensorboard"], tmp_path, "0123") as track:
            track("train", {"loss_nats": 0.5 / step, "task": "mnli", "gradient_norm": None}, step)
    shown = EventAccumulator(str(tmp_path / "0123"))
    shown.Reload()
    assert shown.Tags()["scalars"] == ["train/loss_nats"]
    assert [(each.step, each.value) for each in shown.Scalars("train/loss_nats")] == [
        (1, 0.5),
        (2, 0.25),
    ]


def test_no_tracker_writes_nothing(tmp_path: Path) -> None:
    with tracked([], tmp_path, "0123") as track:
        track("dev", {"mnli": 0.5}, 1)
    assert not list(tmp_path.iterdir())


def test_a_misspelt_tracker_is_named_with_the_nearest_one() -> None:
    with pytest.raises(RecipeError, match=r"'tensorbord', which .* Did you mean tensorboard"):
        require_trackers(["tensorbord"])


def test_a_tracker_that_is_not_installed_is_named() -> None:
    with pytest.raises(RecipeError, match="'wandb', which is not installed here"):
        require_trackers(["tensorboard", "wandb"])
