"""Two systems at the same time, each on a core of its own: what slows one slows the other.

Source: duet benchmarking (Bulej et al. 2020, arXiv 2001.05811). Systems are forked, since threads
of one Python would wait for each other. Cores are swapped half-way through a block.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from stiltwalk.errors import ProcessLost
from stiltwalk.inference.predictor import Delayed, Spent, System
from stiltwalk.models.device import pick_device

Cores = tuple[int, int]
Queries = Sequence[Sequence[Any]]
_CORES = Path("/sys/devices/system/cpu")


def two_cores(num_threads: int) -> Cores | None:
    """Return two cores for two systems, of one processor each if possible; None without them.

    A system of several threads, or on an accelerator, cannot be given a core of its own.
    """
    if num_threads > 1 or not hasattr(os, "sched_getaffinity") or pick_device().type != "cpu":
        return None
    first, *others = sorted(os.sched_getaffinity(0))
    apart = [each for each in others if _place(each) != _place(first)]
    return (first, (apart or others)[0]) if others else None


def _place(core: int) -> tuple[str, ...]:
    """Return which processor, and which of its cores, something that Linux calls a core is of."""
    folder = _CORES / f"cpu{core}" / "topology"
    try:
        return tuple(
            (folder / name).read_text("utf-8") for name in ("physical_package_id", "core_id")
        )
    except OSError:
        return (str(core),)


class Duet(AbstractContextManager["Duet"]):
    """Systems in processes of their own, which end with the block."""

    def __init__(self, systems: Sequence[System], cores: Cores) -> None:
        """Fork every system as it is now."""
        self._cores, context = cores, get_context("fork")
        self._pipes, self._processes = list[Connection](), []
        for system in systems:
            here, there = context.Pipe()
            process = context.Process(target=_serve, args=(system, there), daemon=True)
            process.start()
            there.close()
            self._pipes.append(here)
            self._processes.append(process)

    def __exit__(self, *_: object) -> None:
        """End the processes."""
        for process, pipe in zip(self._processes, self._pipes, strict=True):
            process.kill()
            process.join()
            pipe.close()

    def move(self, row: Any) -> None:  # noqa: ANN401 - one request
        """Let every system lie elsewhere in memory, and answer once there."""
        for number in range(len(self._pipes)):
            self._told((number,), None, [[row]])

    def turns(self, pair: tuple[int, int], queries: Queries) -> list[list[list[list[Spent]]]]:
        """Return by system, turn and query what both took at once, for every share of a delay."""
        turns = [self._told(pair, cores, queries) for cores in (self._cores, self._cores[::-1])]
        return [[turn[system] for turn in turns] for system in range(len(pair))]

    def _told(
        self, systems: Sequence[int], cores: Cores | None, queries: Queries
    ) -> list[list[list[Spent]]]:
        try:
            for place, system in enumerate(systems):
                self._pipes[system].send((cores and cores[place], queries))
            return [self._pipes[system].recv() for system in systems]
        except (EOFError, OSError) as error:
            raise ProcessLost(
                "A process that answered alongside another is gone; -9 often means that memory ran "
                "out. Set mode to alternating in [measure], which takes one process."
            ) from error


def _serve(system: System, pipe: Connection) -> None:
    """Be the process of one system: answer queries on a core, or move without one."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    torch.set_num_threads(1)
    while True:
        try:
            core, queries = pipe.recv()
        except EOFError:
            return
        if core is None:
            system.move()
            gc.collect()
        else:
            os.sched_setaffinity(0, {core})
        pipe.send([asked(system, rows) for rows in queries])


def asked(system: System, rows: Sequence[Any]) -> list[Spent]:
    """Return what a system took, or several: those that share its answer."""
    return system.answers(rows) if isinstance(system, Delayed) else [system.answer(rows)]
