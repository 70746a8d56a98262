"""Blocks: what is asked in which order, and what their ratios find; the requests drawn for them."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from math import log

import pytest
import torch
from recorded import Recorded, noisy, rng

from stiltwalk.data.source import DataSource
from stiltwalk.tasks import TASKS
from stiltwalk.timing.blocks import Bench, Block, Measured, controlled
from stiltwalk.timing.sample_size import FULL, OFFLINE, QUICK, SINGLE_STREAM, Figure, Scenario
from stiltwalk.timing.tost import Verdict, judge
from stiltwalk.timing.workload import Workload, load_workload

WARMING = 2
"""Answers of a block that do not count: one of each system."""
MINI = DataSource(source="mini")
WORKLOAD = Workload({"de": range(10), "zh": range(10, 20)})


@pytest.fixture(autouse=True)
def _controlled() -> Iterator[None]:
    with controlled(1):  # collecting garbage takes long where all of torch may be garbage
        yield


def bench(a: Recorded, b: Recorded, scenario: Scenario = SINGLE_STREAM) -> Bench:
    return Bench((a, b), WORKLOAD, scenario, QUICK, rng())


def pair(ratio: float, spread: float = 0.01) -> tuple[Recorded, Recorded]:
    log: list[tuple[str, tuple[int, ...]]] = []
    return (
        Recorded("A", noisy(0.01, spread, 1), log),
        Recorded("B", noisy(0.01 * ratio, spread, 2), log),
    )


def test_queries_are_asked_in_abba_and_baab_by_turns() -> None:
    a, b = pair(1.0)
    bench(a, b)._block(3, rng())
    quads = [a.log[at : at + 4] for at in range(WARMING, len(a.log), 4)]
    orders = ["".join(name for name, _ in quad) for quad in quads]
    assert sorted(orders) == ["ABBA"] * 3 + ["BAAB"] * 3
    assert orders[::2] != orders[1::2]
    assert all(len({rows for _, rows in quad}) == 1 for quad in quads)


def test_what_the_first_turn_of_a_query_costs_favours_neither_system() -> None:
    asked: list[object] = []

    def slower_when_new(rows: object) -> float:
        asked.append(rows)
        return 0.02 if len(asked) % 4 == WARMING + 1 else 0.01

    block = bench(Recorded("A", slower_when_new), Recorded("B", slower_when_new))._block(2, rng())
    assert block.log_ratio(Figure.TIME) == pytest.approx(0.0)
    assert block.log_ratio(Figure.P50) == pytest.approx(0.0)


def test_either_order_may_be_first() -> None:
    a, b = pair(1.0)
    measured = bench(a, b)
    firsts = set()
    for seed in range(20):
        measured._block(1, rng(seed))
        firsts.add(a.log[WARMING][0])
    assert firsts == {"A", "B"}


def test_both_systems_lie_elsewhere_in_every_block_and_answer_once_before_it_counts() -> None:
    a, b = pair(1.0)
    measured = bench(a, b)
    for blocks in (1, 2, 3):
        measured._block(1, rng())
        assert (a.moves, b.moves) == (blocks, blocks)
        assert [name for name, _ in a.log[:WARMING]] == ["A", "B"]
        assert len(a.log) == WARMING + 4 * len(WORKLOAD.rows)


@pytest.mark.parametrize(
    ("ratio", "verdict"),
    [(1.0, Verdict.EQUIVALENT), (1.1, Verdict.SLOWER), (0.9, Verdict.FASTER)],
)
@pytest.mark.parametrize("scenario", [SINGLE_STREAM, OFFLINE])
def test_a_known_ratio_is_found(ratio: float, verdict: Verdict, scenario: Scenario) -> None:
    a, b = pair(ratio)
    measured = bench(a, b, scenario).measure([0.03] * len(scenario.figures), num_cells=1)
    for figure in scenario.figures:
        judged = judge(measured.log_ratios(figure), 0.03)
        assert judged.verdict == verdict
        assert judged.ratio == pytest.approx(ratio, rel=0.01)
    assert measured.is_steady


def test_times_that_never_agree_are_told() -> None:
    clock = iter(range(1, 10**6))
    a, b = (Recorded(name, lambda _: float(next(clock) ** 4)) for name in "AB")
    assert not bench(a, b)._warm_up()[0]


def test_a_wider_spread_takes_more_blocks() -> None:
    calm, wild = (
        len(bench(*pair(1.0, spread)).measure([0.03], num_cells=1).blocks)
        for spread in (0.0001, 0.2)
    )
    assert calm == QUICK.least_blocks
    assert wild > calm


def test_figures_are_those_of_the_queries_of_a_language() -> None:
    a, b = pair(1.0)
    b.time_s = lambda rows: 0.03 if rows[0] >= 10 else 0.02
    a.time_s = lambda _: 0.01
    block: Block = bench(a, b)._block(2, rng())
    assert block.log_ratio(Figure.P50, "zh") == pytest.approx(log(3))
    assert block.log_ratio(Figure.P50, "de") == pytest.approx(log(2))
    assert block.value(1, Figure.TIME) == pytest.approx(0.025)


def test_garbage_is_not_collected_and_threads_are_fixed_while_measuring() -> None:
    gc.enable()
    before = torch.get_num_threads()
    with controlled(3):
        assert not gc.isenabled()
        assert torch.get_num_threads() == 3
    assert gc.isenabled()
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(("figure", "requests"), [(Figure.P90, 64), (Figure.P99, 662)])
def test_a_tail_is_that_of_blocks_with_requests_enough_or_is_not_shown(
    figure: Figure, requests: int
) -> None:
    measuring = bench(*pair(1.0), FULL.scenarios[0])
    blocks = tuple(measuring._block(10, rng()) for _ in range(70))
    many = Measured(blocks=blocks, wanted_blocks=1, is_steady=True)
    assert len(many.log_ratios(Figure.P50)) == 70
    held = [len(each.languages) for each in many._of(figure)]
    assert len(many.log_ratios(figure)) == len(held) == 70 // -(-requests // 20)
    assert min(held) >= requests
    assert sum(held) == 70 * 20
    few = replace(many, blocks=blocks[:3])
    assert few.shows(Figure.P50)
    assert not few.shows(figure)


def test_every_language_gives_the_same_number_of_requests() -> None:
    drawn = Workload({"de": range(7), "sw": range(100, 140)}).draw(5, rng())
    assert Counter(each.language for each in drawn) == {"de": 5, "sw": 5}


def test_parallel_sets_give_the_same_content_in_every_language() -> None:
    workload = load_workload(TASKS["xnli"], MINI, ("de", "th"), 20)
    drawn = workload.draw(3, rng())
    ids = {
        language: sorted(each.row.id for each in drawn if each.language == language)
        for language in ("de", "th")
    }
    assert ids["de"] == ids["th"]


def test_the_same_seed_draws_the_same_requests() -> None:
    workload = Workload({"de": range(7), "sw": range(100, 140)})
    assert workload.draw(5, rng()) == workload.draw(5, rng()) != workload.draw(5, rng(2))


def test_retrieval_asks_about_foreign_lines() -> None:
    workload = load_workload(TASKS["tatoeba"], MINI, ("de",), 3)
    assert len(workload.rows["de"]) == 3
    assert all(isinstance(row, str) for row in workload.rows["de"])
