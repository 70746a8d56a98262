"""What a plan is costed on: round figures for what a device does in training, not its peak."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

DeviceName = Literal["two-cpu-cores", "rtx3090", "rtx4090", "a100", "h100"]


@dataclass(frozen=True, kw_only=True)
class Device:
    """A device in words, and the FLOP/s that matrix products get on it; fp16 as bf16."""

    name: str
    fp32: float
    bf16: float

    def flops_per_s(self, precision: Literal["fp32", "bf16", "fp16", "auto"]) -> float:
        """Return the FLOP/s in a number format, fp16 like bf16; "auto" may come to fp32."""
        return self.bf16 if precision in ("bf16", "fp16") else self.fp32


_OF_FP32, _OF_BF16 = 0.6, 0.35
"""Shares of the dense peak that a training loop keeps: estimates."""


def _gpu(name: str, fp32_peak: float, bf16_peak: float) -> Device:
    return Device(name=name, fp32=_OF_FP32 * fp32_peak, bf16=_OF_BF16 * bf16_peak)


DEVICES: Mapping[DeviceName, Device] = {
    "two-cpu-cores": Device(name="two CPU cores", fp32=60e9, bf16=120e9),
    "rtx3090": _gpu("one GeForce RTX 3090", 35.6e12, 71e12),
    "rtx4090": _gpu("one GeForce RTX 4090", 82.6e12, 165e12),
    "a100": _gpu("one A100", 19.5e12, 312e12),
    "h100": _gpu("one H100 SXM", 67e12, 989e12),
}
"""Peaks as the vendor states them, dense, with accumulation in fp32."""
