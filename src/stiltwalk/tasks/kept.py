"""Rows that were read before in this process, up to a limit."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

from stiltwalk.records import Example


class KeptRows:
    """The rows asked for most recently: several arms read the same test sets.

    Bounded by rows, not by calls, since one training set can be as large as all test sets.
    """

    def __init__(self, max_rows: int) -> None:
        """Keep at most `max_rows` examples, and the last rows asked for in any case."""
        self._max_rows = max_rows
        self._kept: OrderedDict[Hashable, tuple[Example, ...]] = OrderedDict()

    def forget(self) -> None:
        """Drop everything: what lies behind a key may have changed since."""
        self._kept.clear()

    def get(self, key: Hashable, read: Callable[[], tuple[Example, ...]]) -> tuple[Example, ...]:
        """Return the rows of a key, reading them only where they are not at hand."""
        rows = self._kept.pop(key, None)
        if rows is None:
            rows = read()
        self._kept[key] = rows
        while len(self._kept) > 1 and sum(map(len, self._kept.values())) > self._max_rows:
            self._kept.popitem(last=False)
        return rows
