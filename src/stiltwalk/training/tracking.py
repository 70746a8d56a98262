"""Show training while it runs, in TensorBoard or any other tracker that Accelerate knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from accelerate.tracking import LOGGER_TYPE_TO_CLASS, get_available_trackers

from stiltwalk.errors import RecipeError
from stiltwalk.store.machine import leads
from stiltwalk.training.distributed import join_processes
from stiltwalk.training.loop import Track

_PROJECT = "stiltwalk"


def require_trackers(names: Sequence[str]) -> None:
    """Refuse trackers that cannot be had here.

    Raises:
        RecipeError: with the nearest name, or with what has to be installed.
    """
    there = [str(name) for name in get_available_trackers()]
    for name in names:
        if name not in LOGGER_TYPE_TO_CLASS:
            close = get_close_matches(name, LOGGER_TYPE_TO_CLASS, n=1)
            known = f"Did you mean {close[0]}?" if close else f"There is: {', '.join(there)}."
            raise RecipeError(f"trackers names {name!r}, which Accelerate does not know. {known}")
        if name not in there:
            raise RecipeError(
                f"trackers names {name!r}, which is not installed here: install its package, or "
                "leave it out."
            )


@contextmanager
def tracked(names: Sequence[str], folder: Path, stage: str) -> Iterator[Track]:
    """Give a function that shows a step's figures; a run that goes on is appended to.

    Args:
        names: Accelerate's names of the trackers; none for none.
        folder: where trackers that write files get a folder each stage.
        stage: the stage's fingerprint.
    """
    if not names or not leads():
        yield lambda _part, _values, _step: None
        return
    join_processes()  # trackers ask which process they are in
    trackers = []
    for name in names:
        make = LOGGER_TYPE_TO_CLASS[name]
        to_files = make.requires_logging_directory
        trackers.append(make(stage, folder) if to_files else make(_PROJECT))
        trackers[-1].start()
        if not to_files:
            trackers[-1].store_init_configuration({"stage": stage})

    def track(part: str, values: Mapping[str, Any], step: int) -> None:
        shown = {f"{part}/{name}": each for name, each in values.items() if _is_figure(each)}
        for tracker in trackers:
            tracker.log(shown, step=step)

    try:
        yield track
    finally:
        for tracker in trackers:
            tracker.finish()


def _is_figure(value: object) -> bool:
    return isinstance(value, int | float)
