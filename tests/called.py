"""Functions that tests call in processes of their own."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from stiltwalk.errors import NoSuchRun

Tell = Callable[[str], None]


def number(given: int, tell: Tell) -> int:
    """Tell what was given; return the number of the process."""
    tell(str(given))
    return os.getpid()


def refuse(why: str, _: Tell) -> None:
    """Refuse."""
    raise NoSuchRun(why)


def die(_: Tell) -> None:
    """End as the system ends a process where memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)
