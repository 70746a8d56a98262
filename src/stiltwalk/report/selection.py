"""Claim 5: what choosing an arm per target on English dev gains, the choice made anew each time.

The arm with the best of several noisy dev scores tends to have had luck, and its test scores come
from the same trained models. So each seed's test scores are taken of the arms that the other
seeds choose: no gain is read off the models that it was chosen by.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from stiltwalk.metrics.aggregate import mean
from stiltwalk.records import BASELINE_ARM
from stiltwalk.report.choice import choose_arms
from stiltwalk.report.claims import Finding
from stiltwalk.report.evidence import Evidence, known
from stiltwalk.report.noise import Estimate
from stiltwalk.report.numbers import points
from stiltwalk.report.predicates import Above, with_interval
from stiltwalk.report.wordings import BEST_ROW_POINTS
from stiltwalk.tasks import TARGETS


def best_row(evidence: Evidence) -> Finding:
    """Return whether choosing per target on dev gains as much as published."""
    if not evidence.has_baseline:
        return Finding(lacks=f"The arm “{BASELINE_ARM}” is not finished, so no gain can be formed.")
    chosen, by_seed = _choices(evidence)
    if not all(set(each) >= set(TARGETS) for each in (chosen, *by_seed.values())):
        lacks = evidence.lacking_targets() or "The choice on English dev cannot be made everywhere."
        return Finding(lacks=lacks)
    wanted = {(arm, task) for each in (chosen, *by_seed.values()) for task, arm in each.items()}
    unfinished = sorted(arm for arm, task in wanted if not evidence.finished(arm, [task]))
    if unfinished:
        return Finding(lacks=f"The chosen arm “{unfinished[0]}” is not finished.")
    gains = {task: evidence.gain(arm, [task]) for task, arm in chosen.items()}
    crossed = _crossed(evidence, by_seed)
    ranked = sorted(gains, key=lambda task: -gains[task].value)
    return Finding(
        predicate=Above(
            says="mean gain of the chosen arms", estimate=crossed, bound=BEST_ROW_POINTS / 100
        ),
        numbers=(
            f"mean, chosen by the other seeds: {with_interval(crossed)}",
            f"mean, chosen by all seeds: {points(mean([each.value for each in gains.values()]))}",
            *(f"{task} after “{chosen[task]}”: {with_interval(gains[task])}" for task in ranked),
        ),
        arms=tuple(dict.fromkeys(chosen.values())),
    )


def _choices(evidence: Evidence) -> tuple[dict[str, str], dict[int, dict[str, str]]]:
    """Return target to the arm that all seeds choose, and seed to those that the others choose."""

    def arms(without: int | None) -> dict[str, str]:
        choices = choose_arms(evidence.run, without)
        return {task: choices[task].arm for task in TARGETS if task in choices}

    seeds = evidence.drawn.seeds
    return arms(None), {seed: arms(seed if len(seeds) > 1 else None) for seed in seeds}


def _crossed(evidence: Evidence, by_seed: Mapping[int, Mapping[str, str]]) -> Estimate:
    """Return the mean gain, each seed's of the arms that are chosen for it."""
    drawn = evidence.drawn
    values_S = np.array(
        [
            np.mean(
                [
                    drawn.per_seed(arm, task)[place] - drawn.per_seed(BASELINE_ARM, task)[place]
                    for task, arm in by_seed[seed].items()
                ]
            )
            for place, seed in enumerate(drawn.seeds)
        ]
    )
    wanted = {(arm, task) for each in by_seed.values() for task, arm in each.items()}
    wanted |= {(BASELINE_ARM, task) for task in TARGETS}
    if not all(drawn.has_examples(arm, task) for arm, task in wanted):
        return known(values_S, None)
    examples_R = np.mean(
        [
            drawn.over_examples(arm, task, seed=seed)
            - drawn.over_examples(BASELINE_ARM, task, seed=seed)
            for seed, chosen in by_seed.items()
            for task, arm in chosen.items()
        ],
        axis=0,
    )
    return known(values_S, examples_R)
