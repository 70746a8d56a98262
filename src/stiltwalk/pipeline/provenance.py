"""What made a result: code, libraries, machine."""

from __future__ import annotations

import os
import platform

import torch

from stiltwalk.models.device import pick_device
from stiltwalk.store.processes import num_processes
from stiltwalk.store.versions import versions


def provenance() -> dict[str, str]:
    """Return versions and machine, as kept with every stage."""
    facts = {
        **versions(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "CPUs": str(os.cpu_count()),
    }
    if num_processes() > 1:
        facts["processes"] = str(num_processes())
    if pick_device().type == "cuda":
        facts["accelerator"] = torch.cuda.get_device_name()
    return facts


def _processor() -> str:
    """Return the processor's name where the system tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123 - a device, not a file
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
