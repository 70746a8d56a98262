"""Stages that run at a time in processes of this machine leave the same bytes."""

from __future__ import annotations

from pathlib import Path

from walking import Walked, carry_out


def test_two_at_a_time_leave_the_same_bytes(walked: Walked, tmp_path: Path) -> None:
    told = carry_out(walked.recipe, tmp_path, executor="local://2")
    again = Walked(recipe=walked.recipe, workspace=tmp_path, report=walked.report)
    assert again.results() == walked.results()
    assert told.count(" done ") == len(walked.stages())
