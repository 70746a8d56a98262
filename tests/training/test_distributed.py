"""Tests for stiltwalk.training.distributed: less memory, compiled blocks, half precision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from test_loop import SETTINGS, Trainee
from transformers.modeling_layers import GradientCheckpointingLayer

from stiltwalk.errors import RecipeError
from stiltwalk.models.device import pick_device, require_device
from stiltwalk.recipe.schema import TrainSettings


def trained(folder: Path, settings: TrainSettings) -> tuple[dict[str, torch.Tensor], int]:
    """Return the weights, and how often a part of the first layer was computed with gradients."""
    trainee = Trainee(folder, settings=settings)
    calls = []
    block = next(
        module
        for module in trainee.models.modules()
        if isinstance(module, GradientCheckpointingLayer)
    )
    inner = next(module for module in block.modules() if isinstance(module, torch.nn.Linear))
    inner.register_forward_pre_hook(lambda *_: calls.append(torch.is_grad_enabled()))
    trainee.fit()
    return trainee.weights(), sum(calls)


def test_activations_that_are_computed_again_change_no_weight(family: Path) -> None:
    kept, once = trained(family, SETTINGS)
    again, twice = trained(family, replace(SETTINGS, gradient_checkpointing=True))
    assert twice > once
    for name, expected in kept.items():
        torch.testing.assert_close(again[name], expected, atol=1e-5, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # torch's compiler warns of itself
def test_compiled_blocks_learn_alike(tiny_xlmr: Path) -> None:
    still = Trainee(tiny_xlmr, settings=SETTINGS)
    compiled = Trainee(tiny_xlmr, settings=replace(SETTINGS, compile=True))
    for block in compiled.models.modules():
        if isinstance(block, torch.nn.Dropout):
            block.p = 0.0
    for block in still.models.modules():
        if isinstance(block, torch.nn.Dropout):
            block.p = 0.0
    losses = [[entry["loss_nats"] for entry in each.fit().log] for each in (still, compiled)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)


def test_half_precision_without_a_gpu_is_refused(believe: Callable[..., None]) -> None:
    believe("cpu bf16")
    require_device("bf16")
    with pytest.raises(RecipeError, match="'fp16', which needs a GPU"):
        require_device("fp16")


@pytest.mark.gpu
def test_half_precision_learns_and_goes_on_with_its_scale(tiny_xlmr: Path) -> None:
    if pick_device().type != "cuda":
        pytest.skip("needs a GPU")
    training = Trainee(tiny_xlmr, precision="fp16").fit()
    assert training.log[-1]["loss_nats"] < 10
