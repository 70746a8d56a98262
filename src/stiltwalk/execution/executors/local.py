"""Who carries stages out: this process, or whoever else keeps to the same few calls."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from stiltwalk.execution.scheduler import Job, Needs
from stiltwalk.recipe.schema import Recipe
from stiltwalk.stages.context import Context
from stiltwalk.stages.stage import Stage
from stiltwalk.store.versions import backends
from stiltwalk.store.workspace import Workspace


def context_of(
    recipe: Recipe,
    store: Workspace,
    base_folder: Path | None,
    progress: Callable[[int, int], None],
) -> Context:
    """Return what stages are handed in this process.

    Raises:
        RecipeError: if the recipe asks for what this machine cannot do.
    """
    from stiltwalk.execution.provenance import provenance
    from stiltwalk.inference.backends import backend_named
    from stiltwalk.models.device import require_device
    from stiltwalk.training.tracking import require_trackers

    require_device(recipe.precision)
    require_trackers(recipe.trackers)
    backend = {}
    if recipe.model.backend != "transformers":
        backend_named(recipe.model.backend).require()
        backend = backends()
    return Context(
        workspace=store,
        data=recipe.data.where,
        base_folder=base_folder,
        num_threads=recipe.num_threads,
        resume_every_s=recipe.resume_every_s,
        trackers=recipe.trackers,
        provenance=provenance() | backend,
        progress=progress,
    )


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A stage that runs no longer.

    Args:
        name: its fingerprint.
        time_s: for how long it ran.
        fault: what went wrong, in sentences; empty for a stage that is complete.
        was_lost: whether not the stage failed but its process or its node.
    """

    name: str
    time_s: float
    fault: str = ""
    was_lost: bool = False


class Executor(Protocol):
    """Carries out several stages at a time; raises what ends a whole run."""

    is_parallel: bool

    def has_room(self, needs: Needs) -> bool:
        """Tell whether a stage that needs so much could begin now."""

    def start(self, job: Job) -> None:
        """Begin a stage; there was room for it."""

    def wait(self) -> Ended | None:
        """Return the next stage that ended, None after a second or so without one."""

    def seen(self) -> dict[str, Any]:
        """Return what `stiltwalk status` shows of it, as JSON: `nodes`, `dashboard`."""


class InProcess:
    """Carries out one stage after the other here; the first error ends the run."""

    is_parallel = False

    def __init__(self, perform: Callable[[Stage], None]) -> None:
        """Carry stages out by calling `perform`."""
        self._perform = perform
        self._job: Job | None = None

    def has_room(self, _needs: Needs) -> bool:
        """Tell whether nothing runs."""
        return self._job is None

    def start(self, job: Job) -> None:
        """Remember what `wait` is to do."""
        self._job = job

    def wait(self) -> Ended | None:
        """Carry out the stage that was started."""
        assert self._job is not None
        job, began = self._job, time.perf_counter()
        self._perform(job.stage)
        self._job = None
        return Ended(name=job.name, time_s=time.perf_counter() - began)

    def seen(self) -> dict[str, Any]:
        """Return nothing: there is this process alone."""
        return {}
