"""What a machine could do, and what a process took of it; see `inference.py`."""

from __future__ import annotations

import time
from pathlib import Path

import torch
from torch.nn import functional

TOKENS = 2048


def ceiling(dtype: torch.dtype, width: int) -> float:
    """Return the fastest matrix product of an encoder's shapes, in FLOP/s."""
    best, tokens = 0.0, TOKENS
    setting = torch.backends.mkldnn.matmul
    before = setting.fp32_precision
    for width_in, width_out in ((width, width), (width, 4 * width), (4 * width, width)):
        x, weight = torch.randn(tokens, width_in), torch.randn(width_out, width_in)
        x, weight = x.to(dtype), weight.to(dtype)
        for library in ("none", "bf16"):  # on a CPU without AMX: MKL, and oneDNN in full fp32
            setting.fp32_precision = library
            for _ in range(12):
                began = time.perf_counter()
                functional.linear(x, weight)
                took_s = time.perf_counter() - began
                best = max(best, 2 * tokens * width_in * width_out / took_s)
    setting.fp32_precision = before
    return best


def peak_bytes(reset: bool = False) -> int:
    """Return the peak of this process's memory since it was last reset, Linux only."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
