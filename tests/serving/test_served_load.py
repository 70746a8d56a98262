"""Loads of requests: who waits for whom, and what is counted."""

from __future__ import annotations

import numpy as np
import pytest

from model_server import Manner, served
from stiltwalk.serving.client import Endpoint, Patience
from stiltwalk.serving.instant import PATH, instant
from stiltwalk.serving.load import Streams, Wish, arrivals, closed_loop, open_loop, own_cost
from stiltwalk.serving.probe import COMPLETIONS
from stiltwalk.serving.traces import Objective, load_of

WISHES = [Wish(prompt=f"prompt {number}", language="de", max_tokens=4) for number in range(12)]


def streams_at(url: str, **changes: object) -> Streams:
    endpoint = Endpoint(base_url=url, model="tiny")
    return Streams(endpoint=endpoint, path=COMPLETIONS, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("number", [1, 4])
def test_a_closed_loop_answers_every_wish_once_and_in_order(number: int) -> None:
    manner = Manner(reply=lambda prompt: prompt)
    with served(manner) as url, streams_at(url).opened(number) as clients:
        traces = closed_loop(streams_at(url), clients, WISHES)
    assert len(traces) == len(WISHES) == len(manner.asked)
    assert {each.output_tokens for each in traces} == {2}
    assert {each.language for each in traces} == {"de"}


def test_a_request_that_fails_is_a_trace_and_is_not_asked_again() -> None:
    manner = Manner(reply=lambda _: "one two", faults=["503", "half", "context"])
    with served(manner) as url, streams_at(url).opened(1) as clients:
        found = load_of(closed_loop(streams_at(url), clients, WISHES), Objective())
    assert found.failed == 3
    assert len(manner.asked) == len(WISHES)


def test_an_open_loop_counts_the_wait_of_requests_that_could_not_start() -> None:
    manner = Manner(reply=lambda _: "one", first_token_s=0.05)
    with served(manner) as url, streams_at(url).opened(1) as clients:
        traces = open_loop(streams_at(url), WISHES[:4], [0.0] * 4, clients)
    waits = [each.waiting_s for each in traces]
    assert waits == sorted(waits)
    assert waits[-1] >= 3 * 0.05, "three were answered before it"
    assert all(each.latency_s >= each.waiting_s for each in traces)


def test_a_delay_stretches_every_chunk() -> None:
    manner = Manner(reply=lambda _: "one two", first_token_s=0.02, token_s=0.02)
    with served(manner) as url:
        slow = streams_at(url, delay=9.0)
        with slow.opened(1) as (client,):
            trace = slow.ask(client, WISHES[0])
    assert trace.first_token_s >= 0.2
    assert trace.latency_s >= 0.4


def test_arrivals_are_those_of_a_rate() -> None:
    found = arrivals(50.0, 5000, np.random.default_rng(1))
    assert found == sorted(found)
    assert found[-1] == pytest.approx(100, rel=0.1)
    gaps = np.diff(found)
    assert np.std(gaps) == pytest.approx(np.mean(gaps), rel=0.1), "as a Poisson process has it"


def test_each_request_has_a_salt_of_its_own_where_a_cache_is_to_be_kept_out() -> None:
    manner = Manner(reply=lambda _: "one")
    with served(manner) as url:
        salted = streams_at(url, salt="s")
        with salted.opened(2) as clients:
            closed_loop(salted, clients, WISHES)
    assert len({each["cache_salt"] for each in manner.asked}) == len(WISHES)


def test_the_instant_server_costs_something_and_answers_all() -> None:
    with instant(4) as endpoint:
        streams = Streams(endpoint=endpoint, path=PATH)
        with streams.opened(2, Patience(tries=1)) as clients:
            traces = closed_loop(streams, clients, WISHES)
    assert not any(each.fault for each in traces)
    assert own_cost(2, WISHES[0]) > 0
