"""The embedded benchmark: XTREME's tasks in miniature, in 40 languages, offline.

Texts are made of what Unicode CLDR says through Babel: names, dates, quantities, lists. They are
parallel by construction. A demonstration of the whole protocol, never a research result.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.metadata import version

from stiltwalk.mini.catalogue import VERSION
from stiltwalk.records import Bitext, Example, Split


@cache
def revision() -> str:
    """Return what decides the rows: the benchmark's own version and Babel's."""
    return f"mini:{VERSION}:babel{version('babel')}"


def examples(task: str, split: Split, language: str) -> tuple[Example, ...]:
    """Return the rows of a task that is not retrieval; see `provider.examples`."""
    from stiltwalk.mini import provider  # noqa: PLC0415 - plans need no Babel

    return provider.examples(task, split, language)


def bitext(task: str, split: Split, language: str) -> Bitext:
    """Return the two sides of a retrieval task; see `provider.bitext`."""
    from stiltwalk.mini import provider  # noqa: PLC0415 - plans need no Babel

    return provider.bitext(task, split, language)


def translated(task: str, language: str) -> tuple[Example, ...]:
    """Return an English task's training rows in another language; see `provider.translated`."""
    from stiltwalk.mini import provider  # noqa: PLC0415 - plans need no Babel

    return provider.translated(task, language)


def text_lines(language: str) -> Iterator[str]:
    """Yield unlabelled lines of a language; see `provider.text_lines`."""
    from stiltwalk.mini import provider  # noqa: PLC0415 - plans need no Babel

    return provider.text_lines(language)
