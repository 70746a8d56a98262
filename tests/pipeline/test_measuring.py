"""Arms are timed as stages and by name: what is timed, not how long it took."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stiltwalk.errors import ClusterError, NoSuchRun, RecipeError
from stiltwalk.measure import profiles
from stiltwalk.measure.profiles import QUICK, SINGLE_STREAM, Profile
from stiltwalk.measure.session import Session
from stiltwalk.measure.speed import read_speed
from stiltwalk.pipeline import measuring, study
from stiltwalk.pipeline.comparing import Asked, compare_models
from stiltwalk.store import Workspace, machine

if TYPE_CHECKING:
    from walking import Walked

pytestmark = pytest.mark.usefixtures("impatient")
BRIEF = replace(QUICK, block_s=0.001, least_blocks=1, most_s=0.0)
ONE_SCENARIO = replace(BRIEF, scenarios=(SINGLE_STREAM,))


def session(profile: Profile = ONE_SCENARIO) -> Session:
    return Session(profile=profile, num_threads=1, seed=1)


def asked(walked: Walked, a: str, b: str, on: str = "") -> Asked:
    return Asked(names=(a, b), workspace=Workspace(walked.workspace), on=on)


def test_two_arms_of_a_run_are_timed_on_what_both_were_evaluated_on(walked: Walked) -> None:
    speed = compare_models(
        asked(walked, "small:none", "small:mixed", "xnli,tatoeba"), session(BRIEF)
    )
    cells = [(cell.task, cell.scenario, cell.figure) for cell in speed.cells]
    assert cells == [
        (task, scenario, figure)
        for task in ("xnli", "tatoeba")
        for scenario, figure in (
            ("SingleStream", "p50 latency"),
            ("Offline", "time per request"),
        )
    ]
    assert {each.language for each in speed.languages if each.task == "xnli"} == {"de", "en", "zh"}
    assert {each.task for each in speed.quality} == {"xnli", "tatoeba"}
    assert speed.structure == {"xnli": (), "tatoeba": ()}
    for cost in speed.costs:
        assert 0 < cost.real_tokens <= cost.padded_tokens


def test_folders_are_timed_on_the_task_that_is_named(walked: Walked, tiny_xlmr: Path) -> None:
    speed = compare_models(asked(walked, str(tiny_xlmr), "small:mixed", "mini:tatoeba"), session())
    assert {cell.task for cell in speed.cells} == {"tatoeba"}
    assert not speed.quality


@pytest.mark.parametrize(
    ("a", "b", "on", "says"),
    [
        ("small:none", "small:other", "", "no arm 'other'. There is: none, mixed"),
        ("large:none", "small:mixed", "", "not the folder of a run"),
    ],
)
def test_an_arm_that_is_not_there_is_told(
    walked: Walked, a: str, b: str, on: str, says: str
) -> None:
    with pytest.raises(NoSuchRun, match=says):
        compare_models(asked(walked, a, b, on), session())


def test_folders_alone_do_not_say_on_what(walked: Walked, tiny_xlmr: Path) -> None:
    with pytest.raises(RecipeError, match="--on DATA:TASK"):
        compare_models(asked(walked, str(tiny_xlmr), str(tiny_xlmr)), session())
    with pytest.raises(RecipeError, match="come from"):
        compare_models(asked(walked, str(tiny_xlmr), str(tiny_xlmr), "xnli"), session())


def test_a_recipe_times_its_arms_once(
    walked: Walked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles, "QUICK", BRIEF)
    own, table = walked.copied(tmp_path), 'measure={targets=["xquad"],scenarios=["SingleStream"]}'
    own.again(table)
    (stage,) = own.named("Measure")
    text = Workspace(own.workspace).text(stage, "speed.json")
    cells = read_speed(text).cells
    assert {(cell.task, cell.scenario) for cell in cells} == {("xquad", "SingleStream")}
    assert "running" not in own.again(table)


def test_another_machine_or_other_versions_measure_anew_and_nothing_else(
    walked: Walked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles, "QUICK", BRIEF)
    own, table = walked.copied(tmp_path), 'measure={targets=["xquad"],scenarios=["SingleStream"]}'
    own.again(table)
    elsewhere = replace(machine.measured_on(), torch="9.9")
    for module in (study, measuring):
        monkeypatch.setattr(module, "measured_on", lambda: elsewhere)
    assert own.again(table).count("running") == 1
    assert len(own.named("Measure")) == 2


def test_a_stage_planned_for_another_machine_is_refused_with_both_named() -> None:
    here = machine.measured_on()
    measuring.require_machine(here)
    with pytest.raises(ClusterError, match=r"planned for .*processor Abacus.* and this is "):
        measuring.require_machine(replace(here, processor="Abacus"))
