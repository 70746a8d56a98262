"""A process that asks for huge pages, as `stiltwalk run` does, or none, as a script of users."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context


def started(start: Callable[..., None], *given: object, huge_pages: bool) -> ProcessPoolExecutor:
    """Return a process that is there already and has called `start(*given)`."""
    os.environ["THP_MEM_ALLOC_ENABLE"] = str(int(huge_pages))
    one = ProcessPoolExecutor(1, get_context("spawn"), initializer=start, initargs=given)
    one.submit(os.getpid)  # it starts now, with this environment
    return one
