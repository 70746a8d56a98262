"""Which device a process computes on, how much at once, and what processes exchange."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any, TypeVar

import torch
from accelerate.utils import broadcast_object_list
from torch import Tensor
from torch.distributed.tensor import DTensor, distribute_tensor

from stiltwalk.errors import RecipeError
from stiltwalk.recipe.schema import Precision, PrecisionOrAuto

_LOG = logging.getLogger(__name__)

CPU_BATCH_TOKENS = 1024
"""Large enough to fill a core, small enough to stay in cache."""
CPU_WRITING_TOKENS = 16_384
"""Of prompts that are written on together: each step reads all weights for one token a row."""
MOST_BATCH_TOKENS = 65_536
"""Beyond this an accelerator gains nothing."""
_BF16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16")


def abilities() -> frozenset[str]:
    """Return what this process can use: "cuda", and "cuda bf16", "cpu bf16" for products in bf16.

    Whatever depends on the machine asks here, when it needs to know, so that there is one place to
    be told otherwise.
    """
    found = {
        "cpu bf16": any(map(torch.cpu.get_capabilities().get, _BF16_INSTRUCTIONS)),
        "cuda": (has_cuda := torch.cuda.is_available()),
        "cuda bf16": has_cuda and torch.cuda.is_bf16_supported(including_emulation=False),
    }
    return frozenset(name for name, is_there in found.items() if is_there)


def pick_device() -> torch.device:
    """Return the accelerator if this process can use one, else the CPU."""
    return torch.device("cuda" if "cuda" in abilities() else "cpu")


def all_devices() -> tuple[torch.device, ...]:
    """Return every accelerator that is this process's alone, else what `pick_device` returns."""
    if pick_device().type != "cuda" or torch.distributed.is_initialized():
        return (pick_device(),)
    return tuple(torch.device("cuda", number) for number in range(torch.cuda.device_count()))


def has_bf16(device: torch.device) -> bool:
    """Tell whether a device multiplies bf16 in hardware; elsewhere it is slower than fp32."""
    return f"{device.type} bf16" in abilities()


def require_device(precision: PrecisionOrAuto) -> None:
    """Refuse a number format that this machine does not train in.

    Raises:
        RecipeError: if half precision is asked for without a GPU.
    """
    if precision == "fp16" and pick_device().type != "cuda":
        raise RecipeError(
            "precision is 'fp16', which needs a GPU, and this process can use none. Set it to "
            "bf16 or fp32."
        )


def number_format(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Return a block in which matrix products run in the given format, or in fp32 if they must."""
    if precision == "fp32":
        return nullcontext()
    if precision == "fp16":
        return torch.autocast(device.type, dtype=torch.float16)
    if not has_bf16(device):
        say_once(
            f"This {device.type} has no bf16 arithmetic, so predictions are made in fp32: the "
            "same answers or better, at its speed."
        )
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


@cache
def say_once(text: str) -> None:
    """Warn of a slower way that is taken, once a process."""
    _LOG.warning(text)


def batch_tokens(config: Any, device: torch.device, *, writes: bool = False) -> int:  # noqa: ANN401 - transformers' own
    """Return how many padded tokens go through a model at once without gradients.

    Half of an accelerator's free memory, at what a block holds at its widest: attention's four
    states and the feed-forward layer's two, in fp32; where the rows are written on, keys and values
    of all blocks, too.
    """
    if device.type != "cuda":
        return CPU_WRITING_TOKENS if writes else CPU_BATCH_TOKENS
    free_bytes, _ = torch.cuda.mem_get_info(device)
    width = config.hidden_size
    per_token_bytes = 4 * (4 * width + 2 * getattr(config, "intermediate_size", 4 * width))
    if writes:
        per_token_bytes += 8 * width * config.num_hidden_layers
    return int(min(max(free_bytes // 2 // per_token_bytes, CPU_BATCH_TOKENS), MOST_BATCH_TOKENS))


Value = TypeVar("Value")


def from_lead(value: Value) -> Value:
    """Return the first process's value in every process; alone, the value itself."""
    told: list[Value] = broadcast_object_list([value])
    return told[0]


def whole(tensor: Tensor) -> Tensor:
    """Return all of a tensor that may lie in parts; every process must ask together."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def laid_out_as(example: Tensor, tensor: Tensor) -> Tensor:
    """Return a whole tensor in parts, if the example lies in parts."""
    if not isinstance(example, DTensor):
        return tensor
    there = tensor.to(example.device_mesh.device_type)
    return distribute_tensor(there, example.device_mesh, example.placements)
