"""Every attempt at a measurement is kept beside the stages of a workspace, and counted.

A measurement that is repeated until it comes out as wished is no evidence. There is a line of JSON
when an attempt begins and one when it ends, so that one that was broken off is known, too.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from hashlib import sha256

from stiltwalk.store.workspace import Workspace
from stiltwalk.timing.attempts import Attempt, told
from stiltwalk.timing.record import Speed


def attempted(store: Workspace, what: str, measure: Callable[[], Speed]) -> Speed:
    """Measure, and keep that it was attempted, whatever comes of it.

    Args:
        store: where attempts are kept.
        what: names all that a measurement has in common with its repetition.
        measure: does so.

    Returns:
        What was measured, with all attempts so far, this one last.
    """
    file = f"attempts/{sha256(what.encode()).hexdigest()[:16]}.jsonl"
    earlier = tuple(_attempts(store.kept_text(file)))
    begun = Attempt(began_unix_s=time.time(), outcome="broken off")
    _keep(store, file, begun)
    speed = measure()
    ended = replace(begun, outcome="void" if speed.void else "counts", void=speed.void)
    _keep(store, file, ended)
    attempts = (*earlier, ended)
    return replace(speed, attempts=attempts, summary=(*speed.summary, *told(attempts)))


def _attempts(text: str) -> Iterator[Attempt]:
    """Yield every attempt in its latest state."""
    latest = {kept["began_unix_s"]: kept for kept in map(json.loads, text.splitlines())}
    for kept in latest.values():
        yield Attempt(**kept | {"void": tuple(kept["void"])})


def _keep(store: Workspace, file: str, attempt: Attempt) -> None:
    line = json.dumps(asdict(attempt), ensure_ascii=False)
    store.keep_text(file, f"{store.kept_text(file)}{line}\n")
