"""Selectors against the truth of a grid of arms: what following each would have cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from stiltwalk.records import BASELINE_ARM, Split
from stiltwalk.reports.data import RunRows
from stiltwalk.reports.scores import ENGLISH, ScoreBook, Spread, spread, trained_seeds
from stiltwalk.selection.ratings import MNLI, SELECTORS, advised
from stiltwalk.selection.regret import Scores, ndcg, rank_correlation, regret
from stiltwalk.selection.transferability import linear_map, mapped

COMBINED, ADVISED = "combination", "mnli, then votes"
ALWAYS_MNLI, ALWAYS_NONE, CHANCE = "always mnli", f"always {BASELINE_ARM}", "chance"
DEV = "English dev"
RULES: Mapping[str, tuple[str, str]] = {
    COMBINED: (
        "a grid of other targets",
        "a linear mixture of the selectors above, fitted on the other targets of this run",
    ),
    ADVISED: ("what its selectors need", "mnli, then what most of the selectors put before others"),
    DEV: ("everything trained", "the target's English dev score after training"),
    ALWAYS_MNLI: ("nothing", "mnli, then any"),
    ALWAYS_NONE: ("nothing", "no intermediate task, then any"),
    CHANCE: ("nothing", "any order"),
}
MOST = (1, 3, 5)
_FEWEST = 3
"""Candidates that make a ranking."""
Place = tuple[int, str]
"""Seed and target."""
Figure = Callable[[Scores, Scores], float]


@dataclass(frozen=True, kw_only=True)
class JudgedSelector:
    """A selector against the truth; figures are means over targets, over seeds.

    Args:
        name: the selector's.
        figures: by name: "regret@1" and the like are shares of the best score; `correlation`,
            `ndcg`.
        over_mnli: its regret@1 less that of always taking mnli; None where that is no candidate.
    """

    name: str
    figures: Mapping[str, Spread]
    over_mnli: Spread | None


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Every candidate's score, by seed and target, and every selector's scores there."""

    truth: Mapping[Place, Scores]
    rankings: Mapping[str, Mapping[Place, Scores]]

    @property
    def seeds(self) -> tuple[int, ...]:
        """Its seeds."""
        return tuple(dict.fromkeys(seed for seed, _ in self.truth))

    def judged(self) -> Iterator[JudgedSelector]:
        """Yield every selector that ranks each target, in the order of their list."""
        least = min(len(each) for each in self.truth.values())
        figures: dict[str, Figure] = {
            f"regret@{k}": partial(regret, k=k) for k in MOST if k < least
        }
        figures |= {"correlation": rank_correlation, "ndcg": ndcg}
        mnli = self._over_seeds(figures["regret@1"], ALWAYS_MNLI)
        for name in self.rankings:
            ours = self._over_seeds(figures["regret@1"], name)
            yield JudgedSelector(
                name=name,
                figures={
                    key: found
                    for key, figure in figures.items()
                    if (found := spread(self._over_seeds(figure, name).values()))
                },
                over_mnli=spread(ours[seed] - mnli[seed] for seed in self.seeds) if mnli else None,
            )

    def _over_seeds(self, figure: Figure, name: str) -> dict[int, float]:
        """Return seed to the mean of a figure over targets, nothing of an unknown selector."""
        rankings = self.rankings.get(name, {})
        return {
            seed: float(
                np.mean(
                    [figure(self.truth[at], rankings[at]) for at in self.truth if at[0] == seed]
                )
            )
            for seed in self.seeds
            if rankings
        }


def grid_of(run: RunRows) -> Grid | None:
    """Return a run's grid, None where no selector was asked or too few arms are single tasks."""
    candidates = {
        arm: made.tasks[0] if made.tasks else BASELINE_ARM
        for arm, made in run.made_of.items()
        if arm == BASELINE_ARM or (made.is_plain and len(made.tasks) == 1)
    }
    book = ScoreBook(run.rows, Split.TEST, trained_seeds(run.rows), run.languages_of)
    dev = ScoreBook(run.rows, Split.DEV)
    truth: dict[Place, Scores] = {}
    rankings: dict[str, dict[Place, Scores]] = {}
    for target in dict.fromkeys(each.target for each in run.ratings):
        scores = {arm: book.task_scores(arm, target) for arm in candidates}
        for seed in set.intersection(*map(set, scores.values())) if scores else ():
            place = (seed, target)
            truth[place] = {name: scores[arm][seed].score for arm, name in candidates.items()}
            evaluated = {
                name: dev.language_scores(arm, target, ENGLISH) for arm, name in candidates.items()
            }
            for selector, found in (
                *_rated(run, place).items(),
                (DEV, {name: each[seed] for name, each in evaluated.items() if seed in each}),
                (ALWAYS_MNLI, {MNLI: 1.0}),
                (ALWAYS_NONE, {BASELINE_ARM: 1.0}),
                (CHANCE, {}),
            ):
                rankings.setdefault(selector, {})[place] = found
    if not truth or len(candidates) < _FEWEST:
        return None
    if MNLI not in candidates.values():
        rankings.pop(ALWAYS_MNLI)
    known = {
        name: rankings[name] for name in SELECTORS if len(rankings.get(name, ())) == len(truth)
    }
    combined = {COMBINED: combined_rankings(truth, known)}
    if MNLI in candidates.values():
        combined[ADVISED] = {
            place: advised({name: of[place] for name, of in known.items()}) for place in truth
        }
    rules = {name: rankings[name] for name in RULES if name in rankings}
    return Grid(truth=truth, rankings={**known, **combined, **rules})


def _rated(run: RunRows, place: Place) -> dict[str, Scores]:
    """Return selector to what it says of every candidate for a seed; seed 0 stands for all."""
    found: dict[str, dict[str, float]] = {}
    for each in run.ratings:
        if each.target == place[1] and each.seed in (0, place[0]):
            found.setdefault(each.selector, {})[each.source] = each.value
    return dict(found)


def combined_rankings(
    truth: Mapping[Place, Scores], selectors: Mapping[str, Mapping[Place, Scores]]
) -> dict[Place, Scores]:
    """Return rankings by a linear mixture, each fitted on the other targets alone.

    Scores are standardised among the candidates of a place; a candidate that a selector does not
    rate is average to it, and whether it is the baseline counts as one more selector.
    """
    rows = {
        (place, name): [float(name == BASELINE_ARM)]
        + [_standardised(rated[place], name) for rated in selectors.values()]
        for place, scores in truth.items()
        for name in scores
    }
    found: dict[Place, Scores] = {}
    for place, scores in truth.items():
        others = [key for key in rows if key[0][1] != place[1]]
        if not others:  # one target teaches nothing about itself
            found[place] = {}
            continue
        gains = [[_standardised(truth[at], name)] for at, name in others]
        weights = linear_map([rows[key] for key in others], gains)
        asked = mapped([rows[place, name] for name in scores], weights)
        found[place] = dict(zip(scores, map(float, asked[:, 0]), strict=True))
    return found


def _standardised(scores: Scores, name: str) -> float:
    values = np.array(list(scores.values()))
    if name not in scores or not values.std():
        return 0.0
    return float((scores[name] - values.mean()) / values.std())
