"""The cheapest system that is good enough, against brute force and cases known by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf

import numpy as np
import pytest

from stiltwalk.selection.choose import (
    Compared,
    Demands,
    KnownSystem,
    Place,
    appraise,
    chained,
    cheapest,
    nearest,
    undecided,
    unreachable,
)

SW, UR, DE = ("xnli", "sw"), ("xnli", "ur"), ("xquad", "de")


def system(name: str, sw: float, price: float, share: float = 1.0, **more: float) -> KnownSystem:
    again = np.where(np.arange(100) < 100 * share, sw, 0.0)
    costs = {"p50": price} | more
    return KnownSystem(
        name=name,
        scores={SW: sw},
        resampled={SW: again},
        costs={key: (value, value) for key, value in costs.items()},
    )


def made_up(rng: np.random.Generator, number: int) -> KnownSystem:
    scores = {place: float(rng.uniform(0.4, 0.9)) for place in (SW, UR, DE)}
    again = {place: score + rng.normal(0, 0.03, 200) for place, score in scores.items()}
    low = {key: float(rng.uniform(1, 10)) for key in ("p50", "p95", "memory")}
    costs = {key: (value, value * float(rng.choice([1.0, 1.5, inf]))) for key, value in low.items()}
    if rng.random() < 0.2:
        del scores[UR], again[UR]
    if rng.random() < 0.2:
        del costs["p50"]
    return KnownSystem(name=str(number), scores=scores, resampled=again, costs=costs)


def by_brute_force(
    systems: Sequence[KnownSystem], floors: Mapping[Place, float], limits: Mapping[str, float]
) -> str | None:
    """Return the name of the answer, each rule written out for each system in turn."""
    kept = []
    for place, each in enumerate(systems):
        good = True
        for where, floor in floors.items():
            good &= where in each.scores and each.scores[where] >= floor
        for what, most in limits.items():
            good &= what in each.costs and each.costs[what][1] <= most
        if good:
            price = each.costs["p50"][1] if "p50" in each.costs else inf
            held = sum(
                all(each.resampled[where][draw] >= floor for where, floor in floors.items())
                for draw in range(200)
            )
            margin = min(each.scores[where] - floor for where, floor in floors.items())
            kept.append((price, held, margin, -place))
    if not kept:
        return None
    least = min(price for price, *_ in kept)
    best = max(rest for price, *rest in kept if price <= least * 1.03)
    return systems[-best[-1]].name


def test_twenty_queries_have_the_answer_that_brute_force_has() -> None:
    rng = np.random.default_rng(28)
    answers = []
    for _ in range(20):
        systems = [made_up(rng, number) for number in range(40)]
        floors = {place: float(rng.uniform(0.4, 0.75)) for place in (SW, UR, DE)}
        limits = {key: float(rng.uniform(4, 14)) for key in ("p95", "memory")}
        found = cheapest(appraise(systems, Demands(floors=floors, limits=limits)))
        answers.append(found.system.name if found else None)
        assert answers[-1] == by_brute_force(systems, floors, limits)
    assert None in answers
    assert len(set(answers)) > 8


def test_a_mean_that_hides_a_language_does_not_pass() -> None:
    fair = KnownSystem(name="fair", scores={SW: 0.61, UR: 0.61}, costs={"p50": (2.0, 2.0)})
    hiding = KnownSystem(name="hiding", scores={SW: 0.5, UR: 0.9}, costs={"p50": (1.0, 1.0)})
    found = appraise([hiding, fair], Demands(floors={SW: 0.6, UR: 0.6}))
    assert found[0].failed == (SW,)
    chosen = cheapest(found)
    assert chosen is found[1]
    assert chosen.margin == pytest.approx(0.01)


def test_risk_is_that_all_floors_hold_at_once() -> None:
    again = {SW: np.array([0.7, 0.5, 0.7, 0.7]), UR: np.array([0.7, 0.7, 0.5, 0.7])}
    one = KnownSystem(name="one", scores={SW: 0.65, UR: 0.65}, resampled=again)
    (found,) = appraise([one], Demands(floors={SW: 0.6, UR: 0.6}))
    assert found.share == 0.5
    (unknown,) = appraise([replace(one, resampled={SW: again[SW]})], found.demands)
    assert unknown.share is None
    assert unknown.meets


def test_of_equal_costs_the_safer_wins_and_a_surer_one_may_cost_more() -> None:
    systems = [system("a", 0.7, 1.0, 0.6), system("b", 0.7, 1.02, 0.8), system("c", 0.7, 2.0)]
    found = appraise(systems, Demands(floors={SW: 0.6}))
    assert cheapest(found) is found[1]
    assert cheapest(found, surely=0.95) is found[2]


def test_a_limit_is_met_missed_or_open_by_the_bounds_of_what_is_known() -> None:
    one = replace(system("one", 0.7, 1.0), costs={"p50": (1.0, 1.0), "p95": (2.0, 3.0)})

    def against(most: float) -> tuple[bool, int, int]:
        (found,) = appraise([one], Demands(floors={SW: 0.6}, limits={"p95": most}))
        return found.meets, len(found.failed), len(found.unknown)

    assert against(3.0) == (True, 0, 0)
    assert against(2.5) == (False, 0, 1)
    assert against(1.9) == (False, 1, 0)


def test_the_impossible_is_named_with_what_comes_nearest() -> None:
    systems = [system("slow", 0.7, 5.0, memory=1.0), system("fast", 0.5, 1.0, memory=2.0)]
    found = appraise(systems, Demands(floors={SW: 0.8, DE: 0.1}, limits={"memory": 0.5}))
    assert cheapest(found) is None
    assert list(unreachable(found)) == [(SW, systems[0]), (DE, None), ("memory", systems[0])]
    apart = appraise(systems, Demands(floors={SW: 0.6}, limits={"p50": 2.0}))
    assert cheapest(apart) is None
    assert not list(unreachable(apart))
    assert nearest(apart) is apart[0]
    assert not list(unreachable(()))
    assert nearest(()) is None


def test_what_is_cheaper_and_not_measured_could_still_win() -> None:
    systems = [
        system("chosen", 0.7, 2.0),
        KnownSystem(name="no score", scores={}, costs={"p50": (1.0, 1.0)}),
        KnownSystem(name="dear", scores={}, costs={"p50": (9.0, 9.0)}),
        KnownSystem(name="not timed", scores={SW: 0.9}),
        KnownSystem(name="bad", scores={SW: 0.1}),
    ]
    found = appraise(systems, Demands(floors={SW: 0.6}))
    chosen = cheapest(found)
    assert chosen is found[0]
    assert [each.system.name for each in undecided(found, chosen)] == ["no score", "not timed"]


def test_rows_that_would_make_it_sure_grow_with_the_square_of_the_noise() -> None:
    again = np.array([0.6, 0.7, 0.8])
    one = KnownSystem(name="one", scores={SW: 0.7}, resampled={SW: again})
    (found,) = appraise([one], Demands(floors={SW: 0.65}))
    assert found.times_the_rows == pytest.approx((1.645 * 0.1 / 0.05) ** 2)
    (below,) = appraise([one], Demands(floors={SW: 0.75}))
    assert below.times_the_rows is None


def test_costs_of_two_sessions_hang_together_by_ratios() -> None:
    sessions = [
        Compared("a", "b", 1.0, 2.0),
        Compared("c", "d", 5.0, 0.5),  # another session, joined to the first by the third
        Compared("d", "b", 7.0, 4.0),
        Compared("x", "y", 3.0, 3.0),
    ]
    assert chained(sessions) == {"a": 1.0, "b": 2.0, "d": 0.5, "c": 1.0, "x": 3.0, "y": 9.0}
    assert chained([]) == {}
