"""Requests are drawn evenly, and the same for the same seed."""

from __future__ import annotations

from collections import Counter

from recorded import rng

from stiltwalk.data.source import DataSource
from stiltwalk.tasks import TASKS
from stiltwalk.timing.workload import Workload, load_workload

MINI = DataSource(source="mini")


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
