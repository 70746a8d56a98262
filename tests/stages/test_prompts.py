"""Tests for stiltwalk.stages: stages of arms that answer at a mask or learn from few examples."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from stiltwalk.recipe.load import parse_recipe
from stiltwalk.stages.cost import ModelShape
from stiltwalk.stages.encoder import Base
from stiltwalk.stages.graph import Plan, build_plan
from stiltwalk.stages.predict import Predict
from stiltwalk.stages.rows import DrawnRows
from stiltwalk.stages.soft_prompt import Prompt
from stiltwalk.stages.train import Train
from stiltwalk.tasks import clozes

RECIPE = """
name = "r"
seeds = [1, 2]
targets = ["sib200", "pawsx"]
[model]
name = "mini-base"
[data]
source = "mini"
[arms]
none = []
[arms.cloze]
prompt = { method = "nearest_words" }
[arms.soft]
prompt = { method = "soft", max_length_tokens = 64 }
examples_per_class = 8
[arms.few]
examples_per_class = 8
[arms.walked]
tasks = ["mnli"]
prompt = { method = "nearest_words" }
"""


def plan(text: str = RECIPE) -> Plan:
    recipe = parse_recipe(text, folder=Path())
    base = Base(name="mini-base", revision="r")
    return build_plan(recipe, base=base, revision=lambda task, _: f"of {task.name}")


def test_what_draws_nothing_is_there_once_for_all_seeds() -> None:
    prompts = [stage for stage in plan().stages if isinstance(stage, Prompt)]
    found = [(each.settings.method, each.rows.task, each.trained_seed) for each in prompts]
    per_target = [("nearest_words", 0), ("soft", 1), ("soft", 2)]
    walked = [("nearest_words", 1), ("nearest_words", 2)]
    for task in ("sib200", "pawsx"):
        assert sorted((m, seed) for m, t, seed in found if t == task) == sorted(per_target + walked)


def test_few_rows_are_part_of_the_lineage_and_all_rows_leave_it_as_it_was() -> None:
    few = {
        (rows.per_class, each.seed)
        for each in plan().stages
        if isinstance(each, Train)
        for rows in each.rows
        if isinstance(rows, DrawnRows)
    }
    assert few == {(8, 1), (8, 2)}
    alone = plan(RECIPE.partition("[arms.cloze]")[0])
    assert set(alone.stages) < set(plan().stages)


def test_a_cloze_s_words_are_part_of_the_lineage() -> None:
    (prompt, *_) = [stage for stage in plan().stages if isinstance(stage, Prompt)]
    other = replace(prompt, cloze=replace(prompt.cloze, template="{text} {mask}"))
    assert other.fingerprint != prompt.fingerprint


def test_a_file_of_one_s_own_changes_the_lineage_by_its_words_not_its_path(tmp_path: Path) -> None:
    shipped = Path(clozes.__file__).with_name("clozes_mini.toml").read_text(encoding="utf-8")
    (tmp_path / "same.toml").write_text(shipped, encoding="utf-8")
    (tmp_path / "other.toml").write_text(shipped.replace("Paris", "Oslo"), encoding="utf-8")

    def prompts(file: str) -> set[str]:
        own = f'nearest_words", clozes = "{tmp_path / file}"'
        made = plan(RECIPE.replace('nearest_words"', own) if file else RECIPE)
        return {each.fingerprint for each in made.stages if isinstance(each, Prompt)}

    assert prompts("same.toml") == prompts("")
    assert len(prompts("other.toml") - prompts("")) == 3  # sib200 alone, after no seed and two


def test_prompts_say_what_they_are_and_cost_little() -> None:
    made = plan()
    shape = ModelShape(num_blocks=3, width=128, vocabulary_size=12_000)
    said = {each.title for each in made.stages if isinstance(each, Prompt)}
    assert {
        "cloze for sib200",
        "soft prompt of 5 vectors for sib200, 8 rows a class",
        "cloze for pawsx after mnli",
    } <= said
    for each in made.stages:
        if isinstance(each, Prompt):
            found = each.cost(made.recipe, shape)
            assert found.disk_bytes == 0
            assert (found.num_examples > 0) == each.settings.is_trained
        if isinstance(each, Predict) and isinstance(each.parent, Prompt):
            soft = each.parent.settings.is_trained
            assert each.max_length_tokens == (64 if soft else 128)
