"""What a machine was like while something was timed: load, clock, temperature, energy, memory."""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean

import torch

from stiltwalk.files import opened, runtime_folder
from stiltwalk.models.device import pick_device
from stiltwalk.timing.record import Case, MachineState

_PROC = Path("/proc")
_SYS = Path("/sys")


@contextmanager
def alone(tell: Callable[[str], None]) -> Iterator[None]:
    """Wait until no other measurement of this user runs here: two at once would time each other."""
    with opened(runtime_folder() / "measure.lock", os.O_RDWR | os.O_CREAT) as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell("waiting until another measurement on this machine has ended")
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


class Watch:
    """Reads the machine's counters when it is made, and again at the end."""

    def __init__(self) -> None:
        """Start watching."""
        self._counter, self._energy_j = _energy_counter()
        self._joules = self._energy_j()
        self._busy, self._began = _busy_s(), time.monotonic()
        self._own_s = time.process_time()

    def state(self, case: Case) -> MachineState:
        """Return what the machine was like since the watch was made, while a case was measured."""
        elsewhere = steal_time = None
        now = _busy_s()
        if self._busy and now:
            cores_s = max(1e-9, (time.monotonic() - self._began) * (os.cpu_count() or 1))
            steal_time = (now[1] - self._busy[1]) / cores_s
            own_s = time.process_time() - self._own_s
            elsewhere = max(0.0, (now[0] - self._busy[0] - own_s) / cores_s)
        return MachineState(
            **vars(case),
            load=os.getloadavg()[0],
            elsewhere=elsewhere,
            steal_time=steal_time,
            clock_mhz=_clock_mhz(),
            temperature_c=_hottest(),
            energy_j=self._joules_since(),
            energy_counter=self._counter,
        )

    def _joules_since(self) -> float | None:
        """Return what the counter went up by, None where it began again at 0 meanwhile."""
        now = self._energy_j()
        if now is None or self._joules is None or now < self._joules:
            return None
        return now - self._joules


def _busy_s() -> tuple[float, float] | None:
    """Return the seconds that all cores worked, and those that a host took, since start-up."""
    try:
        ticks = [int(each) for each in (_PROC / "stat").read_text().split("\n", 1)[0].split()[1:]]
    except (OSError, ValueError):
        return None
    per_s = os.sysconf("SC_CLK_TCK")
    user, nice, system, _, _, irq, softirq, stolen = ticks[:8]
    return (user + nice + system + irq + softirq) / per_s, stolen / per_s


def _clock_mhz() -> float | None:
    try:
        lines = (_PROC / "cpuinfo").read_text().splitlines()
    except OSError:
        return None
    found = [float(line.partition(":")[2]) for line in lines if line.startswith("cpu MHz")]
    return fmean(found) if found else None


def _hottest() -> float | None:
    readings = [_number(file) for file in _SYS.glob("class/thermal/thermal_zone*/temp")]
    return max((each / 1000 for each in readings if each is not None), default=None)


def _number(file: Path) -> float | None:
    try:
        return float(file.read_text())
    except (OSError, ValueError):
        return None


def _energy_counter() -> tuple[str, Callable[[], float | None]]:
    """Return the best counter of energy that the machine has: its name, and how it is read."""
    if pick_device().type == "cuda" and (read := _nvml()) is not None:
        return "NVML", read
    zones = sorted(_SYS.glob("class/powercap/intel-rapl:?/energy_uj"))
    if zones and all(_number(zone) is not None for zone in zones):
        return "RAPL", lambda: sum((_number(zone) or 0.0) / 1e6 for zone in zones)
    return "unavailable", lambda: None


def _nvml() -> Callable[[], float | None] | None:
    """Return how the accelerator's counter is read, None where its driver keeps none."""
    try:
        library = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return None
    handle, millijoules = ctypes.c_void_p(), ctypes.c_ulonglong()
    index = torch.cuda.current_device()
    if library.nvmlInit_v2() or library.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)):
        return None

    def read() -> float | None:
        failed = library.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(millijoules))
        return None if failed else millijoules.value / 1000

    return read if read() is not None else None


def peak_bytes(work: Callable[[], object]) -> int | None:
    """Return how much memory some work takes at its peak beyond what was held before it.

    Returns:
        Bytes; None where the system does not let a process reset its own high-water mark.
    """
    if pick_device().type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        return int(torch.cuda.max_memory_allocated() - before)
    try:
        ctypes.CDLL(None).malloc_trim(0)  # or what an earlier batch left would hide the peak
        (_PROC / "self" / "clear_refs").write_text("5")
    except (OSError, AttributeError):
        return None
    before_bytes = int((_PROC / "self" / "statm").read_text().split()[1]) * resource.getpagesize()
    work()
    status = (_PROC / "self" / "status").read_text().splitlines()
    peak_kb = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    return max(0, peak_kb * 1024 - before_bytes)
