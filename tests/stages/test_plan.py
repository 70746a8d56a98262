"""Tests for stiltwalk.stages: what a recipe unfolds into, and what identifies it."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest

from stiltwalk.recipe.load import parse_recipe
from stiltwalk.records import Phase, Split
from stiltwalk.stages.compare_speed import Measure
from stiltwalk.stages.cost import ModelShape
from stiltwalk.stages.encoder import Base
from stiltwalk.stages.graph import Plan, Revision, build_plan
from stiltwalk.stages.predict import Predict
from stiltwalk.stages.reference import Rules
from stiltwalk.stages.rows import StageRows
from stiltwalk.stages.stage import Stage
from stiltwalk.stages.train import Train
from stiltwalk.store.machine import MeasuredOn
from stiltwalk.tasks import TARGETS, declare

BASE = Base(name="tiny", revision="sha256:1")
RECIPE = f"""
name = "study"
targets = {list(TARGETS)}
[model]
name = "tiny"
[data]
source = "mini"
[arms]
none = []
squad = ["squad_v1"]
many = ["mnli", "qqp"]
"""


def plan_of(
    *changes: str,
    text: str = RECIPE,
    base: Base = BASE,
    revision: Revision = lambda *_: "rows:1",
) -> Plan:
    recipe = parse_recipe(text, folder=Path("/study"), changes=changes)
    return build_plan(recipe, base=base, revision=revision)


def changed(
    *changes: str,
    text: str = RECIPE,
    base: Base = BASE,
    revision: Revision = lambda *_: "rows:1",
) -> Counter[tuple[str, str]]:
    """Return (class, task) of the stages that a changed recipe adds, measurements apart."""
    before = {stage.fingerprint for stage in plan_of().stages}
    after = plan_of(*changes, text=text, base=base, revision=revision).stages
    new = [each for each in after if each.fingerprint not in before]
    return Counter(_kind(each) for each in new if not isinstance(each, Measure))


def _kind(stage: Stage) -> tuple[str, str]:
    match stage:
        case Train():
            return stage.phase, "+".join(stage.tasks)
        case Predict() | Rules():
            return type(stage).__name__, stage.rows.task
        case _:
            return type(stage).__name__, ""


ARMS = 3
INTERMEDIATES = Counter(
    {("intermediate phase", "squad_v1"): 1, ("intermediate phase", "mnli+qqp"): 1}
)
TRAINED = ("mnli", "pawsx", "udpos", "panx", "squad_v1", "tydiqa")
RETRIEVAL = ("bucc2018", "tatoeba")


def _times(number: int, kind: str, tasks: tuple[str, ...]) -> Counter[tuple[str, str]]:
    return Counter({(kind, task): number for task in tasks})


def test_every_stage_is_there_once_with_its_parents_before_it() -> None:
    stages = plan_of("controls=true", "seeds=[1, 2]").stages
    assert len({stage.fingerprint for stage in stages}) == len(stages)
    for position, stage in enumerate(stages):
        assert all(parent in stages[:position] for parent in stage.parents)


def test_parents_come_first_without_the_baseline_arm_too() -> None:
    only = RECIPE.replace("none = []\n", "")
    stages = plan_of("controls=true", text=only).stages
    for position, stage in enumerate(stages):
        assert all(parent in stages[:position] for parent in stage.parents)


def test_nine_targets_share_one_intermediate_checkpoint() -> None:
    stages = plan_of().stages
    squad = [s for s in stages if s.intermediate_tasks == ("squad_v1",)]
    assert sum(stage.phase is Phase.INTERMEDIATE for stage in squad) == 1
    assert sum(isinstance(stage, Predict) for stage in squad) == len(TARGETS)


def test_xquad_and_mlqa_share_one_squad_model_per_arm() -> None:
    stages = plan_of().stages
    tuned = [s for s in stages if s.phase is Phase.TARGET and s.tasks == ("squad_v1",)]
    assert len(tuned) == ARMS
    asked = {s.rows.task for s in stages if isinstance(s, Predict) and s.parent == tuned[0]}
    assert asked == {"xquad", "mlqa"}


def test_a_reused_head_of_siqa_is_what_xcopas_first_training_begins_with() -> None:
    arms = "arms={none=[],siqa={tasks=['siqa'],head='reuse'}}"
    stages = plan_of("targets=['xcopa']", arms).stages
    reused = [s.head_of for s in stages if isinstance(s, Train) and s.intermediate_tasks]
    assert reused == ["", "siqa", "siqa"]  # the arm's own, on SIQA again, on COPA


@pytest.mark.parametrize("preset", ["xstilts", "xtreme"])
def test_nli_sets_ask_the_xnli_checkpoint_without_further_training(preset: str) -> None:
    stages = plan_of(f"preset={preset}", "targets=['xnli', 'afrixnli', 'pawsx']").stages
    asked = {s.rows.task: s.parent for s in stages if isinstance(s, Predict)}
    assert asked["xnli"] == asked["afrixnli"] != asked["pawsx"]


def test_xcopa_trains_on_siqa_then_copa_after_the_arms_tasks() -> None:
    stages = plan_of("preset=xtreme", "targets=['xcopa', 'xcopa_siqa']").stages
    both = {s.rows.task: s.parent for s in stages if isinstance(s, Predict) and s.after == ""}
    copa, siqa = cast("Train", both["xcopa"]), cast("Train", both["xcopa_siqa"])
    assert (copa.tasks, siqa.tasks) == (("copa",), ("siqa",))
    assert (copa.parent, copa.head_of) == (siqa, "siqa")
    for stage in (copa, siqa):
        how = stage.settings
        assert (how.num_epochs, how.max_length_tokens, how.effective_batch_size) == (5, 128, 32)
        assert how.learning_rate == 2e-5
    after = [s for s in stages if s.tasks == ("siqa",) and s.intermediate_tasks == ("squad_v1",)]
    assert [stage.phase for stage in after] == [Phase.TARGET]
    asked = [s for s in stages if isinstance(s, Predict) and s.intermediate_tasks == ("squad_v1",)]
    assert len(asked) == 2


def test_a_benchmark_adds_no_stage_where_its_further_languages_are_lacking() -> None:
    added = changed(text='benchmark = "xtreme-r"\n' + RECIPE)
    declare(())
    assert not added  # the miniature has none of them


def test_targets_that_are_learned_differently_share_no_model() -> None:
    stages = plan_of("target.mlqa.num_epochs=1").stages
    tuned = [s for s in stages if s.phase is Phase.TARGET and s.tasks == ("squad_v1",)]
    assert len(tuned) == 2 * ARMS


def test_retrieval_asks_the_encoder_and_trains_nothing() -> None:
    for stage in plan_of().stages:
        if isinstance(stage, Predict) and stage.rows.task in RETRIEVAL:
            assert stage.parent.phase in (Phase.BASE, Phase.INTERMEDIATE)
            assert stage.relative_depth == 14 / 24


def test_languages_keep_the_task_s_order_and_targets_without_any_are_left_out() -> None:
    stages = plan_of("languages=['zh', 'en', 'de']").stages
    asked = {s.rows.task: s.languages for s in stages if isinstance(s, Predict)}
    assert asked["xnli"] == ("de", "en", "zh")
    assert asked["tatoeba"] == ("de", "zh")
    narrow = plan_of("languages=['yo']").stages
    assert {s.rows.task for s in narrow if isinstance(s, Predict)} == {"udpos", "panx"}


# --- what a stage's fingerprint covers ---------------------------------------------------------


def _values(stage: object) -> list[tuple[tuple[str, ...], Any]]:
    """Return every plain value in a stage's lineage with the path to it."""
    found = []
    for each in fields(cast("Stage", stage)):
        value = getattr(stage, each.name)
        if is_dataclass(value):
            found += [((each.name, *path), inner) for path, inner in _values(value)]
        else:
            found.append(((each.name,), value))
    return found


def _with(stage: Any, path: tuple[str, ...], value: object) -> Any:  # noqa: ANN401 - any level
    head, *rest = path
    inner = _with(getattr(stage, head), tuple(rest), value) if rest else value
    return replace(stage, **{head: inner})


def _other(value: object) -> object:
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return value + "x"
        case (StageRows(), *_):
            return (*value, StageRows(task="ccg", revision="rows:1"))
        case tuple():
            return (*value, "xx")
        case _:
            return 77


DEEPEST = next(
    stage
    for stage in plan_of().stages
    if isinstance(stage, Predict)
    and stage.intermediate_tasks
    and stage.parent.phase is Phase.TARGET
)


THE_BASES_NAME = ("parent", "parent", "parent", "name")


def test_a_renamed_model_folder_is_the_same_model() -> None:
    renamed = _with(DEEPEST, THE_BASES_NAME, "another name")
    assert renamed.fingerprint == DEEPEST.fingerprint
    assert renamed == DEEPEST


@pytest.mark.parametrize(
    "path", [path for path, _ in _values(DEEPEST) if path != THE_BASES_NAME], ids=".".join
)
def test_a_fingerprint_follows_every_value_of_the_whole_lineage(path: tuple[str, ...]) -> None:
    value = dict(_values(DEEPEST))[path]
    assert _with(DEEPEST, path, _other(value)).fingerprint != DEEPEST.fingerprint
    assert _with(DEEPEST, path, value).fingerprint == DEEPEST.fingerprint


def test_equal_values_of_different_phases_differ() -> None:
    tuned = DEEPEST.parent
    assert isinstance(tuned, Train)
    assert replace(tuned, phase=Phase.INTERMEDIATE).fingerprint != tuned.fingerprint
    assert len(tuned.fingerprint) == 16


# --- a changed value re-runs what depends on it, and nothing else ------------------------------

FINE_TUNES = _times(ARMS, "target phase", TRAINED)
PREDICTS = _times(ARMS, "Predict", TARGETS)
WALKED = ARMS - 1


def test_the_same_recipe_adds_nothing() -> None:
    assert not changed()


def test_how_the_intermediate_phase_learns_re_runs_its_arms() -> None:
    expected = (
        INTERMEDIATES + _times(WALKED, "target phase", TRAINED) + _times(WALKED, "Predict", TARGETS)
    )
    assert changed("intermediate.learning_rate=3e-5") == expected
    assert changed("intermediate.micro_batch_tokens=4096") == expected  # changes the last bits


def test_how_one_target_learns_re_runs_that_target() -> None:
    expected = _times(ARMS, "target phase", ("udpos",)) + _times(ARMS, "Predict", ("udpos",))
    assert changed("target.udpos.num_epochs=3") == expected
    assert changed("target.udpos.micro_batch_tokens=4096") == expected


def test_how_one_of_two_sharing_targets_learns_re_runs_it_alone() -> None:
    expected = _times(ARMS, "target phase", ("squad_v1",)) + _times(ARMS, "Predict", ("mlqa",))
    assert changed("target.mlqa.max_rows=50") == expected


def test_the_number_of_test_rows_re_runs_predictions_only() -> None:
    assert changed("data.test_rows=50") == PREDICTS


def test_languages_re_run_predictions_that_lose_one() -> None:
    assert changed("languages=['de', 'fr', 'ru', 'zh', 'en']") == PREDICTS - _times(
        ARMS, "Predict", ("bucc2018",)
    )


@pytest.mark.parametrize("change", ["relative_depth=0.5", "prefix='query: '", "pooling='first'"])
def test_how_sentence_vectors_are_made_re_runs_retrieval_only(change: str) -> None:
    assert changed(f"retrieval.{change}") == _times(ARMS, "Predict", RETRIEVAL)
    assert not changed("retrieval={prefix='', pooling='mean'}")


@pytest.mark.parametrize("change", ["precision='bf16'", "num_threads=1"])
def test_numerics_re_run_all_that_computes(change: str) -> None:
    trained = {"target phase", "intermediate phase"}
    found = changed(change)
    assert found >= INTERMEDIATES + FINE_TUNES
    assert {kind for kind, _ in found} <= {*trained, "Predict"}


def test_auto_precision_re_runs_predictions_only() -> None:
    assert changed("precision=auto") == PREDICTS


def test_another_seed_adds_its_own_training_and_shares_the_baseline_retrieval() -> None:
    expected = INTERMEDIATES + FINE_TUNES + PREDICTS - _times(1, "Predict", RETRIEVAL)
    assert changed("seeds=[2]") == expected
    assert changed("seeds=[1, 2]") == expected


def test_a_new_arm_adds_only_its_own_stages() -> None:
    assert changed("arms.hella=['hellaswag']") == (
        Counter({("intermediate phase", "hellaswag"): 1})
        + _times(1, "target phase", TRAINED)
        + _times(1, "Predict", TARGETS)
    )


def test_a_task_more_in_a_mixture_re_runs_that_arm() -> None:
    assert changed("arms.many=['mnli', 'qqp', 'ccg']") == (
        Counter({("intermediate phase", "mnli+qqp+ccg"): 1})
        + _times(1, "target phase", TRAINED)
        + _times(1, "Predict", TARGETS)
    )


def test_another_base_encoder_re_runs_everything() -> None:
    assert changed(base=replace(BASE, revision="sha256:2")) == (
        Counter({("Base", ""): 1}) + INTERMEDIATES + FINE_TUNES + PREDICTS
    )


def test_another_revision_of_one_task_s_rows_re_runs_what_reads_them() -> None:
    def newer(name: str) -> Counter[tuple[str, str]]:
        return changed(revision=lambda task, _: "rows:2" if task.name == name else "rows:1")

    assert newer("xnli") == _times(ARMS, "Predict", ("xnli",))
    assert newer("tatoeba") == _times(ARMS, "Predict", ("tatoeba",))
    assert newer("mnli") == (
        Counter({("intermediate phase", "mnli+qqp"): 1})
        + _times(1, "target phase", TRAINED)
        + _times(1, "Predict", TARGETS)
        + _times(WALKED, "target phase", ("mnli",))
        + _times(WALKED, "Predict", ("xnli",))
    )
    assert newer("squad_v2") == Counter()


def test_test_files_re_run_no_training_and_training_files_no_more_than_what_rests_on_it() -> None:
    def newer(name: str, split: Split) -> Counter[tuple[str, str]]:
        return changed(
            revision=lambda task, splits: f"rows:{1 + (task.name == name and split in splits)}"
        )

    assert newer("pawsx", Split.TEST) == _times(ARMS, "Predict", ("pawsx",))
    for split in (Split.TRAIN, Split.DEV):
        assert newer("pawsx", split) == (
            _times(ARMS, "target phase", ("pawsx",)) + _times(ARMS, "Predict", ("pawsx",))
        )
    for split in (Split.DEV, Split.TEST):  # mining chooses its threshold on dev
        assert newer("bucc2018", split) == _times(ARMS, "Predict", ("bucc2018",))
    assert not newer("mlqa", Split.DEV)  # it is chosen on SQuAD's
    assert not newer("mnli", Split.TEST)


def learned(*changes: str, source: str = "hub") -> dict[tuple[str, str], str | None]:
    """Return (class, task) → where dev rows come from, of every training stage."""
    fewer = f"targets={[name for name in TARGETS if name != 'bucc2018']}"
    stages = plan_of(f"data.source='{source}'", fewer, *changes).stages
    return {
        (str(stage.phase), rows.task): rows.dev
        for stage in stages
        if isinstance(stage, Train)
        for rows in stage.rows
    }


def test_targets_whose_dev_rows_are_tested_are_chosen_on_held_out_rows_and_no_other_stage() -> None:
    found = learned()
    held_out = {key for key, dev in found.items() if dev == "held-out"}
    assert held_out == {("target phase", "squad_v1"), ("target phase", "tydiqa")}
    assert found["intermediate phase", "squad_v1"] == "published"
    assert len(found) == 9


def test_the_papers_own_dev_sets_can_be_asked_for() -> None:
    assert set(learned("target.dev='published'").values()) == {"published"}


def test_the_miniatures_own_dev_rows_are_nobodys_test_rows() -> None:
    assert set(learned(source="mini").values()) == {"published"}
    assert not changed("target.dev='published'")


def test_controls_add_stages_and_change_none() -> None:
    found = changed("controls=true")
    assert found == _times(1, "Predict", TARGETS) + _times(1, "Rules", TARGETS)
    assert {s.fingerprint for s in plan_of().stages} <= {
        s.fingerprint for s in plan_of("controls=true").stages
    }


@pytest.mark.parametrize(
    "change",
    [
        "name='another'",
        "arms.many=['qqp', 'mnli']",
        f"targets={list(reversed(TARGETS))}",
        "data.ud='/elsewhere/ud'",
    ],
)
def test_names_orders_and_places_change_nothing(change: str) -> None:
    assert not changed(change)


def test_the_order_of_languages_changes_nothing() -> None:
    assert plan_of("languages=['de', 'en', 'zh']").stages == (
        plan_of("languages=['zh', 'de', 'en']").stages
    )


def test_where_rows_come_from_matters_by_their_revision_alone() -> None:
    assert plan_of("data.source='hub'", "targets=['xnli']").stages == (
        plan_of("targets=['xnli']").stages
    )


def test_the_order_of_arms_changes_no_stage() -> None:
    head, arms = RECIPE.split("[arms]\n")
    backward = head + "[arms]\n" + "\n".join(reversed(arms.strip().splitlines()))
    assert not changed(text=backward)


def test_a_stage_has_nowhere_to_put_a_device_or_a_path() -> None:
    names = {part for path, _ in _values(DEEPEST) for part in path}
    assert not names & {"device", "num_workers", "folder", "path", "batch_tokens", "workspace"}


def test_arms_are_named_for_what_they_evaluate() -> None:
    plan = plan_of("controls=true", "seeds=[1, 2]")
    evaluated = Counter(
        plan.arms_of.get(stage, ()) for stage in plan.stages if isinstance(stage, Predict)
    )
    per_arm = 2 * len(TARGETS)
    shared = len(RETRIEVAL)  # a base encoder knows no seed
    assert evaluated == {
        ("none",): per_arm - shared,
        ("squad",): per_arm,
        ("many",): per_arm,
        (): per_arm,
    }


def test_arms_that_differ_in_the_target_phase_alone_share_what_comes_before_it() -> None:
    plan = plan_of("arms.alone.lora={}")
    shared = {stage.rows.task for stage, arms in plan.arms_of.items() if len(arms) > 1}  # type: ignore[union-attr]
    assert shared == set(RETRIEVAL)
    assert sum("alone" in arms for arms in plan.arms_of.values()) == len(TARGETS)


def test_a_stage_says_what_it_does_in_a_few_words() -> None:
    said = {stage.title for stage in plan_of("controls=true").stages}
    assert "base encoder tiny" in said
    assert "train on squad_v1" in said
    assert "fine-tune on mnli after squad_v1" in said
    assert "predict tatoeba in 36 languages after 2 tasks" in said
    assert "predict tatoeba in 36 languages, embeddings shuffled" in said
    assert "reference points of xnli" in said


def test_adapters_are_part_of_what_both_phases_are() -> None:
    whole = {stage.fingerprint for stage in plan_of().stages}

    def of(lora: str) -> set[str]:
        stages = plan_of(f"arms.small={{tasks = ['squad_v1'], lora = {lora}}}").stages
        return {e.fingerprint for e in stages if not isinstance(e, Measure)} - whole

    ways = [of(text) for text in ("{}", "{merged = false}", "{rank = 4}", "{dropout = 0.1}")]
    assert all(len(way) == 1 + len(TRAINED) + len(TARGETS) for way in ways)
    assert len(set.union(*ways)) == sum(map(len, ways))


def test_a_stage_of_adapters_says_so() -> None:
    stages = plan_of(
        "arms.small={tasks = ['squad_v1'], lora = {}}", "arms.alone={lora = {merged = false}}"
    ).stages
    said = {stage.title for stage in stages}
    assert "train on squad_v1 with LoRA of rank 8, merged" in said
    assert "fine-tune on mnli after squad_v1 with LoRA of rank 8, merged" in said
    assert "fine-tune on mnli with LoRA of rank 8, kept as adapters" in said
    assert "predict xnli in 15 languages with LoRA of rank 8, kept as adapters" in said


def test_a_seed_is_that_of_the_last_training() -> None:
    assert BASE.trained_seed == 0
    assert replace(DEEPEST, parent=replace(DEEPEST.parent, seed=7)).trained_seed == 7


def test_only_mining_depends_on_what_becomes_of_repeated_sentences() -> None:
    mining = parse_recipe(
        "name = 'm'\ntargets = ['bucc2018', 'tatoeba']\narms = { none = [] }\n"
        "model = { name = 'mini-base' }\ndata = { source = 'mini' }\n",
        folder=Path("/study"),
    )
    plans = [
        set(build_plan(recipe, base=BASE, revision=lambda *_: "rows:1").stages)
        for recipe in (mining, replace(mining, bucc_duplicates="drop"))
    ]
    (other,) = plans[0] - plans[1]
    assert isinstance(other, Predict)
    assert other.rows.task == "bucc2018"


# --- text and translated rows beside the English ones ------------------------------------------

TEXT = "arms.text={tasks=['squad_v1'], mlm={text='mini'}}"
TRANSLATED = (
    "arms.other={tasks=['squad_v1'], translated={squad_v1={rows='mini', languages=['de', 'zh']}}}"
)


def beside(*changes: str) -> Train:
    """Return the intermediate stage of the arm that a change adds."""
    plain = set(plan_of().stages)
    made = set(plan_of(*changes).stages) - plain
    (found,) = {s for s in made if s.phase is Phase.INTERMEDIATE}
    assert isinstance(found, Train)
    return found


def test_arms_with_text_or_translations_say_so_and_share_nothing() -> None:
    text, other = beside(TEXT), beside(TRANSLATED)
    assert text.title == "train on squad_v1 with MLM in 40 languages"
    assert other.title == "train on squad_v1 translated into 2 languages"
    english = next(s for s in plan_of().stages if s.intermediate_tasks == ("squad_v1",))
    assert len({stage.fingerprint for stage in (text, other, english)}) == 3
    said = {stage.title for stage in plan_of(TEXT).stages}
    assert "predict xnli in 15 languages after squad_v1 with MLM in 40 languages" in said


@pytest.mark.parametrize(
    "path", [path for path, _ in _values(beside(TEXT)) if path[0] == "text"], ids=".".join
)
def test_a_fingerprint_follows_every_value_of_the_text_but_where_it_is(
    path: tuple[str, ...],
) -> None:
    stage = beside(TEXT)
    other = _with(stage, path, _other(dict(_values(stage))[path]))
    assert (other.fingerprint == stage.fingerprint) == (path[1] == "where")
    assert (other == stage) == (path[1] == "where")


def test_a_fingerprint_follows_the_revision_of_translations_and_not_their_place() -> None:
    stage = beside(TRANSLATED)
    (rows,) = stage.translated
    moved = replace(stage, translated=(replace(rows, where=replace(rows.where, place="/x")),))
    assert moved.fingerprint == stage.fingerprint
    for change in ({"revision": "rows:2"}, {"weight": 0.9}, {"languages": ("de",)}):
        changed_rows = replace(rows, **change)  # type: ignore[arg-type]
        other = replace(stage, translated=(changed_rows,))
        assert other.fingerprint != stage.fingerprint


def test_every_arm_is_timed_against_the_baseline_after_everything_else() -> None:
    stages = plan_of('measure.targets=["tatoeba", "xnli"]', "seeds=[1, 2]").stages
    timed = [stage for stage in stages if isinstance(stage, Measure)]
    assert stages[-4:] == tuple(timed)
    assert [(stage.title, stage.trained_seed) for stage in timed] == [
        (f"time {arm} against none on xnli, tatoeba", seed)
        for arm in ("squad", "many")
        for seed in (1, 2)
    ]


def measured(*changes: str, text: str = RECIPE) -> list[Measure]:
    return [each for each in plan_of(*changes, text=text).stages if isinstance(each, Measure)]


@pytest.mark.parametrize(
    ("budget_s", "shares"),
    [
        (0, [0.0, 0.0, 0.0, 0.0]),
        (60, [60.0, 0.0, 0.0, 0.0]),
        (150, [75.0, 0.0, 75.0, 0.0]),
        (2400, [600.0] * 4),
    ],
)
def test_a_budget_goes_to_as_many_pairs_as_it_brings_to_a_verdict(
    budget_s: float, shares: list[float]
) -> None:
    found = measured(f"measure.budget_s={budget_s}", "seeds=[1, 2]")
    assert [each.budget_s for each in found] == shares
    assert [("time" in each.title) for each in found] == [share > 0 for share in shares]


def test_whatever_has_a_baseline_and_another_arm_is_measured_by_default() -> None:
    assert [each.budget_s for each in measured()] == [None, None]
    assert not measured(text=RECIPE.replace("none = []", 'other = ["ccg"]'))
    assert not measured("arms={none=[]}", "measure.budget_s=60")


def test_what_a_measurement_takes_is_its_budget_and_what_comes_with_it() -> None:
    recipe = parse_recipe(RECIPE, folder=Path("/study"))
    shape = ModelShape(num_blocks=12, width=768, vocabulary_size=250_000)
    without, brief, whole = (
        measured(*change)[0].cost(recipe, shape).time_s
        for change in (["measure.budget_s=0"], ["measure.budget_s=60"], [])
    )
    assert without < 60 < brief < without + 70 < whole


def test_no_machine_matters_to_what_is_not_timed() -> None:
    names = [each.name for each in fields(MeasuredOn)]
    on = MeasuredOn(**dict.fromkeys(names, "here"))
    recipe = parse_recipe(RECIPE, folder=Path("/study"), changes=["measure.budget_s=60"])
    stages = build_plan(recipe, base=BASE, revision=lambda *_: "1", measured_on=on).stages
    assert [each.on for each in stages if isinstance(each, Measure)] == [on, None]


def test_both_sides_of_a_measurement_are_of_one_seed() -> None:
    for stage in plan_of('measure.targets=["xnli"]', "seeds=[1, 2, 3]").stages:
        if isinstance(stage, Measure):
            assert [each.trained_seed for each in stage.a] == [
                each.trained_seed for each in stage.b
            ]


def test_a_measurement_is_other_on_another_machine_or_with_other_versions() -> None:
    measure = plan_of("measure.profile='quick'").stages[-1]
    assert isinstance(measure, Measure)
    names = [each.name for each in fields(MeasuredOn)]
    on = MeasuredOn(**dict.fromkeys(names, "one"))
    others = [replace(measure, on=replace(on, **{name: "other"})) for name in names]
    found = [measure, replace(measure, on=on), *others, replace(measure, num_threads=77)]
    assert len({stage.fingerprint for stage in found}) == len(found)


def test_a_measurement_is_other_where_either_side_is() -> None:
    measure = plan_of("measure.profile='quick'").stages[-1]
    assert isinstance(measure, Measure)
    a, b = measure.a, measure.b
    others = [replace(measure, a=b), replace(measure, b=a), replace(measure, a=b, b=a)]
    assert len({stage.fingerprint for stage in (measure, *others)}) == 4
