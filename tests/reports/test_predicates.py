"""Tests for stiltwalk.reports.claims: how single differences make a statement."""

from itertools import product

import numpy as np
import pytest

from stiltwalk.reports.claims import Above, AtLeast, all_of, one_of
from stiltwalk.reports.significance import Estimate


def above(value: float, error: float = 0.01, **more: float | bool) -> Above:
    estimate = Estimate(value=value, num_seeds=50, seeds=error, examples=None)
    return Above(says=f"a lead of {value}", estimate=estimate, **more)  # type: ignore[arg-type]


def test_a_single_difference_speaks_for_one_side_alone() -> None:
    lead, loss = above(0.03), above(-0.03)
    assert lead.p_for < 0.01
    assert lead.p_against == 1.0
    assert (loss.p_for, loss.p_against) == (1.0, pytest.approx(lead.p_for))
    assert above(0.03, bound=0.03).p_for == 1.0
    assert above(0.0, bound=0.03, below=True).p_for == pytest.approx(lead.p_for)


def test_all_of_many_needs_each_and_falls_by_one_after_correction() -> None:
    good, weak, bad = above(0.05), above(0.021), above(-0.025)
    assert all_of([good, weak]).p_for == pytest.approx(weak.p_for)
    assert all_of([good, weak, bad]).p_for == 1.0
    assert all_of([good, weak, bad]).p_against == pytest.approx(3 * bad.p_against)


def test_one_of_many_needs_one_after_correction_and_falls_by_all() -> None:
    good, bad, worse = above(0.03), above(-0.025), above(-0.05)
    assert one_of([good, bad]).p_for == pytest.approx(2 * good.p_for)
    assert one_of([bad, worse]).p_against == pytest.approx(bad.p_against)


def test_a_statement_and_its_opposite_share_their_evidence() -> None:
    for values in product((-0.04, 0.01, 0.03), repeat=3):
        parts = [above(value) for value in values]
        opposite = [above(value, below=True) for value in values]
        for least in (1, 2, 3):
            some = AtLeast(least=least, parts=tuple(parts))
            too_few = AtLeast(least=4 - least, parts=tuple(opposite))
            assert some.p_for == pytest.approx(too_few.p_against)
            assert some.p_against == pytest.approx(too_few.p_for)
            assert some.holds != too_few.holds


@pytest.mark.parametrize("least", [1, 3, 5])
def test_at_the_border_neither_side_is_shown_too_often(least: int) -> None:
    """Five differences, all exactly zero, three seeds."""
    rng = np.random.default_rng(least)
    shown = fallen = 0
    for _ in range(400):
        seeds_KS = rng.normal(0, 0.01, (5, 3))
        parts = [
            Above(
                says="",
                estimate=Estimate(row.mean(), 3, row.std(ddof=1) / np.sqrt(3), None),
            )
            for row in seeds_KS
        ]
        some = AtLeast(least=least, parts=tuple(parts))
        shown += some.p_for <= 0.05
        fallen += some.p_against <= 0.05
    assert max(shown, fallen) / 400 <= 0.05


def test_a_breach_is_named_with_an_interval_at_the_corrected_level() -> None:
    part = above(-0.05, breach="qqp beats mnli by")  # type: ignore[arg-type]
    low, high = part.estimate.interval(0.05 / 2)
    (said,) = all_of([above(0.05), part]).breaches()
    assert (
        said
        == f"qqp beats mnli by 5.0 (95 % after correction: {-100 * high:.1f} to {-100 * low:.1f})"
    )
    (said,) = above(-0.05).breaches()
    assert said.replace("\N{MINUS SIGN}", "-") == (
        "a lead of -0.05: -5.0 (95 %: -7.0 to -3.0), not above 0.0"
    )
