"""int8 through torch: weights per output channel, what goes into them per tensor, as it comes."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from stiltwalk.inference.engines import Body, EngineChoice, Keep, Start
from stiltwalk.store.machine import native_formats

_LARGEST = 127
_LEAST = 1e-12
"""A scale above 0, for channels of zeros."""


class Int8Linear(nn.Module):
    """A linear layer whose product is of bytes."""

    def __init__(self, linear: nn.Linear, *, narrow: bool) -> None:
        """Round a layer's weights; `narrow` where sums of 8-bit products would overflow."""
        super().__init__()
        weight = linear.weight.detach()
        scales = (weight.abs().amax(dim=1).double() / _LARGEST).clamp(min=_LEAST)
        zeros = torch.zeros(len(weight), dtype=torch.long)
        rounded = torch.quantize_per_channel(weight, scales, zeros, 0, torch.qint8)
        self._packed = torch.ops.quantized.linear_prepack(rounded, linear.bias)
        self._narrow = narrow

    def forward(self, given: Tensor) -> Tensor:
        """Return the product in fp32."""
        found: Tensor = torch.ops.quantized.linear_dynamic(given, self._packed, self._narrow)
        return found


def prepared(body: Body, _keep: Keep, _choice: EngineChoice) -> Start:
    """Return what starts torch with the encoder's linear layers in int8, all else shared."""
    narrow = not any("vnni" in way for way in native_formats().get("int8", ()))
    memo: dict[int, object] = {id(each): each for each in (*body.parameters(), *body.buffers())}
    memo |= {
        id(each): Int8Linear(each, narrow=narrow)
        for each in body.modules()
        if type(each) is nn.Linear
    }
    rounded = copy.deepcopy(body, memo)
    return lambda: rounded
