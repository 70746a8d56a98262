"""Stages of a decoder's recipe: what decides which."""

from __future__ import annotations

from pathlib import Path

from stiltwalk.recipe.load import parse_recipe
from stiltwalk.records import Phase
from stiltwalk.stages.encoder import Base
from stiltwalk.stages.graph import build_plan
from stiltwalk.stages.predict import Predict
from stiltwalk.stages.stage import Stage
from stiltwalk.stages.train import Train

RECIPE = """
name = "study"
targets = ["xnli", "xquad", "mlqa", "tatoeba"]
[model]
name = "tiny"
family = "causal"
[data]
source = "mini"
[arms]
none = []
mnli = ["mnli"]
"""


def stages(*changes: str) -> tuple[Stage, ...]:
    recipe = parse_recipe(RECIPE, folder=Path("/study"), changes=changes)
    base = Base(name="tiny", revision="sha256:1")
    return build_plan(recipe, base=base, revision=lambda *_: "rows:1").stages


def of(task: str, found: tuple[Stage, ...]) -> Predict:
    return next(s for s in found if isinstance(s, Predict) and s.rows.task == task)


def test_questions_of_two_targets_share_one_trained_decoder() -> None:
    found = stages()
    assert of("xquad", found).parent == of("mlqa", found).parent


def test_an_encoders_stages_know_nothing_of_asking() -> None:
    for stage in stages("model.family='encoder'"):
        assert "asking" not in stage.canonical
    assert all("asking" in s.canonical for s in stages() if not isinstance(s, Base))


def test_a_target_asked_otherwise_is_trained_as_before() -> None:
    plain, other = stages(), stages("answering.xnli.length_normalised=false")
    assert of("xnli", plain).parent == of("xnli", other).parent
    assert of("xnli", plain).fingerprint != of("xnli", other).fingerprint
    assert of("xquad", plain) == of("xquad", other)


def test_a_model_that_is_asked_as_it_is_is_not_trained_on_the_target() -> None:
    found = stages("answering.xnli.fine_tuned=false", "answering.xnli.in_context=4")
    asked = [s for s in found if isinstance(s, Predict) and s.rows.task == "xnli"]
    assert [each.parent.phase for each in asked] == [Phase.BASE, Phase.INTERMEDIATE]
    assert not any(s.phase is Phase.TARGET and s.tasks == ("mnli",) for s in found)
    assert asked[0].asking is not None
    assert asked[0].asking.shots == "rows:1", "which solved rows stand before is part of it"


def test_another_backend_answers_prompts_anew_and_trains_nothing_again() -> None:
    plain, other = stages(), stages("model.backend='vllm'")
    assert of("xnli", plain).parent == of("xnli", other).parent
    assert of("xnli", plain).fingerprint != of("xnli", other).fingerprint
    assert of("tatoeba", plain) == of("tatoeba", other), "vectors come from our own engine"
    assert all("backend" not in stage.canonical for stage in plain)


def test_a_decoder_trains_on_siqa_and_then_on_copa_with_its_one_head() -> None:
    copa = of("xcopa", stages("targets=['xcopa']")).parent
    assert isinstance(copa, Train)
    assert copa.tasks == ("copa",)
    assert copa.head_of == ""
    assert copa.parent.tasks == ("siqa",)
    assert copa.parent.phase is Phase.TARGET
