"""Tests for stiltwalk.tasks.load: few examples of every class."""

from __future__ import annotations

import pytest

from stiltwalk.draws import Draws
from stiltwalk.errors import DataError
from stiltwalk.records import TextExample
from stiltwalk.tasks.load import drawn

ROWS = [TextExample(str(n), f"text {n}", "abc"[n % 3]) for n in range(60)]


def draws(seed: int) -> Draws:
    return Draws(seed, "target", "topics")


def test_every_class_has_as_many_rows_as_asked() -> None:
    found = drawn(ROWS, "ab", 8, draws(1))
    assert [row.label for row in found if isinstance(row, TextExample)] == ["a"] * 8 + ["b"] * 8
    assert len({row.id for row in found}) == 16


def test_a_seed_decides_the_draw_and_a_larger_draw_holds_the_smaller() -> None:
    assert drawn(ROWS, "abc", 8, draws(1)) == drawn(ROWS, "abc", 8, draws(1))
    assert drawn(ROWS, "abc", 8, draws(1)) != drawn(ROWS, "abc", 8, draws(2))
    assert set(drawn(ROWS, "abc", 4, draws(1))) < set(drawn(ROWS, "abc", 8, draws(1)))


def test_a_class_with_too_few_rows_is_named() -> None:
    with pytest.raises(DataError, match="20 training rows of the class 'a', and 21 were"):
        drawn(ROWS, "abc", 21, draws(1))
