"""What this machine has, and what its clock can tell apart."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from rich.console import Console

from stiltwalk.data.source import MINI, DataSource
from stiltwalk.execution.provenance import provenance
from stiltwalk.inference.predictor import Settings
from stiltwalk.models.locate import MINI_BASE, locate
from stiltwalk.recipe.schema import ModelSettings
from stiltwalk.tasks import TASKS
from stiltwalk.timing.blocks import controlled
from stiltwalk.timing.machine import alone, waited
from stiltwalk.timing.sample_size import QUICK, SINGLE_STREAM
from stiltwalk.timing.session import ModelPair, Session
from stiltwalk.timing.workload import load_workload

_TASK = TASKS["tatoeba"]
_OFFLINE = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE")


def facts() -> dict[str, Any]:
    """Return versions, device, and whether the hub may be asked."""
    offline = any(os.environ.get(name, "0").lower() in ("1", "true", "yes") for name in _OFFLINE)
    return {**provenance(), "hub": "offline" if offline else "may be asked"}


def test_instrument(tell: Callable[[str], None]) -> dict[str, Any]:
    """Run the A/A test and the delay tests alone, on the shipped encoder, one request at a time.

    Returns:
        `aa`, `delay_5` and `delay_2` as verdict, ratio and interval of the median latency,
        `resolvable`, the smallest margin that equality can be shown within, and `void`.
    """
    found = locate(ModelSettings(name=MINI_BASE), fetch=False)
    assert found.folder is not None
    settings = Settings(task=_TASK, max_length_tokens=_TASK.max_length_tokens)
    model_pair = ModelPair(
        folders=(found.folder, found.folder),
        settings=(settings, settings),
        workload=load_workload(_TASK, DataSource(source=MINI), _TASK.languages, None),
    )
    profile = replace(QUICK, scenarios=(replace(SINGLE_STREAM, figures=SINGLE_STREAM.figures[:1]),))
    session = Session(profile=profile, num_threads=1, seed=1, tell=tell)
    with alone(tell), controlled(session.num_threads):
        before, why_not = waited(profile.look_s, session.num_threads, tell, wait=False)
        (test,), state = session.instrument_tests(model_pair)
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


def print_facts(document: dict[str, Any], console: Console) -> None:
    """Show what was found, a line each."""
    said = document.get("says", [])
    lines = [f"{name}: {value}" for name, value in document.items() if isinstance(value, str)]
    for line in (*lines, *said):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
