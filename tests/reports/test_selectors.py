"""Selectors against the truth: known by hand, and in the report."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from statistics import fmean

import pytest
from synthetic import make_run

from stiltwalk.records import Split
from stiltwalk.reports.data import RunRows
from stiltwalk.reports.selectors import (
    ADVISED,
    ALWAYS_MNLI,
    ALWAYS_NONE,
    CHANCE,
    COMBINED,
    DEV,
    Grid,
    combined_rankings,
    grid_of,
)
from stiltwalk.reports.write import report_texts
from stiltwalk.selection.ratings import Rating
from stiltwalk.selection.regret import regret
from stiltwalk.store.manifest import RecordedArm

ARMS = ("none", "mnli", "squad_v1", "ccg", "all")
TARGETS = ("xnli", "pawsx", "udpos")


@pytest.fixture(scope="module")
def run() -> RunRows:
    made = make_run(arms=ARMS, targets=(*TARGETS, "tatoeba"), seeds=(1, 2))
    ratings = tuple(
        Rating(selector=name, target=target, source=source, value=float(value), seed=seed)
        for target in TARGETS
        for name, seed in (("label fit", 0), ("LogME", 1))
        for value, source in enumerate(("ccg", "mnli", "squad_v1"))
    )
    made_of = {**made.made_of, "all": RecordedArm(tasks=("mnli", "squad_v1"))}
    return replace(made, ratings=ratings, made_of=made_of)


def test_single_tasks_and_the_baseline_are_the_candidates(run: RunRows) -> None:
    grid = grid_of(run)
    assert grid
    assert set(grid.truth) == {(seed, target) for seed in (1, 2) for target in TARGETS}
    assert all(set(each) == {"none", "mnli", "squad_v1", "ccg"} for each in grid.truth.values())
    row = [
        each.row.value
        for each in run.rows
        if (each.arm, each.row.task, each.row.seed) == ("ccg", "udpos", 2)
        and each.row.split == Split.TEST
    ]
    assert grid.truth[2, "udpos"]["ccg"] == pytest.approx(fmean(row))


def test_only_selectors_that_rate_every_place_are_judged(run: RunRows) -> None:
    grid = grid_of(run)
    assert grid
    judged = {each.name: each for each in grid.judged()}
    assert list(judged) == ["label fit", COMBINED, ADVISED, DEV, ALWAYS_MNLI, ALWAYS_NONE, CHANCE]
    by_hand = [
        fmean(regret(grid.truth[seed, t], {"squad_v1": 2, "mnli": 1}, 1) for t in TARGETS)
        for seed in (1, 2)
    ]
    found = judged["label fit"].figures["regret@1"]
    assert (found.mean, found.num_seeds) == (pytest.approx(fmean(by_hand)), 2)
    assert "regret@5" not in judged["label fit"].figures  # there are but four candidates
    over = judged[ALWAYS_MNLI].over_mnli
    assert over
    assert over.mean == 0


def test_without_ratings_or_a_grid_the_report_has_no_such_section(run: RunRows) -> None:
    assert grid_of(replace(run, ratings=())) is None
    few = replace(run, made_of={arm: run.made_of[arm] for arm in ("none", "mnli")})
    assert grid_of(few) is None
    assert "regret@1" not in report_texts(replace(run, ratings=()))[1]["report.html"]


def test_the_report_shows_every_selector_with_its_interval(run: RunRows) -> None:
    _, texts = report_texts(run)
    for text in (texts["report.html"], texts["report.md"]):
        for word in ("told beforehand", "label fit", ALWAYS_MNLI, CHANCE, "regret@3"):
            assert word in text


def test_a_mixture_learns_from_other_targets_which_selector_to_follow() -> None:
    dice = Random(0)  # noqa: S311 - repeatable dice are the point here
    names = "none a b c d e f".split()
    places = [(seed, f"t{number}") for seed in (1, 2) for number in range(4)]
    good = {at: {name: dice.random() for name in names} for at in places}
    bad = {at: {name: dice.random() for name in names[1:]} for at in places}
    truth = {at: {name: 0.5 + 0.1 * good[at][name] for name in names} for at in places}
    found = combined_rankings(truth, {"good": good, "bad": bad})
    assert all(regret(truth[at], found[at], 1) == pytest.approx(0, abs=1e-9) for at in places)


def test_one_target_alone_teaches_no_mixture() -> None:
    truth = {(1, "t"): {"none": 0.1, "a": 0.2, "b": 0.3}}
    assert combined_rankings(truth, {}) == {(1, "t"): {}}
    assert Grid(truth=truth, rankings={CHANCE: {(1, "t"): {}}}).seeds == (1,)
