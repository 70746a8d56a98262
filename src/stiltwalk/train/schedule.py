"""How fast to learn at each step, and when to look at dev."""

from __future__ import annotations

from stiltwalk.config.recipe import TrainSettings


def learning_rate(step: int, num_steps: int, settings: TrainSettings) -> float:
    """Return the learning rate of a step: linear warm-up, then linear decay to 0.

    Args:
        step: 0 for the first optimiser step.
        num_steps: all optimiser steps of the stage, at least 1.
        settings: peak and share of the warm-up.

    Source:
        `get_linear_schedule_with_warmup`, as in the scripts of Phang et al. (2020).
    """
    warmup = int(settings.warmup_share * num_steps)
    if settings.warmup_steps is not None:
        warmup = min(settings.warmup_steps, num_steps)
    if step < warmup:
        return settings.learning_rate * step / warmup
    return settings.learning_rate * (num_steps - step) / max(1, num_steps - warmup)


def looks_at_dev(step: int, num_steps: int, settings: TrainSettings) -> bool:
    """Tell whether dev rows are scored after a step: every so often, and at the end."""
    return (step + 1) % settings.eval_every_steps == 0 or step + 1 == num_steps
