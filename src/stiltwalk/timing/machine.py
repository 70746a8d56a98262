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
from stiltwalk.store.machine import busy_s
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


_SPARE_CORES = 0.2
"""Others may take so much of the cores that a measurement needs before it is not begun."""
_BUSY_DEVICE = 0.1
_SLOW_CLOCK = 0.6
_LOOK_AGAIN_S = 10.0
BEFORE = Case(task="before", language="", scenario="")


def look(time_s: float) -> MachineState:
    """Return what the machine is like now, while nothing is measured."""
    watch = Watch()
    time.sleep(time_s)
    return watch.state(BEFORE)


def why_busy(state: MachineState, num_threads: int) -> str:
    """Return why nothing can be measured now, a sentence; "" for a machine that has room."""
    cores = os.cpu_count() or 1
    if state.busy * cores > max(cores - num_threads, 0) + _SPARE_CORES:
        stolen = f", {state.steal_time:.0%} by its host" if state.steal_time else ""
        return f"The machine was {state.busy:.0%} busy{stolen}: run again when it is idle."
    if state.device_busy is not None and state.device_busy > _BUSY_DEVICE:
        return f"Others keep the device {state.device_busy:.0%} busy: run again when it is idle."
    return ""


def waited(
    time_s: float, num_threads: int, tell: Callable[[str], None], *, wait: bool
) -> tuple[MachineState, str]:
    """Return the machine's state and why it is too busy, after waiting for a better one if asked.

    Args:
        time_s: of a look.
        num_threads: that a measurement takes.
        tell: told what is seen.
        wait: look again until nothing is in the way.
    """
    state = look(time_s)
    if time_s:
        tell(_told(state))
    if wait and (why := why_busy(state, num_threads)):
        tell(f"{why} Waiting until then")
        while why_busy(state, num_threads):
            time.sleep(_LOOK_AGAIN_S)
            state = look(time_s)
    return state, why_busy(state, num_threads)


def _told(state: MachineState) -> str:
    """Return what was seen before a measurement, a line."""
    seen = [f"others take {state.elsewhere or 0:.0%} of the cores"]
    if state.steal_time is not None:
        seen.append(f"the host {state.steal_time:.0%}")
    if state.device_busy is not None:
        seen.append(f"the device is {state.device_busy:.0%} busy")
    most_mhz = _number(_SYS / "devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq")
    if state.clock_mhz and most_mhz and state.clock_mhz < _SLOW_CLOCK * most_mhz / 1000:
        seen.append(f"the clock is at {state.clock_mhz:,.0f} of {most_mhz / 1000:,.0f} MHz")
    return f"the machine: {', '.join(seen)}"


class Watch:
    """Reads the machine's counters when it is made, and again at the end."""

    def __init__(self) -> None:
        """Start watching."""
        self._counter, self._energy_j = _energy_counter()
        self._joules = self._energy_j()
        self._busy, self._began = busy_s(), time.monotonic()
        self._own_s = time.process_time()

    def state(self, case: Case) -> MachineState:
        """Return what the machine was like since the watch was made, while a case was measured."""
        elsewhere = steal_time = None
        now = busy_s()
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
            device_busy=_device_busy(),
        )

    def _joules_since(self) -> float | None:
        """Return what the counter went up by, None where it began again at 0 meanwhile."""
        now = self._energy_j()
        if now is None or self._joules is None or now < self._joules:
            return None
        return now - self._joules


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


class _Use(ctypes.Structure):
    """NVML's, in percent of the last second or less."""

    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


def _device_busy() -> float | None:
    """Return the share of the time that the accelerator worked just now, None without one."""
    if pick_device().type != "cuda" or (found := _handle()) is None:
        return None
    library, handle = found
    use = _Use()
    failed = library.nvmlDeviceGetUtilizationRates(handle, ctypes.byref(use))
    return None if failed else use.gpu / 100


def _handle() -> tuple[ctypes.CDLL, ctypes.c_void_p] | None:
    """Return NVML and its handle of the accelerator, None where its driver has none."""
    try:
        library = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return None
    handle, index = ctypes.c_void_p(), torch.cuda.current_device()
    if library.nvmlInit_v2() or library.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)):
        return None
    return library, handle


def _nvml() -> Callable[[], float | None] | None:
    """Return how the accelerator's counter is read, None where its driver keeps none."""
    if (found := _handle()) is None:
        return None
    library, handle = found
    millijoules = ctypes.c_ulonglong()

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
