"""How training is spread over processes, and what it saves of memory and time."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta

import numpy as np
import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.state import AcceleratorState, PartialState
from accelerate.utils import DistributedType
from numpy.typing import NDArray
from torch import nn
from torch.distributed.fsdp import FSDPModule

from stiltwalk.errors import RecipeError
from stiltwalk.models.checkpoint import Model
from stiltwalk.models.device import pick_device
from stiltwalk.recipe.schema import Precision, TrainSettings

_PATIENCE = timedelta(days=30)
"""How long a process waits for another, which may predict for days."""


def join_processes() -> PartialState:
    """Meet the processes that were started together with this one; alone, do nothing."""
    on_cpu = pick_device().type == "cpu"  # where dev rows are scored: never half on Apple's GPU
    return PartialState(cpu=on_cpu, timeout=_PATIENCE)


def start(precision: Precision, *, num_heads: int) -> Accelerator:
    """Return what spreads one training stage as `accelerate launch` was asked to.

    Raises:
        RecipeError: if it was asked for a way that several heads on one encoder cannot go.
    """
    AcceleratorState._reset_state()  # one process may train in one number format after another
    on_cpu = join_processes().device.type == "cpu"
    # one task per step: the other heads get no gradient
    ddp = DistributedDataParallelKwargs(find_unused_parameters=num_heads > 1)
    accelerator = Accelerator(
        mixed_precision="no" if precision == "fp32" else precision,
        cpu=on_cpu,
        kwargs_handlers=[ddp],
    )
    way = accelerator.distributed_type
    if way is DistributedType.DEEPSPEED or (
        way is DistributedType.FSDP and not accelerator.is_fsdp2
    ):
        raise RecipeError(
            f"Accelerate is configured for {way.value}, which cannot share one encoder among "
            "several heads. Launch with --multi_gpu, or with --use_fsdp --fsdp_version 2."
        )
    return accelerator


def economise(model: Model, settings: TrainSettings) -> None:
    """Make a model recompute its activations, or compile its blocks, if the recipe says so."""
    if settings.gradient_checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
    if settings.compile:
        for block in model.modules():
            if type(block).__name__ in (model._no_split_modules or ()):
                block.compile(dynamic=True)


def exchange(
    accelerator: Accelerator, models: nn.Module, *, now: bool
) -> AbstractContextManager[object]:
    """Return a block whose backward pass adds up the processes' gradients, or waits with it."""
    if now or accelerator.num_processes == 1:
        return nullcontext()
    block: AbstractContextManager[object] = accelerator.no_sync(models)
    return block


def sum_over_processes(
    values: NDArray[np.float64], accelerator: Accelerator
) -> NDArray[np.float64]:
    """Return the sum of the processes' values in every process."""
    if accelerator.num_processes == 1:
        return values
    own = torch.from_numpy(values).to(accelerator.device)
    added: NDArray[np.float64] = accelerator.reduce(own, "sum").cpu().numpy()
    return added


def gather_weights(models: nn.Module) -> None:
    """Put weights that lie in parts together, for forward passes that enter below the top."""
    if isinstance(models, FSDPModule):
        models.unshard()
