"""Which run would tell most about which intermediate task is best for a target."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import exp, inf, pi, sqrt
from statistics import fmean, variance

from scipy.special import ndtr

BETWEEN_ARMS, BETWEEN_SEEDS = 0.03, 0.01
"""Standard deviations of a target's scores, where no two arms, or seeds, say otherwise."""
_LEAST = 1e-3


@dataclass(frozen=True)
class Belief:
    """What is believed of an arm's mean score, as a normal distribution."""

    mean: float
    sd: float


def expected_gains(
    scores: Mapping[str, Mapping[str, Sequence[float]]], arms: Collection[str]
) -> dict[tuple[str, str], float]:
    """Return (target, arm) to what one more seed there is expected to add to the best arm's score.

    It is that of the arm that would then be taken, less that of the one that would be taken now;
    0 where no outcome would change the choice.

    Args:
        scores: target to arm to what its seeds reached, fractions; nothing of an arm to be run.
        arms: every arm.

    Source:
        The knowledge gradient of Frazier, Powell and Dayanik (2009) for independent normal beliefs;
        variances between arms and between seeds are those of all targets together.
    """
    seeds_sd = _pooled([e for of in scores.values() for e in of.values()], BETWEEN_SEEDS)
    arms_sd = _pooled(
        [[fmean(e) for e in of.values() if e] for of in scores.values()], BETWEEN_ARMS
    )
    found = {}
    for target, of in scores.items():
        known = [fmean(each) for each in of.values() if each]
        prior = Belief(fmean(known) if known else 0.0, arms_sd)
        beliefs = {arm: _updated(prior, of.get(arm, ()), seeds_sd) for arm in arms}
        for arm, belief in beliefs.items():
            others = [other.mean for name, other in beliefs.items() if name != arm]
            moves = belief.sd**2 / sqrt(belief.sd**2 + seeds_sd**2)
            away = abs(belief.mean - max(others)) / moves if others else inf
            found[target, arm] = moves * _expected_above(away) if away < inf else 0.0
    return found


def _pooled(groups: Sequence[Sequence[float]], without: float) -> float:
    """Return the standard deviation within groups."""
    several = [each for each in groups if len(each) > 1]
    if not several:
        return without
    freedom = sum(len(each) - 1 for each in several)
    squares = sum(variance(each) * (len(each) - 1) for each in several)
    return max(sqrt(squares / freedom), _LEAST)


def _updated(prior: Belief, seen: Sequence[float], noise_sd: float) -> Belief:
    weight, each = prior.sd**-2, noise_sd**-2
    in_all = weight + each * len(seen)
    return Belief((weight * prior.mean + each * sum(seen)) / in_all, in_all**-0.5)


def _expected_above(z: float) -> float:
    """Return the mean of what a standard normal figure is above z, 0 where it is below."""
    return exp(-z * z / 2) / sqrt(2 * pi) - z * float(ndtr(-z))
