"""Selectors: what rates every intermediate task for every target before the target is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stiltwalk.records import BASELINE_ARM
from stiltwalk.selection.transferability import (
    Classes,
    cosine,
    h_score,
    linear_map,
    logme,
    mapped,
    nearest_neighbours,
    one_hot,
)

SIZE, SAME_TYPE, SIMILARITY, LABEL_FIT = "data size", "same type", "text similarity", "label fit"
MAP = "space map + LogME"
MNLI = "mnli"
"""What is taken where nothing is known: no selector was shown to be better."""
ON_TUNED: Mapping[str, Callable[[ArrayLike, ArrayLike], float]] = {
    "LogME": logme,
    "H-score": h_score,
    "neighbours": nearest_neighbours,
}
_NEEDS_NOTHING, _NEEDS_BASE = "nothing", "the base model"
_NEEDS_SOURCE = "each intermediate task trained"
SELECTORS: Mapping[str, tuple[str, str]] = {
    SIZE: (_NEEDS_NOTHING, "most English rows first"),
    SAME_TYPE: (_NEEDS_NOTHING, "tasks of the target's type first"),
    SIMILARITY: (_NEEDS_BASE, "cosine of the tasks' mean features"),
    LABEL_FIT: (
        _NEEDS_BASE,
        "LogME of the target's labels on what a linear probe of the intermediate task says of its "
        "rows",
    ),
    "LogME": (_NEEDS_SOURCE, "evidence of the target's labels on the trained encoder's features"),
    "H-score": (_NEEDS_SOURCE, "how far the target's classes lie apart there"),
    "neighbours": (_NEEDS_SOURCE, "how often the three nearest rows there have the right class"),
    MAP: (
        _NEEDS_SOURCE,
        "LogME on the base model's features of the target, mapped as training moved those of the "
        "intermediate task",
    ),
}
"""By name: what must be there, and what it means."""


@dataclass(frozen=True, kw_only=True)
class Rating:
    """What a selector says of an intermediate task, `none` among them, for a target."""

    selector: str
    target: str
    source: str
    value: float
    seed: int = 0


def advised(rated: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Return what to train first: mnli, then what most selectors put before others.

    Args:
        rated: by selector what it says of some candidates. A selector gives a candidate the share
            of the others that it puts below, half of those that it puts level; what it does not
            rate has no vote of it.
    """
    votes: dict[str, list[float]] = {}
    for scores in rated.values():
        for name, value in scores.items():
            others = [other for key, other in scores.items() if key != name]
            won = [(other < value) + (other == value) / 2 for other in others]
            votes.setdefault(name, []).append(fmean(won) if won else 0.5)
    return {name: fmean(given) + (name == MNLI) for name, given in votes.items()}


@dataclass(frozen=True, kw_only=True, eq=False)
class Embedded:
    """English rows of a task as frozen features.

    Args:
        vectors_ND: of rows, options or tokens.
        labels_N: their classes.
        mean_D: the mean over rows of their mean token.
    """

    vectors_ND: NDArray[np.float32]
    labels_N: Classes
    mean_D: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """What is known of an intermediate task.

    Args:
        task_type: its type.
        num_rows: English rows that it is trained on.
        own: its rows through the base model.
        moved: the same rows through the encoder that was trained on them; None before.
        asked: the target's rows through that encoder; None before.
    """

    task_type: str
    num_rows: int
    own: Embedded
    moved: Embedded | None = None
    asked: Embedded | None = None


def rated(
    target: str, target_type: str, asked: Embedded, sources: Mapping[str, Source]
) -> Iterator[Rating]:
    """Yield what the selectors say of every source for one target, `none` where one rates it.

    Args:
        target: its name.
        target_type: its type.
        asked: its rows through the base model.
        sources: the candidates.
    """

    def rating(selector: str, source: str, value: float) -> Rating:
        return Rating(selector=selector, target=target, source=source, value=value)

    for name, source in sources.items():
        yield rating(SIZE, name, source.num_rows)
        yield rating(SAME_TYPE, name, float(source.task_type == target_type))
        yield rating(SIMILARITY, name, cosine(source.own.mean_D, asked.mean_D))
        probe = linear_map(source.own.vectors_ND, one_hot(source.own.labels_N))
        yield rating(LABEL_FIT, name, logme(mapped(asked.vectors_ND, probe), asked.labels_N))
    trained = {name: each for name, each in sources.items() if each.asked and each.moved}
    for selector, score in {**ON_TUNED, MAP: logme}.items() if trained else ():
        yield rating(selector, BASELINE_ARM, score(asked.vectors_ND, asked.labels_N))
    for name, source in trained.items():
        assert source.asked
        assert source.moved
        for selector, score in ON_TUNED.items():
            value = score(source.asked.vectors_ND, source.asked.labels_N)
            yield rating(selector, name, value)
        moved = linear_map(source.own.vectors_ND, source.moved.vectors_ND)
        yield rating(MAP, name, logme(mapped(asked.vectors_ND, moved), asked.labels_N))
