"""Tests for stiltwalk.reports.wording: what is said of the choice on English dev rows."""

from __future__ import annotations

from dataclasses import replace

from synthetic import make_run

from stiltwalk.reports.wording import notices

RUN = replace(make_run(), miniature=False, limited="")


def test_the_papers_own_dev_sets_are_flagged() -> None:
    (said,) = notices(replace(RUN, dev="published"))
    assert said.startswith("Dev sets as in the paper: checkpoints for xquad, mlqa, tydiqa are")


def test_an_intermediate_phase_that_saw_a_targets_held_out_rows_is_flagged() -> None:
    (said,) = notices(RUN)
    assert said.startswith("Dev rows of xquad, mlqa are training rows of SQuAD, held out")
    assert "The intermediate phase of “squad_v1”, “all” trained on them" in said


def test_a_clean_choice_needs_no_notice() -> None:
    assert not notices(replace(RUN, targets=("xnli", "tydiqa")))
    assert not notices(replace(RUN, targets=("xnli",), dev="published"))
    assert not notices(replace(make_run(), limited="", dev="published"))[1:]
