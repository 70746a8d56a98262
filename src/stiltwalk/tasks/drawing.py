"""Few examples of every class, drawn by a seed."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from stiltwalk.draws import Draws
from stiltwalk.errors import DataError
from stiltwalk.records import Example, PairExample, TextExample


def drawn(
    rows: Sequence[Example], labels: Sequence[str], per_class: int, draws: Draws
) -> tuple[Example, ...]:
    """Return so many rows of every class, class by class; a smaller draw is part of a larger one.

    Args:
        rows: texts or pairs, in the data set's order.
        labels: the classes.
        per_class: rows of each.
        draws: decide which.

    Raises:
        DataError: if a class has fewer rows.
    """
    found: list[Example] = []
    for label in labels:
        own = [e for e in rows if isinstance(e, TextExample | PairExample) and e.label == label]
        if len(own) < per_class:
            raise DataError(
                f"There are {len(own)} training rows of the class {label!r}, and {per_class} were "
                "to be drawn. Lower examples_per_class."
            )
        random = Random(draws.number("rows", label))  # noqa: S311 - a draw to be repeated, no secret
        random.shuffle(own)
        found += own[:per_class]
    return tuple(found)
