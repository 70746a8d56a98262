"""How often a measurement was attempted: the third one after two that were VOID says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_WORDS = {"void": "VOID in part or in all", "counts": "not void", "broken off": "broken off"}


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One try at a measurement.

    Args:
        began_unix_s: when it began.
        outcome: "counts", "void" if some or all of its verdicts did not count, or "broken off".
        void: why not.
    """

    began_unix_s: float
    outcome: str
    void: tuple[str, ...] = ()


def told(attempts: tuple[Attempt, ...]) -> Iterator[str]:
    """Yield what was attempted before the last one, a sentence; nothing for a first attempt."""
    before = [each.outcome for each in attempts[:-1]]
    if before:
        counts = [f"{before.count(each)} {_WORDS[each]}" for each in _WORDS if each in before]
        said = ", ".join(counts)
        yield f"This is attempt {len(attempts)} at this measurement; before it: {said}."
