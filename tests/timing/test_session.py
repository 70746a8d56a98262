"""A whole comparison by the full profile, its times cut short, of a model with itself."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from stiltwalk.data.source import MINI, DataSource
from stiltwalk.inference.predictor import Settings
from stiltwalk.models.locate import MINI_BASE, locate
from stiltwalk.recipe.schema import ModelSettings
from stiltwalk.tasks import TASKS
from stiltwalk.timing.compare import compare
from stiltwalk.timing.record import InstrumentTest
from stiltwalk.timing.sample_size import FULL, LEAST_REQUESTS
from stiltwalk.timing.session import ModelPair, Session
from stiltwalk.timing.workload import load_workload

SHORT = replace(
    FULL,
    least_queries=2,
    block_s=0.01,
    most_s=0.1,
    load_queries=470,
    load_s=0.0,
    breakdown_requests=2,
    look_s=0.0,
)
"""Says nothing about a model, but takes every way that the full profile takes."""


@pytest.fixture
def _trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test of the instrument pass that is far too short to."""
    monkeypatch.setattr(InstrumentTest, "why_void", ())


@pytest.mark.slow
@pytest.mark.usefixtures("_trusting")
def test_the_full_profile_judges_every_language_and_lets_loadgen_find_a_rate() -> None:
    task, folder = TASKS["tatoeba"], locate(ModelSettings(name=MINI_BASE), fetch=False).folder
    assert folder is not None
    settings = Settings(task=task, max_length_tokens=32)
    model_pair = ModelPair(
        folders=(folder, folder),
        settings=(settings, settings),
        workload=load_workload(task, DataSource(source=MINI), ("de", "th"), None),
    )
    found = compare([model_pair], ("A", "B"), Session(profile=SHORT, num_threads=1, seed=1))
    figures = {(each.name, figure) for each in FULL.scenarios for figure in each.figures}
    asked = {each for each in figures if each[1] not in LEAST_REQUESTS}  # no tail over so few
    judged = {(each.language, each.scenario, each.figure) for each in found.cells}
    assert judged == {(code, *each) for code, each in product(("de", "th"), asked)}
    assert {(each.scenario, each.figure) for each in found.instrument_tests} == asked
    assert all(0.5 < each.judged.ratio < 2 for each in found.cells)
    server = [each for each in found.loadgen if each.scenario == "Server"]
    assert [each.model for each in server] == ["a", "b"]
    assert all(each.rate_per_s and each.kept_bound is not None for each in server)
    assert found.design.profile == "full"
