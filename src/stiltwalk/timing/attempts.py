"""How a measurement is run: counted with its repetitions, gone on with, in a process of its own.

A measurement that is repeated until it comes out as wished is no evidence. So every attempt is kept
beside the stages of a workspace, with a line of JSON when it begins and one when it ends: one that
was broken off is known, too.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from pydantic import TypeAdapter

from stiltwalk.errors import ProcessLost, StiltwalkError
from stiltwalk.files import sealed_json, sealed_line, unsealed, unsealed_lines
from stiltwalk.store.workspace import Workspace
from stiltwalk.timing.record import Attempt, KeptPass, Speed

Tell = Callable[[Any], None]
Result = TypeVar("Result")

_MAIN = f"from {__name__} import answer; answer()"
_WORDS = {"void": "VOID in part or in all", "counts": "not void", "broken off": "broken off"}


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """What earlier sessions left: blocks of one that was killed, and a pass of the tests."""

    blocks: Path
    passed: KeptPass | None


def attempted(
    store: Workspace, what: str, conditions: str, measure: Callable[[Earlier], Speed]
) -> Speed:
    """Measure, and keep that it was attempted, whatever comes of it.

    Args:
        store: where attempts, blocks and passes are kept.
        what: names all that a measurement has in common with its repetition.
        conditions: name all that a pass of the tests of the instrument holds for.
        measure: does so.

    Returns:
        What was measured, with all attempts so far, this one last.
    """
    key, passes = _digest(what), f"instrument/{_digest(conditions)}.json"
    file, blocks = f"attempts/{key}.jsonl", store.root / "attempts" / f"{key}.blocks"
    earlier = tuple(_attempts(store.kept_text(file)))
    begun = Attempt(began_unix_s=time.time(), outcome="broken off")
    if blocks.is_file() and earlier and earlier[-1].outcome == begun.outcome:
        *before, begun = earlier  # it goes on
        earlier = tuple(before)
    _keep(store, file, begun)
    speed = measure(Earlier(blocks=blocks, passed=_pass(store.kept_text(passes))))
    void = speed.void or tuple(filter(None, [speed.reason]))
    ended = replace(begun, outcome="void" if void else "counts", void=void)
    _keep(store, file, ended)
    blocks.unlink(missing_ok=True)
    if speed.instrument_tests and not speed.reason and speed.tested_unix_s is None:
        busy = max((each.busy for each in speed.machine_states), default=0.0)
        passed = KeptPass(tests=speed.instrument_tests, busy=busy, unix_s=time.time())
        if not any(each.why_void for each in passed.tests):
            store.keep_text(passes, sealed_json(asdict(passed)))
    summary = (*speed.summary, *_told(earlier))
    return replace(speed, attempts=(*earlier, ended), summary=summary)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


def _pass(text: str) -> KeptPass | None:
    """Return a pass as it was kept, None where there is none of this version."""
    with suppress(ValueError):
        return TypeAdapter(KeptPass).validate_json(json.dumps(unsealed(text)))
    return None


def _attempts(text: str) -> Iterator[Attempt]:
    """Yield every attempt in its latest state."""
    latest = {kept["began_unix_s"]: kept for kept in unsealed_lines(text)}
    for kept in latest.values():
        yield Attempt(**kept | {"void": tuple(kept["void"])})


def _keep(store: Workspace, file: str, attempt: Attempt) -> None:
    store.keep_text(file, f"{store.kept_text(file)}{sealed_line(asdict(attempt))}")


def _told(earlier: tuple[Attempt, ...]) -> Iterator[str]:
    """Yield what was attempted before, a sentence; nothing for a first attempt."""
    before = [each.outcome for each in earlier]
    if before:
        counts = [f"{before.count(each)} {_WORDS[each]}" for each in _WORDS if each in before]
        said = ", ".join(counts)
        yield f"This is attempt {len(before) + 1} at this measurement; before it: {said}."


def in_fresh_process(function: Callable[..., Result], *given: object, tell: Tell) -> Result:
    """Return `function(*given, tell)`, called in a new process.

    Not by `multiprocessing`: its fresh processes import the caller's main script again, and would
    run it where nothing guards it.

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
