"""Which device a process computes on, and in which number format."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from stiltwalk.config.recipe import Precision


def pick_device() -> torch.device:
    """Return the accelerator if this process can use one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def number_format(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Return a block in which matrix products run in the given format."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)
