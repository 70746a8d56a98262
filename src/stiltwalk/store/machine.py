"""Which machine this is and what computes on it, told without torch."""

from __future__ import annotations

import ctypes
import os
import platform
from dataclasses import dataclass
from importlib.metadata import version

_NAME_BYTES = 96
_HIDDEN = ("", "-1")


def measured_on() -> MeasuredOn:
    """Return what a measurement made here and now would be about."""
    return MeasuredOn(
        device=_accelerators() or "cpu",
        processor=processor(),
        stiltwalk=version("stiltwalk"),
        torch=version("torch"),
        transformers=version("transformers"),
    )


def processor() -> str:
    """Return the processor's name where the system tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123 - a device, not a file
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"


def _accelerators() -> str:
    """Return the names of the accelerators that are not hidden from this process, "" for none."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "all") in _HIDDEN:
        return ""
    try:
        library = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return ""
    count = ctypes.c_uint()
    if library.nvmlInit_v2() or library.nvmlDeviceGetCount_v2(ctypes.byref(count)):
        return ""
    names = set()
    for index in range(count.value):
        handle, name = ctypes.c_void_p(), ctypes.create_string_buffer(_NAME_BYTES)
        library.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle))
        library.nvmlDeviceGetName(handle, name, _NAME_BYTES)
        names.add(name.value.decode())
    return ", ".join(sorted(names))


@dataclass(frozen=True, kw_only=True)
class MeasuredOn:
    """What a verdict about speed holds for: `device` is "cpu" or the accelerator's name."""

    device: str
    processor: str
    stiltwalk: str
    torch: str
    transformers: str
