"""Stages that run at a time in processes of this machine leave the same bytes."""

from __future__ import annotations

from pathlib import Path

from walking import SHORT, Walked, carry_out


def test_two_at_a_time_leave_the_same_bytes(short: Walked, tmp_path: Path) -> None:
    told = carry_out(short.recipe, tmp_path, SHORT, executor="local://2")
    again = Walked(recipe=short.recipe, workspace=tmp_path, report=short.report)
    assert again.results() == short.results()
    assert told.count(" done ") == len(short.stages())
