"""A table as rows of text, from which Markdown and LaTeX are made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PlainTable:
    """A table as text: `name` is short and ASCII, the first `num_left` columns are words.

    The words of a table of `prose` are whole sentences.
    """

    name: str
    title: str
    note: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    num_left: int = 1
    prose: bool = False
