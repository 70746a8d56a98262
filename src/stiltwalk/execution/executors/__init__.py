"""Who carries out stages: one file each, whose `started` gives it, imported when a run asks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from stiltwalk.errors import ClusterError, RecipeError
from stiltwalk.execution.scheduler import Job, Needs
from stiltwalk.recipe.schema import Recipe
from stiltwalk.store.workspace import Workspace

LOCAL = "local"
EXECUTORS = {
    LOCAL: "stiltwalk.execution.executors.local",
    "ray": "stiltwalk.execution.executors.ray",
}
"""By the name that `--executor` gives, alone or before "://": the module with its `started`."""


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


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """What an executor is to carry out.

    Args:
        recipe: the stages'.
        store: where they are kept.
        base_folder: the base model's files, None where the recipe makes it.
        num_jobs: for how many at a time this machine has room.
        progress: told (done, in all) inside a long stage, if that is followed.
        say: told what a person should know.
    """

    recipe: Recipe
    store: Workspace
    base_folder: Path | None
    num_jobs: int = 1
    progress: Callable[[int, int], None]
    say: Callable[[str], None]


def check_executor(address: str) -> None:
    """Refuse an executor that does not exist.

    Raises:
        RecipeError: with those that do.
    """
    name, at, place = address.partition("://")
    if name in EXECUTORS and (
        not at or (place.isdecimal() and int(place) if name == LOCAL else place)
    ):
        return
    known = ", ".join(EXECUTORS)
    raise RecipeError(
        f"--executor is {address!r}. There is: {known}, ray://HEAD:PORT, and local://N (--jobs N)."
    )


def started(address: str, assignment: Assignment) -> AbstractContextManager[Executor]:
    """Return what carries stages out; only now are torch, or Ray, and transformers needed.

    Raises:
        ClusterError: if a cluster cannot be reached, or its package is not installed.
    """
    name = address.partition("://")[0]
    try:
        module: Any = import_module(EXECUTORS[name])
    except ModuleNotFoundError as error:
        raise ClusterError(
            f"--executor {address} needs {error.name}, which is not installed here: pip install "
            f"'stiltwalk[{name}]'."
        ) from error
    executor: AbstractContextManager[Executor] = module.started(address, assignment)
    return executor
