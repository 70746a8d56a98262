"""Verdicts over the languages of a task, and over the pairs of checkpoints of several seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import exp, log
from statistics import stdev

import numpy as np
import pytest

from compared import compared, judged, timed
from stiltwalk.timing.combined import by_task, has_parts, pairs_of, told_pairs
from stiltwalk.timing.record import VOID, Speed
from stiltwalk.timing.sample_size import Figure
from stiltwalk.timing.tost import Verdict

EQUAL = compared("mini:mnli", 1.0, "EQUIVALENT", quality=0.82)


def in_languages(ratios: Sequence[float], verdict: str = "EQUIVALENT") -> Speed:
    """Return a comparison of one figure with a cell per language."""
    (cell, _) = EQUAL.cells
    cells = [
        replace(cell, language=f"l{at}", verdict=verdict, judged=timed(ratio))
        for at, ratio in enumerate(ratios)
    ]
    return replace(EQUAL, cells=tuple(cells))


def of_seeds(ratios: Sequence[float], verdicts: Sequence[str] = ()) -> list[Speed]:
    """Return a comparison of one figure per seed."""
    (cell, _) = EQUAL.cells
    names = verdicts or ["EQUIVALENT"] * len(ratios)
    return [
        replace(
            EQUAL,
            design=replace(EQUAL.design, seed=seed),
            cells=(replace(cell, verdict=name, judged=timed(ratio)),),
        )
        for seed, (ratio, name) in enumerate(zip(ratios, names, strict=True), start=1)
    ]


def test_one_faster_language_does_not_speak_for_fourteen_slower_ones() -> None:
    (found,) = by_task([in_languages([0.9] + [1.5] * 14)])
    assert found.ratio == pytest.approx((0.9 * 1.5**14) ** (1 / 15))
    assert found.verdict == Verdict.SLOWER


def test_languages_together_are_known_better_than_each_alone() -> None:
    (found,) = by_task([in_languages([1.0] * 4)])
    alone = timed(1.0)
    assert found.half_width == pytest.approx(log(alone.high / alone.low) / 2 / 2)
    assert found.verdict == Verdict.EQUIVALENT


def test_a_task_with_a_void_language_is_void() -> None:
    speed = in_languages([1.0, 1.0])
    (found,) = by_task(
        [replace(speed, cells=(speed.cells[0], replace(speed.cells[1], verdict=VOID)))]
    )
    assert (found.verdict, found.counts) == (VOID, "1 EQUIVALENT, 1 VOID")


def test_a_verdict_about_a_whole_task_stays_what_correction_left_of_it() -> None:
    (cell, _) = EQUAL.cells
    left = replace(cell, verdict=Verdict.INCONCLUSIVE, judged=judged(1.5, Verdict.SLOWER))
    speed = replace(EQUAL, cells=(left,))
    assert [each.verdict for each in by_task([speed])] == [Verdict.INCONCLUSIVE]
    assert not has_parts([speed])


def test_scenarios_do_not_mix() -> None:
    (cell, _) = EQUAL.cells
    eight = replace(cell, scenario="MultiStream", judged=timed(2.0))
    found = by_task([replace(EQUAL, cells=(eight, cell))])
    assert [(each.scenario, each.ratio) for each in found] == [
        ("MultiStream", 2.0),
        ("SingleStream", 1.0),
    ]


def test_pairs_that_agree_are_equivalent_together() -> None:
    (found,) = by_task(of_seeds([1.001, 0.999, 1.002]))
    assert found.verdict == Verdict.EQUIVALENT
    assert found.spread == pytest.approx(stdev(map(log, (1.001, 0.999, 1.002))))
    assert found.ratio == pytest.approx((1.001 * 0.999 * 1.002) ** (1 / 3))


def test_pairs_that_are_each_equivalent_and_disagree_are_not_so_together() -> None:
    pairs = of_seeds([0.985, 1.015])
    (found,) = by_task(pairs)
    assert found.verdict == Verdict.INCONCLUSIVE
    assert any("Each pair is EQUIVALENT" in each for each in told_pairs(pairs))


def test_pairs_that_are_all_slower_are_slower_together() -> None:
    pairs = of_seeds([1.20, 1.21, 1.19], ["SLOWER"] * 3)
    (found,) = by_task(pairs)
    assert found.verdict == Verdict.SLOWER
    assert any("mini:mnli is SLOWER than mini:none in xnli" in each for each in told_pairs(pairs))


def test_a_void_pair_takes_no_part_and_a_single_one_stands_for_itself() -> None:
    (found,) = by_task(of_seeds([1.001, 0.999, 3.0], ["EQUIVALENT", "EQUIVALENT", VOID]))
    assert (found.verdict, found.counts) == (Verdict.EQUIVALENT, "2 EQUIVALENT, 1 VOID")
    (found,) = by_task(of_seeds([1.0, 3.0], ["EQUIVALENT", VOID]))
    assert (found.verdict, found.spread) == (Verdict.EQUIVALENT, None)
    (found,) = by_task(of_seeds([1.0, 1.0], [VOID, VOID]))
    assert found.verdict == VOID


def test_one_pair_beside_void_ones_is_not_called_a_verdict_over_pairs() -> None:
    told = list(told_pairs(of_seeds([1.0, 3.0], ["EQUIVALENT", VOID])))
    assert told[0].endswith("is as fast as mini:none within the margin in 0 of 1 cells.")
    told = list(told_pairs(of_seeds([1.2, 3.0], ["SLOWER", VOID])))
    assert told[1].endswith("of one pair alone).")


def test_only_comparisons_of_one_design_are_pairs_of_each_other() -> None:
    one, two = of_seeds([1.0, 1.0])
    other = replace(two, design=replace(two.design, device="another"))
    assert pairs_of([one, two]) == [(one, two)]
    assert pairs_of([one, other]) == [(one,), (other,)]
    assert pairs_of([one, replace(two, b="mini:lora")]) != [(one, two)]


@pytest.mark.parametrize("num_pairs", [2, 3, 5])
def test_at_the_border_of_the_margin_few_studies_call_pairs_equivalent(num_pairs: int) -> None:
    chance, studies = np.random.default_rng(1), 1500
    logs = chance.normal(log(1.03), 0.005, (studies, num_pairs))
    found = [by_task(of_seeds([exp(each) for each in study]))[0].verdict for study in logs]
    assert found.count(Verdict.EQUIVALENT) <= 0.06 * studies + 3 * (0.06 * studies) ** 0.5


def test_figures_of_the_whole_record_are_all_there() -> None:
    figures = {(each.scenario, each.figure) for each in by_task([EQUAL])}
    assert figures == {("SingleStream", Figure.P50), ("Offline", Figure.TIME)}


def test_pairs_without_a_single_cell_are_not_called_equally_fast() -> None:
    untimed = [replace(each, cells=()) for each in of_seeds([1.0, 1.0], ["EQUIVALENT"] * 2)]
    assert not list(told_pairs(untimed))
