"""LoadGen asks a system that answers at once; its own figures are read from its summary."""

from __future__ import annotations

from collections import Counter

import pytest
from recorded import Recorded

from stiltwalk.timing.loadgen import LEAST_QUERIES, Load, highest, parsed, run_load
from stiltwalk.timing.workload import Request

REQUESTS = [Request("de", row) for row in range(16)]
SUMMARY = """
Completed samples per second    : 284.22
Result is : INVALID
  Performance constraints satisfied : NO
50.00 percentile latency (ns)   : 21580329
90.00 percentile latency (ns)   : 39938888
95.00 percentile latency (ns)   : 43735967
99.00 percentile latency (ns)   : 47595968
"""


def system() -> Recorded:
    return Recorded("A", lambda _: 0.0)


@pytest.mark.parametrize(
    ("load", "sizes"),
    [
        (Load(scenario="SingleStream", num_queries=20), {1: 20}),
        (Load(scenario="MultiStream", num_queries=5, requests_per_query=8), {8: 5}),
        (Load(scenario="Offline", num_queries=16), {16: 1}),
    ],
)
def test_a_scenario_decides_how_many_requests_come_at_once(
    load: Load, sizes: dict[int, int]
) -> None:
    asked = system()
    run = run_load(asked, REQUESTS, load)
    assert Counter(len(rows) for _, rows in asked.log) == sizes
    assert run.num_queries == sum(sizes.values())
    assert run.requests_per_s > 0


def test_server_answers_every_arrival_together_with_those_that_wait() -> None:
    asked = system()
    load = Load(scenario="Server", num_queries=500, rate_per_s=5000.0, bound_s=10.0)
    run = run_load(asked, REQUESTS, load)
    assert sum(len(rows) for _, rows in asked.log) == run.num_queries == 500
    assert run.kept_bound


def test_server_keeps_no_bound_that_too_few_queries_show() -> None:
    load = Load(scenario="Server", num_queries=40, rate_per_s=5000.0, bound_s=10.0)
    assert not run_load(system(), REQUESTS, load).kept_bound


def test_a_scenario_reports_loadgen_s_own_estimates_beside_the_raw_percentiles() -> None:
    few, many = (
        run_load(system(), REQUESTS, Load(scenario="SingleStream", num_queries=count))
        for count in (64, 700)
    )
    assert few.estimates_s.keys() == {"p90"}
    assert many.estimates_s.keys() == {"p90", "p99"}
    assert all(each >= many.percentiles_s[name] for name, each in many.estimates_s.items())


def test_a_tail_over_too_few_queries_is_neither_estimated_nor_shown_raw() -> None:
    run = run_load(system(), REQUESTS, Load(scenario="SingleStream", num_queries=63))
    assert not run.estimates_s
    assert run.percentiles_s.keys() == {"p50"}


def test_the_same_seed_asks_the_same_requests() -> None:
    first, second, other = system(), system(), system()
    for asked, seed in ((first, 1), (second, 1), (other, 2)):
        run_load(asked, REQUESTS, Load(scenario="SingleStream", num_queries=9, seed=seed))
    assert first.log == second.log != other.log


def test_a_percentile_needs_its_queries() -> None:
    load = Load(scenario="Server", num_queries=1, rate_per_s=300.0, bound_s=0.02)
    run = parsed(SUMMARY, load, LEAST_QUERIES["p95"])
    assert run.percentiles_s == {"p50": 0.021580329, "p90": 0.039938888, "p95": 0.043735967}
    assert (run.requests_per_s, run.rate_per_s, run.kept_bound) == (284.22, 300.0, False)
    assert parsed(SUMMARY, load, LEAST_QUERIES["p99"]).percentiles_s["p99"] == 0.047595968


@pytest.mark.parametrize("limit", [0.3, 7.0, 10.0, 5000.0])
def test_the_highest_rate_is_found_to_a_tenth_from_below(limit: float) -> None:
    assert limit / 1.1 <= highest(lambda value: value <= limit, 10.0) <= limit


def test_a_search_for_what_is_never_kept_ends() -> None:
    assert highest(lambda _: False, 10.0) <= 0.01
