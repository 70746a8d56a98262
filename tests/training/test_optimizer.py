"""Tests for stiltwalk.training.loop."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from test_loop import SETTINGS, Trainee

from stiltwalk.training.loop import adamw


def test_matrices_are_decayed_and_norms_and_biases_are_not(family: Path) -> None:
    trainee = Trainee(family)
    optimizer = adamw(trainee.models, SETTINGS)
    decay = {id(p): g["weight_decay"] for g in optimizer.param_groups for p in g["params"]}
    named = dict(trainee.models.named_parameters())
    assert len(decay) == len(named)
    for name, parameter in named.items():
        spared = name.endswith("bias") or "norm" in name.lower()
        assert decay[id(parameter)] == (0.0 if spared else SETTINGS.weight_decay), name


def test_the_optimiser_is_adamw_as_the_recipe_says(tiny_xlmr: Path) -> None:
    trainee = Trainee(tiny_xlmr, settings=replace(SETTINGS, adam_epsilon=1e-7))
    optimizer = adamw(trainee.models, trainee.settings)
    assert isinstance(optimizer, torch.optim.AdamW)
    assert {group["eps"] for group in optimizer.param_groups} == {1e-7}
    assert {group["betas"] for group in optimizer.param_groups} == {(0.9, 0.999)}
