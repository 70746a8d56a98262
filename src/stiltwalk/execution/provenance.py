"""What made a result: code, libraries and their versions, machine."""

from __future__ import annotations

import os
import platform

import torch

from stiltwalk.models.device import pick_device
from stiltwalk.store.machine import processor
from stiltwalk.store.processes import num_processes
from stiltwalk.store.versions import versions


def provenance() -> dict[str, str]:
    """Return versions and machine, as kept with every stage."""
    facts = {
        **versions(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "CPUs": str(os.cpu_count()),
    }
    if num_processes() > 1:
        facts["processes"] = str(num_processes())
    if pick_device().type == "cuda":
        facts["accelerator"] = torch.cuda.get_device_name()
    return facts
