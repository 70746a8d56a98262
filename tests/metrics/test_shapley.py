"""The split of a change of time into what the parts add to it."""

from __future__ import annotations

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stiltwalk.metrics.efficiency import RequestTime, split_of_change

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
