"""Tests for stiltwalk.metrics.efficiency."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from itertools import product
from math import log
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stiltwalk.errors import MetricError
from stiltwalk.metrics.efficiency import (
    Disparity,
    RatedSystem,
    RequestTime,
    anchored_per,
    disparity,
    pareto_front,
    per,
    per_warning,
    split_of_change,
    variance_shares,
)

PUBLISHED = json.loads(
    (Path(__file__).parents[1] / "golden" / "per.json").read_text(encoding="utf-8")
)
COSTS = st.integers(1, 1000)
SYSTEM = st.builds(
    RatedSystem, quality=st.integers(0, 100), throughput=COSTS, memory=COSTS, latency=COSTS
)
SYSTEMS = st.lists(SYSTEM, min_size=2, max_size=8).map(
    lambda systems: dict(zip("abcdefgh", systems, strict=False))
)


def published() -> dict[str, dict[str, tuple[RatedSystem, float]]]:
    """Return task to model to what was published: the system, and its PER."""
    tasks: dict[str, dict[str, tuple[RatedSystem, float]]] = defaultdict(dict)
    for task, model, quality, throughput, latency, memory, value in PUBLISHED["rows"]:
        system = RatedSystem(quality=quality, throughput=throughput, memory=memory, latency=latency)
        tasks[task][model] = system, value
    return tasks


def test_75_of_80_published_figures_are_found_again_and_the_other_five_are_known() -> None:
    unlike = []
    for task, models in published().items():
        values = per({model: system for model, (system, _) in models.items()})
        for model, (_, value) in models.items():
            if values[model] != pytest.approx(value, abs=0.02):
                unlike.append([task, model])
    assert sum(map(len, published().values())) == 80
    assert sorted(unlike) == sorted(PUBLISHED["inconsistent"])


def test_the_published_figure_of_mistral_on_gsm8k_fits_a_tenth_of_its_throughput() -> None:
    models = published()["gsm8k"]
    systems = {model: system for model, (system, _) in models.items()}
    systems["Mistral-7B"] = replace(systems["Mistral-7B"], throughput=390.7)
    assert per(systems)["Mistral-7B"] == pytest.approx(models["Mistral-7B"][1], abs=0.005)


@given(SYSTEMS)
def test_per_lies_between_0_and_1(systems: dict[str, RatedSystem]) -> None:
    values = per(systems).values()
    assert all(value is None or 0 <= value <= 1 for value in values)
    assert len({value is None for value in values}) == 1


@given(SYSTEMS, st.sampled_from(["throughput", "memory", "latency"]), st.floats(0.1, 10))
def test_per_does_not_depend_on_units(
    systems: dict[str, RatedSystem], criterion: str, factor: float
) -> None:
    other = {
        name: replace(each, **{criterion: factor * getattr(each, criterion)})
        for name, each in systems.items()
    }
    assert per(other) == pytest.approx(per(systems), abs=1e-6)


@given(SYSTEMS, st.data())
def test_who_becomes_better_within_the_range_does_not_lose(
    systems: dict[str, RatedSystem], data: st.DataObject
) -> None:
    criterion = data.draw(st.sampled_from(["quality", "throughput", "memory", "latency"]))
    values = [getattr(each, criterion) for each in systems.values()]
    good = min(values) if criterion in {"memory", "latency"} else max(values)
    old = systems["a"]
    new = replace(old, **{criterion: (getattr(old, criterion) + good) / 2})
    before, after = per(systems)["a"], per({**systems, "a": new})["a"]
    assert after is None or before is None or after >= before - 1e-12


@given(SYSTEM, SYSTEM)
def test_of_two_systems_the_better_in_all_has_1_and_otherwise_both_have_0(
    one: RatedSystem, two: RatedSystem
) -> None:
    values = per({"one": one, "two": two})
    wins = [
        one.quality - two.quality,
        one.throughput - two.throughput,
        two.memory - one.memory,
        two.latency - one.latency,
    ]
    if 0 in wins:
        assert values == {"one": None, "two": None}
    elif all(win > 0 for win in wins) or all(win < 0 for win in wins):
        assert values == {"one": float(wins[0] > 0), "two": float(wins[0] < 0)}
    else:
        assert values == {"one": 0, "two": 0}


def test_per_of_nobody_is_empty() -> None:
    assert per({}) == {}


def test_fewer_than_four_systems_are_warned_of() -> None:
    assert "PER of 3 systems says little" in per_warning(3)
    assert per_warning(4) == ""


def test_the_anchored_form_is_a_geometric_mean_of_ratios() -> None:
    base = RatedSystem(quality=0.5, throughput=10, memory=100, latency=2)
    better = RatedSystem(quality=0.5, throughput=40, memory=50, latency=1)
    assert anchored_per({"a": base, "b": better}, "a") == pytest.approx({"a": 1, "b": 2})


@given(SYSTEMS.filter(lambda systems: systems["a"].quality > 0), SYSTEM)
def test_the_anchored_form_does_not_depend_on_who_takes_part(
    systems: dict[str, RatedSystem], another: RatedSystem
) -> None:
    alone = anchored_per(systems, "a")
    assert alone["a"] == pytest.approx(1)
    assert anchored_per({**systems, "z": another}, "a")["b"] == alone["b"]


def test_a_baseline_without_quality_is_refused() -> None:
    nothing = RatedSystem(quality=0, throughput=1, memory=1, latency=1)
    with pytest.raises(MetricError, match="a baseline quality of 0"):
        anchored_per({"a": nothing}, "a")


def test_only_systems_that_nobody_beats_are_on_the_front() -> None:
    good = RatedSystem(quality=0.9, throughput=1, memory=100, latency=5)
    systems = {
        "good": good,
        "fast": replace(good, quality=0.5, latency=1),
        "small": replace(good, quality=0.5, memory=10, latency=9),
        "beaten": replace(good, latency=6),
        "same": good,
    }
    assert pareto_front(systems) == ("good", "fast", "small", "same")


@given(SYSTEMS)
def test_whoever_is_off_the_front_is_beaten_by_someone_on_it(
    systems: dict[str, RatedSystem],
) -> None:
    front = pareto_front(systems)
    assert front
    for name in systems.keys() - set(front):
        assert pareto_front({name: systems[name], **{on: systems[on] for on in front}}) == tuple(
            front
        )


BY_LANGUAGE = st.dictionaries(
    st.sampled_from("ar de en ja sw zh".split()), st.floats(0.1, 100), min_size=1
)


def test_the_most_expensive_language_is_set_against_the_cheapest() -> None:
    found = disparity({"en": 1.0, "de": 1.0, "my": 4.0})
    assert found == Disparity(
        cheapest="en", most_expensive="my", ratio=4.0, gini=pytest.approx(1 / 3)
    )


@given(BY_LANGUAGE, st.floats(0.1, 10))
def test_a_faster_machine_is_no_fairer(costs: dict[str, float], factor: float) -> None:
    other = disparity({code: factor * cost for code, cost in costs.items()})
    assert (other.ratio, other.gini) == pytest.approx(
        (disparity(costs).ratio, disparity(costs).gini), abs=1e-9
    )
    assert 0 <= other.gini < 1 <= other.ratio


def test_equal_costs_have_no_disparity() -> None:
    found = disparity({"en": 2.0, "de": 2.0})
    assert (found.ratio, found.gini) == (1, 0)


def test_a_cost_of_nothing_is_refused() -> None:
    with pytest.raises(MetricError, match="'de': 0"):
        disparity({"en": 1.0, "de": 0.0})


def crossed(language: list[float], task: list[float]) -> tuple[list[float], dict[str, list[str]]]:
    """Return costs that are products of what a language and a task cost, each with each."""
    places = list(product(range(len(language)), range(len(task))))
    costs = [float(np.exp(language[i] + task[j])) for i, j in places]
    factors = {"language": [str(i) for i, _ in places], "task": [str(j) for _, j in places]}
    return costs, factors


def test_crossed_factors_explain_their_own_variance() -> None:
    costs, factors = crossed([0.0, 1.0, 2.0], [0.0, 0.5])
    factors["arm"] = ["none"] * len(costs)
    parts = np.array([np.var([0, 1, 2]), np.var([0, 0.5])])
    shares = variance_shares(costs, factors)
    assert list(shares) == ["language", "task", "arm", "rest"]
    expected = [*(parts / parts.sum()), 0, 0]
    assert list(shares.values()) == pytest.approx(expected, abs=1e-12)


def test_factors_that_always_change_together_share_alike() -> None:
    levels = ["a", "a", "b", "b"]
    shares = variance_shares([1, 1, 2, 2], {"language": levels, "task": levels})
    assert shares == pytest.approx({"language": 0.5, "task": 0.5, "rest": 0})


def test_what_no_factor_explains_is_the_rest() -> None:
    shares = variance_shares([1, 2, 1, 2], {"language": ["a", "a", "b", "b"]})
    assert shares == pytest.approx({"language": 0, "rest": 1})


def test_equal_costs_have_nothing_to_explain() -> None:
    assert variance_shares([3.0] * 4, {"language": list("abab")}) == {"language": 0, "rest": 0}


@given(st.data())
def test_shares_are_fractions_that_add_up(data: st.DataObject) -> None:
    count = data.draw(st.integers(2, 20))
    levels = st.lists(st.sampled_from("abc"), min_size=count, max_size=count)
    costs = data.draw(st.lists(st.integers(1, 9), min_size=count, max_size=count))
    shares = variance_shares(
        costs, {name: data.draw(levels) for name in ("language", "task", "arm")}
    )
    assert all(-1e-9 <= share <= 1 + 1e-9 for share in shares.values())
    assert sum(shares.values()) == pytest.approx(1 if len(set(costs)) > 1 else 0)


seconds = st.floats(1e-4, 10.0)
requests = st.builds(RequestTime, seconds, st.integers(0, 500).map(float), seconds)


@given(requests, requests)
def test_the_parts_sum_to_the_whole_change(a: RequestTime, b: RequestTime) -> None:
    assert sum(split_of_change(a, b)) == pytest.approx(log(b.time_s / a.time_s), abs=1e-9)


@given(requests, requests)
def test_the_other_way_round_every_part_changes_its_sign(a: RequestTime, b: RequestTime) -> None:
    back = [-part for part in split_of_change(b, a)]
    assert list(split_of_change(a, b)) == pytest.approx(back, abs=1e-9)


@given(requests, requests, st.integers(0, 2))
def test_what_is_equal_adds_nothing(a: RequestTime, b: RequestTime, part: int) -> None:
    names = RequestTime._fields
    b = b._replace(**{names[part]: a[part]})
    assert split_of_change(a, b)[part] == pytest.approx(0.0, abs=1e-9)


@given(requests, requests)
def test_tokens_and_their_time_are_treated_alike(a: RequestTime, b: RequestTime) -> None:
    """They enter as a product, so exchanging their names exchanges their parts."""
    turned = [RequestTime(each.prefill_s, each.token_s, each.num_tokens) for each in (a, b)]
    prefill, tokens, token_s = split_of_change(a, b)
    assert list(split_of_change(*turned)) == pytest.approx([prefill, token_s, tokens], abs=1e-9)


def test_a_change_of_one_part_alone_is_all_its_own() -> None:
    a = RequestTime(prefill_s=0.1, num_tokens=10, token_s=0.01)
    b = a._replace(num_tokens=30)
    assert list(split_of_change(a, b)) == pytest.approx([0, log(0.4 / 0.2), 0])


def test_a_prefill_that_is_twice_as_long_beside_no_tokens_adds_log_2() -> None:
    a, b = RequestTime(0.1, 0, 0.01), RequestTime(0.2, 0, 0.02)
    assert list(split_of_change(a, b)) == pytest.approx([log(2), 0, 0])
