"""Where the rows of a data set are on the Hugging Face hub, or in a folder laid out like it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from stiltwalk.data.rows import Rows
from stiltwalk.data.source import HUB
from stiltwalk.records import Example, Split

Reader = Callable[[Rows, str], Iterator[Example]]
"""Turns rows into examples of one language (which matters where a split mixes several)."""


def as_it_is(language: str) -> str:
    """Return the hub's code of a language for data sets that use the same two letters."""
    return language


@dataclass(frozen=True, kw_only=True)
class HubFiles:
    """Some splits of a data set on the hub, and how to read their rows.

    `config` may hold `{code}`, filled with the hub's own code of a language (`code_of`). A split
    that is None does not exist, or its labels are hidden. `part` names the piece of a task that
    is put together from several data sets.
    """

    repository: str
    config: str
    read: Reader | None = field(default=None, repr=False)
    train: str | None = None
    dev: str | None = None
    test: str | None = None
    part: str = ""
    code_of: Callable[[str], str] = field(default=as_it_is, repr=False)

    def split_named(self, split: Split) -> str | None:
        """Return the hub's name of a split, None where it does not exist."""
        return {Split.TRAIN: self.train, Split.DEV: self.dev, Split.TEST: self.test}[split]

    def config_of(self, language: str) -> str:
        """Return the configuration that holds a language."""
        return self.config.format(code=self.code_of(language))


def open_rows(files: HubFiles, source: str, split: str, language: str) -> Rows:
    """Open one split of one configuration.

    Args:
        files: which data set.
        source: "hub", or a folder in the hub's layout.
        split: as the hub names it.
        language: two letters, as everywhere outside `data/`.

    Raises:
        DataError: if it is not there, cannot be fetched or is damaged.
    """
    from stiltwalk.data import download, mirror

    config = files.config_of(language)
    prefix = f"{files.part}:" if files.part else ""
    if source == HUB:
        return download.open_rows(files.repository, config, split, prefix)
    return mirror.open_rows(source, files.repository, config, split, prefix)
