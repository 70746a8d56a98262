"""Attempts at a measurement are kept, whatever comes of them, and counted."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

import called
from compared import compared
from stiltwalk.errors import NoSuchRun, ProcessLost
from stiltwalk.reports.sections.cost import design
from stiltwalk.store.workspace import Workspace
from stiltwalk.timing.attempts import Earlier, attempted, in_fresh_process
from stiltwalk.timing.record import VOID, Speed

GOOD = compared("mini:mnli", 1.0, "EQUIVALENT", quality=0.7)
BAD = compared("mini:mnli", 1.0, VOID, quality=0.7)


def broken(_: Earlier) -> Speed:
    raise KeyboardInterrupt


def test_a_first_attempt_says_nothing_of_others(tmp_path: Path) -> None:
    speed = attempted(Workspace(tmp_path / "new"), "one", "here", lambda _: GOOD)
    assert [each.outcome for each in speed.attempts] == ["counts"]
    assert speed.summary == GOOD.summary
    assert "Attempts at this measurement: 1." in design(speed)


def test_a_verdict_that_took_three_void_tries_and_one_broken_off_says_so(tmp_path: Path) -> None:
    store = Workspace(tmp_path)
    for _ in range(3):
        attempted(store, "one", "here", lambda _: BAD)
    with pytest.raises(KeyboardInterrupt):
        attempted(store, "one", "here", broken)
    speed = attempted(store, "one", "here", lambda _: GOOD)
    assert speed.summary[-1] == (
        "This is attempt 5 at this measurement; before it: 3 VOID in part or in all, 1 broken off."
    )
    assert speed.attempts[0].void == BAD.void
    assert "Attempts at this measurement: 5." in design(speed)


def test_another_measurement_has_attempts_of_its_own(tmp_path: Path) -> None:
    store = Workspace(tmp_path)
    attempted(store, "one", "here", lambda _: BAD)
    assert len(attempted(store, "other", "here", lambda _: replace(GOOD, b="x")).attempts) == 1


def test_what_goes_wrong_in_the_fresh_process_is_an_error_here() -> None:
    with pytest.raises(NoSuchRun, match="told there"):
        in_fresh_process(called.refuse, "told there", tell=print)
    with pytest.raises(ProcessLost, match="ended with status -9"):
        in_fresh_process(called.die, tell=print)


def test_a_fresh_process_has_a_number_of_its_own_and_what_it_tells_is_told_here() -> None:
    told = list[str]()
    numbers = {in_fresh_process(called.number, 7, tell=told.append) for _ in range(2)}
    assert len(numbers | {os.getpid()}) == 3
    assert told == ["7", "7"]


def test_a_pass_of_the_tests_serves_what_is_measured_under_the_same_conditions(
    tmp_path: Path,
) -> None:
    store, seen = Workspace(tmp_path), list[Earlier]()

    def measured(speed: Speed, what: str, conditions: str) -> None:
        def measure(earlier: Earlier) -> Speed:
            seen.append(earlier)
            return speed

        attempted(store, what, conditions, measure)

    measured(replace(GOOD, reason="The machine was 87 % busy."), "one", "here")
    measured(GOOD, "one", "here")
    measured(GOOD, "two", "here")
    measured(GOOD, "two", "there")
    assert [each.passed and each.passed.tests for each in seen] == [
        None,
        None,
        GOOD.instrument_tests,
        None,
    ]


def test_a_session_that_was_killed_goes_on_as_the_same_attempt(tmp_path: Path) -> None:
    store = Workspace(tmp_path)

    def killed(earlier: Earlier) -> Speed:
        earlier.blocks.write_text("[]", encoding="utf-8")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attempted(store, "one", "here", killed)
    kept = list[bool]()
    speed = attempted(store, "one", "here", lambda e: (kept.append(e.blocks.is_file()), GOOD)[1])
    assert kept == [True]
    assert [each.outcome for each in speed.attempts] == ["counts"]
    assert not list(tmp_path.glob("attempts/*.blocks"))
