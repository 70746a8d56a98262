"""Tests for retrieval's early exit: blocks that are not read are left out, where that is safe."""

from __future__ import annotations

from pathlib import Path

import pytest

from stiltwalk.models import device
from stiltwalk.stages.predict_run import cut_encoder


def test_only_a_family_that_can_be_cut_is_cut_and_another_says_so_once(
    family: Path, caplog: pytest.LogCaptureFixture
) -> None:
    device.say_once.cache_clear()
    for _ in range(2):
        model, block = cut_encoder(family, 0.5)
        assert block == 1
    is_whole = family.name == "modernbert"
    assert model.config.num_hidden_layers == (2 if is_whole else 1)
    said = [record.getMessage() for record in caplog.records]
    assert said == is_whole * [
        "An encoder of the family modernbert cannot be cut short: retrieval runs all of its "
        "blocks, not only those that are read."
    ]
