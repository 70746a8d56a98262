"""What made a result: code, libraries and their versions, machine; and what to say of others."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from stiltwalk.stages import STAGES
from stiltwalk.stages.stage import Stage
from stiltwalk.store.machine import BACKENDS, backends, deciding, num_processes, processor, versions
from stiltwalk.store.workspace import Workspace

_ADVICE = "`stiltwalk run --fresh-versions` makes them again, and what rests on them."


def provenance() -> dict[str, str]:
    """Return versions and machine, as kept with every stage."""
    import torch

    from stiltwalk.models.device import pick_device

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


def made_with(marker: Mapping[str, Any]) -> dict[str, str]:
    """Return the versions that a stage's bits depend on, by its completion marker."""
    stage, found = marker["stage"], deciding(marker["provenance"])
    made = STAGES.get(stage.get("stage", ""))
    if made is None or not made.follows_versions:
        return {}
    unused = () if stage.get("backend") else BACKENDS  # a run's provenance stands in all its stages
    return {name: each for name, each in found.items() if name not in unused}


def made_otherwise(stages: Iterable[Stage], store: Workspace) -> dict[Stage, dict[str, str]]:
    """Return kept stages that were made with other versions than those here, with the others."""
    here = versions() | backends()
    found = {}
    for stage in stages:
        made = made_with(store.marker(stage))
        if others := {name: each for name, each in made.items() if each != here.get(name)}:
            found[stage] = others
    return found


def said_here(otherwise: Mapping[Stage, Mapping[str, str]]) -> list[str]:
    """Say how many kept stages were made with which other version than the one here."""
    here = versions() | backends()
    said = [
        f"{_were(number)} made with {name} {each}; here it is {here.get(name, 'not installed')}."
        for (name, each), number in _counted(otherwise.values())
    ]
    return [*said, _ADVICE] if said else []


def said_of_mixture(made: Iterable[Mapping[str, str]]) -> list[str]:
    """Say which versions several made a run's stages; nothing where one did."""
    by_name: dict[str, list[str]] = {}
    for (name, each), number in _counted(made):
        by_name.setdefault(name, []).append(f"{_were(number)} made with {name} {each}")
    return [f"{', '.join(parts)}." for parts in by_name.values() if len(parts) > 1]


def with_children(changed: Iterable[Stage], stages: Iterable[Stage]) -> list[Stage]:
    """Return stages that changed and all that rest on them; of `stages`, parents first."""
    found = set(changed)
    for stage in stages:
        if not found.isdisjoint(stage.parents):
            found.add(stage)
    return [stage for stage in stages if stage in found]


def _counted(made: Iterable[Mapping[str, str]]) -> list[tuple[tuple[str, str], int]]:
    return sorted(Counter(pair for each in made for pair in each.items()).items())


def _were(number: int) -> str:
    return "1 stage was" if number == 1 else f"{number:,} stages were"
