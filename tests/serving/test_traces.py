"""Figures of served requests, on traces that are made by hand."""

from __future__ import annotations

import pytest

from stiltwalk.serving.traces import Objective, Trace, capacity, load_of, percentiles


def trace(planned_s: float, sent_s: float, *chunks_s: float, tokens: int = 0) -> Trace:
    return Trace(
        planned_s=planned_s, sent_s=sent_s, chunks_s=chunks_s, output_tokens=tokens or len(chunks_s)
    )


def test_the_time_per_token_leaves_the_first_out() -> None:
    one = trace(0.0, 0.0, 0.5, 0.6, 0.8)
    assert (one.first_token_s, one.latency_s) == (0.5, 0.8)
    assert one.token_s == pytest.approx(0.15)


def test_a_chunk_of_several_tokens_counts_as_so_many() -> None:
    assert trace(0.0, 0.0, 0.5, 0.8, tokens=4).token_s == pytest.approx(0.1)


def test_one_token_has_no_time_per_token() -> None:
    assert trace(0.0, 0.0, 0.5).token_s is None


def test_latency_counts_from_the_planned_start() -> None:
    late = trace(1.0, 3.0, 3.5, 4.0)
    assert (late.waiting_s, late.first_token_s, late.latency_s) == (2.0, 2.5, 3.0)


def test_throughput_runs_from_the_first_request_to_the_last_response() -> None:
    found = load_of([trace(0, 0, 1.0, 2.0), trace(1, 1, 2.0, 4.0, 5.0)], Objective())
    assert found.requests_per_s == pytest.approx(2 / 5)
    assert found.tokens_per_s == pytest.approx(5 / 5)
    assert found.tokens_per_s_stream == pytest.approx((2 / 2 + 3 / 4) / 2)
    assert found.gap_s["p50"] == pytest.approx(1.0)


def test_goodput_counts_what_keeps_every_bound() -> None:
    bounds = Objective(ttft_ms=500, tpot_ms=100, share=0.5)
    traces = [
        trace(0, 0, 0.4, 0.5),  # good
        trace(0, 0, 0.6, 0.7),  # its first token is late
        trace(0, 0, 0.4, 0.6),  # its tokens are slow
        trace(0, 0, 0.4),  # one token: good by its first alone
        Trace(planned_s=0, sent_s=0, chunks_s=(), fault="It broke."),
    ]
    found = load_of(traces, bounds)
    assert found.good_share == pytest.approx(2 / 5)
    assert found.good_per_s == pytest.approx(2 / 0.7)
    assert found.failed == 1


def test_capacity_is_the_highest_rate_up_to_which_all_are_kept() -> None:
    bounds = Objective(share=0.9)
    assert capacity({1: 1.0, 2: 0.95, 4: 0.5, 8: 1.0}, bounds) == 2
    assert capacity({1: 0.8}, bounds) is None


def test_a_load_of_failures_has_no_figures_and_no_traceback() -> None:
    found = load_of([Trace(planned_s=0, sent_s=0, chunks_s=(), fault="It broke.")], Objective())
    assert (found.requests_per_s, found.failed, found.latency_s) == (0.0, 1, {})


def test_percentiles_lie_between_neighbours() -> None:
    assert percentiles([0.0, 1.0, 2.0])["p50"] == 1.0
    assert percentiles([]) == {}
