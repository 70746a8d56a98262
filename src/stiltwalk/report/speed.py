"""Speed seen while predicting: an observation beside the scores, never a verdict."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from stiltwalk.records import TimingRow
from stiltwalk.report.rows import RunRows

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, kw_only=True)
class Speed:
    """What predicting took, summed over stages and seeds.

    `tokens_per_s` counts real tokens only; `padding` is the share of the tokens that went
    through the model and were padding, a fraction. `task` and `language` are empty in a sum.
    """

    arm: str
    task: str
    language: str
    num_examples: int
    time_s: float
    tokens_per_s: float
    ms_per_example: float
    tokens_per_example: float
    padding: float


def speed_per_language(run: RunRows) -> tuple[Speed, ...]:
    """Return one line per arm, task and language, in the order of the recipe."""
    tasks, arms = {t: i for i, t in enumerate(run.targets)}, {a: i for i, a in enumerate(run.arms)}
    sums = _sum_by(run, lambda arm, row: (arm, row.task, row.language))
    found = (_speed(*key, rows) for key, rows in sums.items())
    return tuple(
        sorted(
            (each for each in found if each),
            key=lambda s: (tasks.get(s.task, len(tasks)), s.language, arms.get(s.arm, len(arms))),
        )
    )


def speed_per_arm(run: RunRows) -> tuple[Speed, ...]:
    """Return one line per arm, everything it predicted together."""
    sums = _sum_by(run, lambda arm, _: arm)
    found = (_speed(arm, "", "", sums[arm]) for arm in run.arms if arm in sums)
    return tuple(each for each in found if each)


def _sum_by(run: RunRows, key: Callable[[str, TimingRow], Key]) -> dict[Key, list[TimingRow]]:
    """Return the timing rows that share a key."""
    groups: dict[Key, list[TimingRow]] = {}
    for each in run.timings:
        groups.setdefault(key(each.arm, each.row), []).append(each.row)
    return groups


def _speed(arm: str, task: str, language: str, rows: Iterable[TimingRow]) -> Speed | None:
    """Return the sum of some rows as rates, None where nothing was timed."""
    rows = list(rows)
    num_examples = sum(row.num_examples for row in rows)
    real, padded = sum(row.real_tokens for row in rows), sum(row.padded_tokens for row in rows)
    time_s = sum(row.time_s for row in rows)
    if not (num_examples and padded and time_s > 0):
        return None
    return Speed(
        arm=arm,
        task=task,
        language=language,
        num_examples=num_examples,
        time_s=time_s,
        tokens_per_s=real / time_s,
        ms_per_example=1000 * time_s / num_examples,
        tokens_per_example=real / num_examples,
        padding=1 - real / padded,
    )
