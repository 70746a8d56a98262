"""Whether and how thoroughly a recipe's arms are timed: its `[measure]` table."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import ConfigDict

from stiltwalk.config.limits import STRICT
from stiltwalk.errors import RecipeError
from stiltwalk.records import BASELINE_ARM

ProfileName = Literal["quick", "full"]
ScenarioName = Literal["SingleStream", "Offline"]


@dataclass(frozen=True, kw_only=True)
class MeasureSettings:
    """Time every arm's models against the baseline's, side by side, once all are there.

    A pair of models per seed is timed: how far pairs differ tells what one pair is worth.

    Args:
        profile: quick takes minutes an arm and seed, full takes hours.
        targets: time these; none for all of the recipe's.
        scenarios: in these alone, which takes less time; none for all of the profile's.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    profile: ProfileName = "quick"
    targets: tuple[str, ...] = ()
    scenarios: tuple[ScenarioName, ...] = ()


def check_measure(
    settings: MeasureSettings | None, arms: Collection[str], targets: Collection[str]
) -> None:
    """Refuse a table that could measure nothing.

    Raises:
        RecipeError: if there is nothing to time against, or a target is not the recipe's.
    """
    if settings is None:
        return
    if BASELINE_ARM not in arms or len(arms) < 2:  # noqa: PLR2004 - one to time, one to time against
        raise RecipeError(
            f"[measure] times arms against the arm {BASELINE_ARM!r}: the recipe needs that arm "
            "and another one."
        )
    for target in settings.targets:
        if target not in targets:
            raise RecipeError(
                f"measure.targets names {target!r}, which is no target of the recipe. There is: "
                f"{', '.join(targets)}."
            )
