"""Call a function in a process of its own.

Not `multiprocessing`: its fresh processes import the caller's main script again, and would run it
where nothing guards it.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any, BinaryIO, TypeVar

from stiltwalk.errors import ProcessLost, StiltwalkError

Tell = Callable[[str], None]
Result = TypeVar("Result")

_MAIN = f"from {__name__} import answer; answer()"


def in_fresh_process(function: Callable[..., Result], *given: object, tell: Tell) -> Result:
    """Return `function(*given, tell)`, called in a new process.

    Args:
        function: of a module; it, what it is given and what it returns can be pickled.
        given: its first arguments.
        tell: told here what the function tells there.

    Raises:
        StiltwalkError: what the function raised.
        ProcessLost: if the process ended in any other way without a result.
    """
    reads, writes = os.pipe()
    command = [sys.executable, "-c", _MAIN, str(writes)]
    path = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with (
        os.fdopen(reads, "rb") as told,
        subprocess.Popen(  # noqa: S603 - our own program
            command, stdin=subprocess.PIPE, pass_fds=[writes], env=os.environ | path
        ) as process,
    ):
        os.close(writes)
        try:
            assert process.stdin is not None
            with process.stdin as asked:
                pickle.dump((function, given), asked)
            result: Result = _result(told, tell)
        except (EOFError, BrokenPipeError) as error:
            raise ProcessLost(
                f"The process that was to call {function.__name__} ended with status "
                f"{process.wait()} and without a result. What it said stands above; a status below "
                "0 is a signal, and -9 often means that memory ran out."
            ) from error
        finally:
            process.kill()
        return result


def _result(told: BinaryIO, tell: Tell) -> Any:  # noqa: ANN401 - what the function returns
    while True:
        kind, value = pickle.load(told)  # noqa: S301 - of our own process
        if kind == "told":
            tell(value)
        elif kind == "raised":
            raise value
        else:
            return value


def answer() -> None:
    """Be the fresh process: read what to call, say what came of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that waits for this one ends it
    with os.fdopen(int(sys.argv[1]), "wb") as out:

        def say(kind: str, value: object) -> None:
            pickle.dump((kind, value), out)
            out.flush()

        function, given = pickle.load(sys.stdin.buffer)  # noqa: S301 - of our own process
        try:
            result = function(*given, lambda line: say("told", line))
        except StiltwalkError as error:
            say("raised", error)
        else:
            say("returned", result)
