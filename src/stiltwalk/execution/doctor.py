"""What this machine has, and what its clock can tell apart."""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from stiltwalk.data.source import MINI, DataSource
from stiltwalk.models.locate import MINI_BASE, locate
from stiltwalk.recipe.schema import ModelSettings
from stiltwalk.store.machine import (
    accelerators,
    available_bytes,
    busy_s,
    native_formats,
    num_cpus,
    processor,
    versions,
)
from stiltwalk.tasks import TASKS

if TYPE_CHECKING:
    from stiltwalk.timing.session import ModelPair

_TASK = TASKS["tatoeba"]
_OFFLINE = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE")
_LOOK_S = 0.5
_BUSY = 0.2
"""Of all CPUs: from here on a clock waits."""
_TRAINING_BYTES = 16
"""Per parameter: weight, gradient and Adam's two moments in fp32; activations come on top."""


def facts() -> dict[str, Any]:
    """Return versions, what this machine has and is doing, and what will be fast; without torch."""
    offline = any(os.environ.get(name, "0").lower() in ("1", "true", "yes") for name in _OFFLINE)
    found, devices, disk = native_formats(), accelerators(), shutil.disk_usage(Path.cwd())
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    busy, stolen = _shares()
    formats = (f"{name} ({', '.join(ways)})" for name, ways in found.items())
    return {
        **versions(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "CPUs": f"{num_cpus()} of {os.cpu_count()} for this process",
        "accelerator": ", ".join(devices) or "none",
        "number formats": ", ".join(("fp32", *formats)),
        "memory": f"{available_bytes() / 1e9:,.1f} of {memory / 1e9:,.1f} GB free",
        "disk": f"{disk.free / 1e9:,.1f} of {disk.total / 1e9:,.1f} GB free at {Path.cwd()}",
        "load": f"{os.getloadavg()[0]:.1f} processes; {busy:.0%} of the CPUs are busy, the host "
        f"takes {stolen:.0%}",
        "hub": "offline" if offline else "may be asked",
        "says": list(_advice(found, devices, busy + stolen)),
    }


def _shares() -> tuple[float, float]:
    """Return the shares of all CPUs that are busy now, and that the host of a guest takes."""
    before = busy_s()
    time.sleep(_LOOK_S)
    now = busy_s()
    if before is None or now is None:
        return 0.0, 0.0
    cores_s = _LOOK_S * (os.cpu_count() or 1)
    return min(1.0, (now[0] - before[0]) / cores_s), min(1.0, (now[1] - before[1]) / cores_s)


def _advice(
    formats: Mapping[str, tuple[str, ...]], devices: Sequence[str], taken: float
) -> Iterator[str]:
    """Yield what will be fast here, and what will not."""
    if devices:
        yield f"Training and prediction run on {devices[0]}."
    elif "bf16" in formats:
        yield 'precision = "bf16" is fast here: the processor has arithmetic for it.'
    else:
        yield 'Leave precision at "fp32": the processor has no arithmetic for bf16.'
    if not devices:
        most = available_bytes() / _TRAINING_BYTES / 1e6
        yield f"Without an accelerator, memory is for training models of {most:,.0f} M parameters."
    if taken > _BUSY:
        yield f"{taken:.0%} of the CPUs are taken: `compare` would be refused, or wait (--wait)."


def test_instrument(tell: Callable[[str], None]) -> dict[str, Any]:
    """Run the A/A test and the delay tests alone, on the shipped encoder, one request at a time.

    Returns:
        `aa`, `delay_5` and `delay_2` as verdict, ratio and interval of the median latency,
        `resolvable`, the smallest margin that equality can be shown within, and `void`.
    """
    from stiltwalk.timing.blocks import controlled
    from stiltwalk.timing.machine import alone, waited
    from stiltwalk.timing.sample_size import QUICK, SINGLE_STREAM
    from stiltwalk.timing.session import Session

    profile = replace(QUICK, scenarios=(replace(SINGLE_STREAM, figures=SINGLE_STREAM.figures[:1]),))
    session = Session(profile=profile, num_threads=1, seed=1, tell=tell)
    with alone(tell), controlled(session.num_threads):
        before, why_not = waited(profile.look_s, session.num_threads, tell, wait=False)
        (test,), state = session.instrument_tests(_equal_models())
    return {
        **asdict(test),
        "resolvable": test.resolvable,
        "void": list(test.why_void),
        "machine_state": asdict(state),
        "machine_before": asdict(before),
        "says": [
            f"One model under two names: {test.aa}.",
            f"A delay of 5 %: {test.delay_5}.",
            f"A delay of 2 %: {test.delay_2}.",
            f"Equality can be shown within {test.resolvable:.1%} at best.",
            *(f"VOID: {reason}" for reason in test.why_void),
            *([f"{why_not} What is said above is of such a machine."] if why_not else []),
        ],
    }


def _equal_models() -> ModelPair:
    """Return the shipped encoder under two names."""
    from stiltwalk.inference.predictor import Settings
    from stiltwalk.timing.session import ModelPair
    from stiltwalk.timing.workload import load_workload

    found = locate(ModelSettings(name=MINI_BASE), fetch=False)
    assert found.folder is not None
    settings = Settings(task=_TASK, max_length_tokens=_TASK.max_length_tokens)
    return ModelPair(
        folders=(found.folder, found.folder),
        settings=(settings, settings),
        workload=load_workload(_TASK, DataSource(source=MINI), _TASK.languages, None),
    )


def print_facts(document: dict[str, Any], console: Console) -> None:
    """Show what was found, a line each."""
    said = document.get("says", [])
    lines = [f"{name}: {value}" for name, value in document.items() if isinstance(value, str)]
    for line in (*lines, *said):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
