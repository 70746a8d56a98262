"""What several processes that train one model tell each other."""

from __future__ import annotations

from typing import TypeVar

from accelerate.utils import broadcast_object_list
from torch import Tensor
from torch.distributed.tensor import DTensor, distribute_tensor

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
