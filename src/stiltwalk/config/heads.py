"""Which trained head a target begins with, where an arm reuses heads."""

from __future__ import annotations

from stiltwalk.config.recipe import Arm, Recipe
from stiltwalk.errors import RecipeError
from stiltwalk.tasks import INTERMEDIATE, TASKS, Task


def reused_head(arm: Arm, target: Task) -> str:
    """Return the intermediate task whose trained head a target begins with; empty for a fresh one.

    It has the target's type and labels. Of several the task whose rows the target trains on counts
    first, then the first in `INTERMEDIATE`.
    """
    if arm.head == "fresh":
        return ""
    fitting = [name for name in _fitting(target) if name in arm.tasks]
    return target.train_task if target.train_task in fitting else next(iter(fitting), "")


def _fitting(target: Task) -> list[str]:
    """Return the intermediate tasks with the type and the labels of a target."""
    source = TASKS[target.train_task]
    return [
        name
        for name in INTERMEDIATE
        if (TASKS[name].kind, TASKS[name].labels) == (source.kind, source.labels)
    ]


def check_heads(name: str, arm: Arm, recipe: Recipe) -> None:
    """Refuse an arm that asks for trained heads and would get none."""
    if arm.head == "fresh":
        return
    key = f"arms.{name}.head"
    if recipe.model.family != "encoder" or arm.prompt:
        raise RecipeError(f"{key} is 'reuse', but the arm has no heads: leave it out.")
    targets = [TASKS[target] for target in recipe.targets]
    if not any(reused_head(arm, target) for target in targets):
        fitting = sorted({each for target in targets for each in _fitting(target)})
        raise RecipeError(
            f"{key} is 'reuse', but none of its tasks has the type and the labels of a target; "
            f"these have: {', '.join(fitting) or 'none'}. Add one, or leave head out."
        )
