"""Arms are timed as stages and by name: what is timed, not how long it took."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from test_plan import plan_of

from compared import BRIEF, passed
from stiltwalk.errors import ClusterError, NoSuchRun, RecipeError, WorkspaceError
from stiltwalk.execution import compare, plan_view
from stiltwalk.execution.compare import Asked, compare_models
from stiltwalk.stages import compare_speed
from stiltwalk.stages.compare_speed import scored_format
from stiltwalk.stages.predict import Predict
from stiltwalk.store import machine
from stiltwalk.store.workspace import Workspace
from stiltwalk.timing import attempts, sample_size
from stiltwalk.timing.attempts import Tell
from stiltwalk.timing.record import Speed, read_speed
from stiltwalk.timing.sample_size import QUICK, Profile
from stiltwalk.timing.session import ModelPair, Session, told_formats

if TYPE_CHECKING:
    from walking import Walked

TWO_SCENARIOS = replace(BRIEF, scenarios=QUICK.scenarios)


def here(function: Callable[..., Speed], *given: object, tell: Tell) -> Speed:
    """Stand for a fresh process, where what the tests patch would not hold."""
    function, given = pickle.loads(pickle.dumps((function, given)))  # noqa: S301 - our own
    return function(*given, tell)


def session(profile: Profile = BRIEF) -> Session:
    return Session(profile=profile, num_threads=1, seed=1, passed=passed())


def asked(walked: Walked, a: str, b: str, on: str = "") -> Asked:
    return Asked(names=(a, b), workspace=Workspace(walked.workspace), on=on)


def timed(own: Walked) -> list[str]:
    """Return the measurements of a workspace that were given a clock."""
    stages = own.stages()
    return [key for key in own.named("Measure") if stages[key]["stage"]["budget_s"] != 0]


def test_two_arms_of_a_run_are_timed_on_what_both_were_evaluated_on(walked: Walked) -> None:
    speed = compare_models(
        asked(walked, "small:none", "small:mixed", "xnli,tatoeba"), session(TWO_SCENARIOS)
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
    assert any("was not scored here, and is timed as 'small: predict" in s for s in speed.summary)


PROMPTS = """arms={none=[],
text={tasks=["mnli"],lora={},mlm={text="mini",weight=0.5,languages=["de"]}},
soft={prompt={method="soft",num_epochs=1},examples_per_class=2}}""".replace("\n", "")


@pytest.mark.parametrize(
    "changes",
    [
        ("controls=true", "seeds=[1, 2]"),
        (PROMPTS, "targets=['sib200']"),
        ("model.family='causal'", "targets=['xnli', 'xquad']", "answering.xnli.in_context=2"),
    ],
)
def test_a_stage_is_read_back_from_the_lineage_that_its_marker_keeps(
    changes: tuple[str, ...],
) -> None:
    for stage in plan_of(*changes).stages:
        assert compare.stage_of(json.loads(stage.canonical)).fingerprint == stage.fingerprint


def test_an_evaluation_of_another_version_is_refused(
    walked: Walked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Predict, "version", 0)
    with pytest.raises(WorkspaceError, match="is of another version: run its recipe again first"):
        compare_models(asked(walked, "small:none", "small:mixed", "xnli"), session())


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
    monkeypatch.setattr(sample_size, "QUICK", BRIEF)
    monkeypatch.setattr(attempts, "in_fresh_process", here)
    own, table = walked.copied(tmp_path), 'measure={targets=["xquad"],scenarios=["SingleStream"]}'
    own.again(table)
    (stage,) = timed(own)
    speed = read_speed(Workspace(own.workspace).text(stage, "speed.json"))
    assert {(cell.task, cell.scenario) for cell in speed.cells} == {("xquad", "SingleStream")}
    assert speed.design.seed == 1
    assert "running" not in own.again(table)


def test_another_machine_or_other_versions_measure_anew_and_nothing_else(
    walked: Walked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_size, "QUICK", BRIEF)
    monkeypatch.setattr(attempts, "in_fresh_process", here)
    own, table = walked.copied(tmp_path), 'measure={targets=["xquad"],scenarios=["SingleStream"]}'
    own.again(table)
    elsewhere = replace(machine.measured_on(), torch="9.9")
    for module in (plan_view, compare_speed):
        monkeypatch.setattr(module, "measured_on", lambda: elsewhere)
    assert own.again(table).count("running") == 1
    assert len(timed(own)) == 2


def test_a_stage_planned_for_another_machine_is_refused_with_both_named() -> None:
    machine_here = machine.measured_on()
    compare_speed.require_machine(machine_here)
    with pytest.raises(ClusterError, match=r"planned for .*processor Abacus.* and this is "):
        compare_speed.require_machine(replace(machine_here, processor="Abacus"))


def test_each_side_is_timed_in_the_format_that_its_scores_were_made_in(
    walked: Walked,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    believe: Callable[..., None],
) -> None:
    believe("cpu bf16")
    own, model_pairs = walked.copied(tmp_path), list[ModelPair]()
    own.again("name='half'", "precision=bf16", "targets=['xnli', 'tatoeba']", "controls=false")

    def caught(found: Sequence[ModelPair], *_: object) -> Speed:
        model_pairs.extend(found)
        raise RuntimeError("caught")

    monkeypatch.setattr(compare, "compare", caught)
    for has_it in (True, False):
        believe(*["cpu bf16"] * has_it)
        says = (
            "caught" if has_it else "half: .*xnli.* was scored in bf16, in which this cpu does not"
        )
        with pytest.raises(RuntimeError if has_it else RecipeError, match=says):
            compare_models(asked(own, "small:none", "half:none", "xnli"), session())
    (model_pair,) = model_pairs
    assert [each.precision for each in model_pair.settings] == ["fp32", "bf16"]
    assert told_formats([model_pair]) == "xnli: A fp32, B bf16"


def test_a_model_without_scores_is_timed_as_the_other_was_scored(
    walked: Walked, tiny_xlmr: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_pairs = list[ModelPair]()
    monkeypatch.setattr(compare_speed, "scored_format", lambda *_: "bf16")
    monkeypatch.setattr(compare, "compare", lambda found, *_: model_pairs.extend(found) or 1 / 0)
    for a, b in ((str(tiny_xlmr), "small:none"), (str(tiny_xlmr), str(tiny_xlmr))):
        with pytest.raises(ZeroDivisionError):
            compare_models(asked(walked, a, b, "mini:tatoeba"), session())
    formats = [[each.precision for each in model_pair.settings] for model_pair in model_pairs]
    assert formats == [["bf16", "bf16"], ["fp32", "fp32"]]


def test_scores_that_do_not_tell_their_format_are_not_timed() -> None:
    with pytest.raises(WorkspaceError, match="did not keep the number format of its scores"):
        scored_format("", "predict xnli")
