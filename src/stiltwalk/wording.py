"""Sentences that several rooms say alike."""

from __future__ import annotations

import re
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
    try:
        return _BRIEF.repr(value)
    except ValueError:  # Python refuses to write out numbers of thousands of digits
        return "a number too long to be shown"


def nearest(word: str, known: Sequence[str]) -> str:
    """Return " Did you mean …?" or the list of what exists."""
    some = [each[:_LONGEST] for each in known[:_LONGEST]]
    close = get_close_matches(word[:_LONGEST], some, n=1)
    if close:
        return f" Did you mean {close[0]}?"
    more = f" and {len(known) - len(some)} more" * (len(known) > len(some))
    return f" There is: {', '.join(some)}{more}."


_SECRETS = (  # their names
    r"(?:(?:access|api|auth|hf|id|refresh|security|session|x-amz-security)[_-]?)?token|sig|"
    r"[\w-]*(?:signature|secret|password|passwd|credential|api[_-]?key|access[_-]?key)[\w-]*"
)
_MASKS = (
    (re.compile(r"(?<=://)[^/\s@'\"]+@"), "***@"),
    (
        re.compile(rf"(?i)((?<![\w-])(?:{_SECRETS})(?:[\"']?\s*=|[\"']:)\s*[\"']?)[^\s&\"',;)]+"),
        r"\1***",
    ),
    (re.compile(r"(?i)(--(?:token|password)\s+)\S+"), r"\1***"),
    (re.compile(r"\b(hf_|sk-|ghp_|AKIA)[A-Za-z0-9]{16,}"), r"\1***"),
)
_ABSOLUTE = re.compile(
    r"(?<=[\"'])(?:~|/)[^\"'\n]*/(?=[^\"'\n/])|(?<![\w.:/*])(?:~|/)[^\s\"'`<>|]*/(?=[^\s\"'`<>|/])"
)
"""Up to its last part; spaces only where it stands in quotes."""


def masked(text: str) -> str:
    """Return a text without what opens doors: passwords and tokens in URLs, options, settings."""
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    return text


def public(text: str) -> str:
    """Return a text that may be shown to anyone: masked, absolute paths cut to their last part."""
    return _ABSOLUTE.sub("./", masked(text))


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
    return f"{path} is {shown(error['input'])}: {error['msg'][0].lower()}{error['msg'][1:300]}."


def duration(time_s: float) -> str:
    """Return a time in the largest unit that it holds at least twice."""
    for unit, unit_s in (("h", 3600), ("min", 60)):
        if time_s >= 2 * unit_s:
            return f"{time_s / unit_s:,.0f} {unit}"
    return f"{time_s:.0f} s"
