"""Sentences that several rooms say alike."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from reprlib import Repr
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


_LONGEST = 100
_BRIEF = Repr()
_BRIEF.maxstring = _BRIEF.maxother = _BRIEF.maxlong = _LONGEST


def shown(value: object) -> str:
    """Return any value as a message shows it, however long or deep it is."""
    return _BRIEF.repr(value)


def rounded(value: float, places: int, *, signed: bool = False) -> str:
    """Return a number with so many decimals, thousands apart; what rounds to zero has no sign.

    Example:
        >>> rounded(-0.04, 1), rounded(-1234.5, 1, signed=True), rounded(0.04, 1, signed=True)
        ('0.0', '\N{MINUS SIGN}1,234.5', '0.0')
    """
    text = f"{value:{'+' * signed},.{places}f}"
    if not text.strip("+-0.,"):
        return text.strip("+-")
    return text.replace("-", "\N{MINUS SIGN}")


def nearest(word: str, known: Sequence[str]) -> str:
    """Return " Did you mean …?" or the list of what exists."""
    close = get_close_matches(word[:_LONGEST], known, n=1)
    if close:
        return f" Did you mean {close[0]}?"
    return f" There is: {', '.join(known)}."


def wrong_key(error: ErrorDetails, what: str, known: Sequence[str], start: str = "") -> str:
    """Return what pydantic found as one sentence with the key's path.

    Args:
        error: the finding.
        what: holds the key, such as "recipe".
        known: the keys beside the one that is wrong.
        start: of the path.
    """
    path = start + ".".join(str(part)[:_LONGEST] for part in error["loc"])
    if error["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"Unknown key {path}.{nearest(str(error['loc'][-1]), known)}"
    if error["type"] in ("missing", "missing_argument"):
        return f"The {what} lacks {path}: give it a value."
    return f"{path} is {shown(error['input'])}: {error['msg'][0].lower()}{error['msg'][1:]}."


def duration(time_s: float) -> str:
    """Return a time in the largest unit that it holds at least twice."""
    for unit, unit_s in (("h", 3600), ("min", 60)):
        if time_s >= 2 * unit_s:
            return f"{time_s / unit_s:,.0f} {unit}"
    return f"{time_s:.0f} s"
