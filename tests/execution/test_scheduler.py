"""Tests for stiltwalk.execution.scheduler: any graph, any faults, and what must hold then."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stiltwalk.execution import scheduler
from stiltwalk.execution.scheduler import MAX_TRIES, Job, Needs, Scheduler, fitting_jobs
from stiltwalk.stages.encoder import Base

NEEDS = (Needs(), Needs(alone=True))
STAGE = Base(name="any", revision="any")


def job(name: str, *parents: str, cost_s: float = 1.0, needs: Needs = NEEDS[0]) -> Job:
    return Job(name=name, stage=STAGE, parents=parents, cost_s=cost_s, needs=needs)


@st.composite
def graphs(draw: st.DrawFn) -> list[Job]:
    """Draw jobs whose parents stand before them."""
    jobs: list[Job] = []
    for number in range(draw(st.integers(1, 12))):
        names = [each.name for each in jobs]
        parents = draw(st.lists(st.sampled_from(names), unique=True, max_size=3)) if names else []
        cost_s, needs = draw(st.integers(0, 9)), draw(st.sampled_from(NEEDS))
        jobs.append(job(str(number), *parents, cost_s=cost_s, needs=needs))
    return jobs


def any_room(_: Needs) -> bool:
    return True


def lineage(jobs: Sequence[Job], name: str) -> set[str]:
    by_name = {each.name: each for each in jobs}
    return {name}.union(*(lineage(jobs, parent) for parent in by_name[name].parents))


@given(graphs(), st.integers(1, 4), st.randoms(use_true_random=False), st.booleans())
def test_every_job_runs_once_after_its_parents(
    jobs: list[Job], room: int, chance: random.Random, longest_first: bool
) -> None:
    order, ended = Scheduler(jobs, longest_first=longest_first), list[str]()
    while not order.is_over:
        while len(order.running) < room and (found := order.next(any_room)):
            assert set(found.parents) <= set(ended)
        name = chance.choice(list(order.running))
        order.finish(name)
        ended.append(name)
    assert sorted(ended) == sorted(each.name for each in jobs)
    assert order.counts == {"done": len(jobs)}
    assert order.remaining_s(1) == 0


@given(graphs(), st.randoms(use_true_random=False))
def test_what_rests_on_a_failed_job_does_not_begin_and_the_rest_does(
    jobs: list[Job], chance: random.Random
) -> None:
    bad = {each.name for each in jobs if chance.random() < 0.2}
    order = Scheduler(jobs)
    while not order.is_over:
        found = order.next(any_room)
        assert found is not None
        if found.name in bad:
            order.fail(found.name)
        else:
            order.finish(found.name)
    for each in jobs:
        on_bad = bad & (lineage(jobs, each.name) - {each.name})
        expected = "not begun" if on_bad else "failed" if each.name in bad else "done"
        assert order.state[each.name] == expected


@given(graphs(), st.randoms(use_true_random=False))
def test_kept_jobs_never_run(jobs: list[Job], chance: random.Random) -> None:
    kept = set[str]()
    for each in jobs:
        if chance.random() < 0.5:
            kept |= lineage(jobs, each.name)
    order = Scheduler(jobs, kept)
    while found := order.next(any_room):
        assert found.name not in kept
        order.finish(found.name)
    assert order.counts == {"done": len(jobs)}


def test_what_the_longest_way_hangs_on_begins_first() -> None:
    jobs = [job("short"), job("root"), job("long", "root", cost_s=9), job("other", cost_s=5)]
    order = Scheduler(jobs)
    assert [found.name for _ in range(3) if (found := order.next(any_room))] == [
        "root",
        "other",
        "short",
    ]
    assert order.remaining_s(1) == 16
    assert order.remaining_s(8) == 10


def test_without_that_the_order_of_the_plan_is_kept() -> None:
    jobs = [job("short"), job("root"), job("long", "root", cost_s=9), job("other", cost_s=5)]
    order, found = Scheduler(jobs, longest_first=False), list[str]()
    while each := order.next(any_room):
        found.append(each.name)
        order.finish(each.name)
    assert found == ["short", "root", "long", "other"]


def test_a_job_without_room_does_not_hold_up_others() -> None:
    order = Scheduler([job("alone", cost_s=9, needs=NEEDS[1]), job("small")])
    found = order.next(lambda needs: not needs.alone)
    assert found is not None
    assert found.name == "small"
    assert order.next(lambda needs: not needs.alone) is None
    assert not order.is_over


def test_a_lost_job_begins_again_a_bounded_number_of_times() -> None:
    order = Scheduler([job("root"), job("child", "root")])
    for tries in range(1, MAX_TRIES + 1):
        assert order.next(any_room) is not None
        assert order.lose("root") == (tries < MAX_TRIES)
    assert order.fail("root") == ("child",)
    assert order.is_over


@pytest.mark.parametrize("longest_first", [True, False])
def test_jobs_that_need_the_same_keep_to_the_plan_where_they_are_as_urgent(
    longest_first: bool,
) -> None:
    order = Scheduler([job(name) for name in "abc"], longest_first=longest_first)
    assert [found.name for _ in "abc" if (found := order.next(any_room))] == ["a", "b", "c"]


def test_as_many_stages_run_at_a_time_as_the_machine_has_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fitting(num: int, needs: Needs, cost_s: float = 100.0) -> int:
        return fitting_jobs([job("a", cost_s=cost_s, needs=needs)] * num)

    for name, value in {"num_cpus": 8, "num_accelerators": 2, "available_bytes": 10 << 30}.items():
        monkeypatch.setattr(scheduler, name, lambda value=value: value)
    assert fitting(20, Needs(memory_bytes=1 << 30)) == 8
    assert fitting(20, Needs(cpus=3, memory_bytes=1 << 30)) == 2
    assert fitting(20, Needs(memory_bytes=4 << 30)) == 2
    assert fitting(20, Needs(memory_bytes=40 << 30)) == 1
    assert fitting(20, Needs(on_gpu=True, memory_bytes=1 << 30)) == 2
    assert fitting(3, Needs(memory_bytes=1 << 30)) == 3
    assert fitting(3, Needs(memory_bytes=1 << 30), cost_s=1.0) == 1
