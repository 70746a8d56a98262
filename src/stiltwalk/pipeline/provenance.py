"""What made a result: code, libraries, machine."""

from __future__ import annotations

import os
import platform

import torch

from stiltwalk.pipeline.versions import versions
from stiltwalk.store.machine import processor
from stiltwalk.store.processes import num_processes


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
    if torch.cuda.is_available():
        facts["accelerator"] = torch.cuda.get_device_name()
    return facts
