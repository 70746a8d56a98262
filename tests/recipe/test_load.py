"""Tests for stiltwalk.recipe.load."""

from __future__ import annotations

from pathlib import Path

import pytest

from stiltwalk.errors import RecipeError
from stiltwalk.recipe.load import parse_recipe, read_recipe
from stiltwalk.recipe.schema import LoRA, Recipe
from stiltwalk.recipe.shipped import SHIPPED

HERE = Path(__file__).parent
RECIPE = """
name = "study"
targets = ["xnli", "udpos", "xquad", "tatoeba"]
[model]
name = "mini-base"
[data]
source = "mini"
[arms]
none = []
mnli = ["mnli"]
[intermediate]
num_epochs = 2
[target]
learning_rate = 2e-5
[target.xnli]
max_rows = 100
"""


def read(*changes: str, text: str = RECIPE) -> Recipe:
    return parse_recipe(text, folder=HERE, changes=changes)


def refused(*changes: str, text: str = RECIPE) -> str:
    with pytest.raises(RecipeError) as caught:
        read(*changes, text=text)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith((".", "?"))
    return message


@pytest.mark.parametrize(
    ("change", "path", "nearest"),
    [
        ("nmae='x'", "nmae", "name"),
        ("model.nam='x'", "model.nam", "name"),
        ("data.test_row=3", "data.test_row", "test_rows"),
        ("intermediate.learning_rat=1e-5", "intermediate.learning_rat", "learning_rate"),
        ("target.xnli.num_epoch=1", "target.xnli.num_epoch", "num_epochs"),
    ],
)
def test_an_unknown_key_is_named_with_its_path_and_the_nearest_spelling(
    change: str, path: str, nearest: str
) -> None:
    message = refused(change)
    assert f"Unknown key {path}." in message
    assert f"Did you mean {nearest}?" in message


def test_an_unknown_key_that_resembles_nothing_gets_the_list() -> None:
    assert "There is: name, revision, family" in refused("model.zzzzz=1")


@pytest.mark.parametrize(
    ("change", "path", "value"),
    [
        ("intermediate.num_epochs='two'", "intermediate.num_epochs", "'two'"),
        ("intermediate.num_epochs=2.5", "intermediate.num_epochs", "2.5"),
        ("intermediate.num_epochs=0", "intermediate.num_epochs", "0"),
        ("intermediate.warmup_share=1.5", "intermediate.warmup_share", "1.5"),
        ("target.xnli.learning_rate=-1.0", "target.xnli.learning_rate", "-1.0"),
        ("target.freeze_word_embeddings='yes'", "freeze_word_embeddings", "'yes'"),
        ("data.test_rows=true", "data.test_rows", "True"),
        ("seeds=[1.5]", "seeds", "1.5"),
        ("seeds=[0, 1]", "seeds.0", "0"),
        ("precision='fp8'", "precision", "'fp8'"),
        ("controls=1", "controls", "1"),
        ("name='two words'", "name", "'two words'"),
        ("data='mini'", "data", "'mini'"),
        ("targets='xnli'", "targets", "'xnli'"),
    ],
)
def test_a_value_of_the_wrong_type_or_size_is_named(change: str, path: str, value: str) -> None:
    message = refused(change)
    assert path in message
    assert value in message


def test_a_whole_number_may_stand_for_a_fraction() -> None:
    assert read("intermediate.warmup_share=0").intermediate.warmup_share == 0


def test_a_missing_table_is_named() -> None:
    assert "lacks data" in refused(text=RECIPE.replace('[data]\nsource = "mini"\n', ""))


def test_targets_are_chosen_on_held_out_rows_unless_the_papers_are_asked_for() -> None:
    assert read().dev == "held-out"
    assert read("target.dev='published'").dev == "published"
    assert read_recipe(SHIPPED["paper"]).dev == "published"


@pytest.mark.parametrize("key", ["intermediate.dev", "target.xnli.dev", "arms.mnli.target.dev"])
def test_dev_is_one_choice_for_all_targets_and_arms(key: str) -> None:
    change = f"{key}='published'"
    message = refused("arms.mnli={tasks=['mnli']}", change)
    assert message.startswith("Unknown key")
    assert ".dev." in message


def test_another_dev_than_the_two_is_refused_by_its_key() -> None:
    message = refused("target.dev='test'")
    assert message.startswith("target.dev is 'test': input should be 'held-out' or 'published'")


def test_an_unknown_target_is_named_with_the_nearest() -> None:
    message = refused("targets=['xnly']", text=RECIPE.replace("[target.xnli]\nmax_rows = 100", ""))
    assert "'xnly'" in message
    assert "Did you mean xnli?" in message


def test_an_intermediate_task_is_no_target() -> None:
    message = refused("targets=['mnli']", text=RECIPE.replace("[target.xnli]\nmax_rows = 100", ""))
    assert "Unknown target 'mnli'" in message


def test_an_unknown_task_of_an_arm_is_named_with_the_arm() -> None:
    message = refused("arms.other=['squad_v3']")
    assert "'other'" in message
    assert "Did you mean squad_v2?" in message or "Did you mean squad_v1?" in message


def test_an_unknown_language_is_named() -> None:
    assert "'xx'" in refused("languages=['de', 'xx']")


def test_a_language_of_no_target_of_the_recipe_is_refused() -> None:
    assert "'my'" in refused("languages=['my']")  # panx alone has it


def test_a_table_for_a_target_that_is_not_asked_for_is_refused() -> None:
    message = refused("target.xnly.num_epochs=3")
    assert "[target.xnly]" in message
    assert "Did you mean xnli?" in message


@pytest.mark.parametrize("change", ["arms.none=['mnli']", "arms.empty=[]"])
def test_the_arm_without_a_task_and_no_other_is_called_none(change: str) -> None:
    assert "is called 'none'" in refused(change)


@pytest.mark.parametrize(
    "change",
    [
        "targets=['xnli', 'udpos', 'xnli']",
        "seeds=[1, 2, 1]",
        "arms.mnli=['mnli', 'qqp', 'mnli']",
    ],
)
def test_what_is_named_twice_is_refused(change: str) -> None:
    assert "twice" in refused(change)


def test_two_arms_with_the_same_tasks_are_refused_in_any_order() -> None:
    assert "twice" in refused("arms.a=['mnli', 'qqp']", "arms.b=['qqp', 'mnli']")


def test_an_arm_may_be_a_table_that_changes_single_values_for_itself() -> None:
    recipe = read(
        "arms.slow.tasks=['mnli']",
        "arms.slow.intermediate.num_epochs=7",
        "arms.slow.target.num_epochs=6",
        "arms.slow.target.xnli.num_epochs=5",
        "intermediate.learning_rate=3e-5",
    )
    slow = recipe.arms["slow"]
    assert (slow.intermediate.num_epochs, slow.intermediate.learning_rate) == (7, 3e-5)
    assert slow.target["xnli"].num_epochs == 5
    assert slow.target["xnli"].max_rows == recipe.target["xnli"].max_rows == 100
    assert recipe.arms["none"] == recipe.baseline


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("arms.slow.intermediat.num_epochs=7", "Unknown key arms.slow.intermediat"),
        ("arms.slow.intermediate.num_epoch=7", "Did you mean num_epochs?"),
        ("arms.slow.target.xnly.num_epochs=7", "[arms.slow.target.xnly]"),
        ("arms.slow=3", "[arms.slow]"),
        ("arms.none={intermediate = {num_epochs = 9}}", "'none'"),
    ],
)
def test_a_slip_in_an_arms_table_is_named(change: str, said: str) -> None:
    assert said in refused(change)


def test_an_arm_may_train_adapters_with_or_without_tasks() -> None:
    recipe = read(
        "arms.small={tasks = ['mnli'], lora = {rank = 4}}",
        "arms.alone.lora={merged = false, modules = ['query', 'value']}",
    )
    assert recipe.arms["small"].lora == LoRA(rank=4)
    assert recipe.arms["alone"].lora == LoRA(merged=False, modules=("query", "value"))
    assert recipe.arms["alone"].tasks == recipe.arms["none"].tasks == ()
    assert recipe.arms["mnli"].lora is recipe.baseline.lora is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("arms.small.lora.rnk=4", "Unknown key arms.small.lora.rnk. Did you mean rank?"),
        ("arms.small.lora.rank=0", "arms.small.lora.rank is 0"),
        ("arms.small.lora.dropout=1.0", "arms.small.lora.dropout is 1.0"),
        ("arms.small.lora.modules=[]", "arms.small.lora.modules is []"),
        ("arms.small.lora=true", "arms.small.lora is True"),
        ("arms.none={lora = {}}", "'none'"),
        ("arms={a = {lora = {}}, b = {lora = {rank = 8}}}", "'a' and 'b'"),
    ],
)
def test_a_slip_in_an_arms_adapters_is_named(change: str, said: str) -> None:
    assert said in refused(change)


def test_a_recipe_needs_arms_and_targets() -> None:
    assert "at least one" in refused("arms={}")
    without = RECIPE.replace("[target.xnli]\nmax_rows = 100", "")
    assert "at least one" in refused("targets=[]", text=without)


def test_a_model_is_named_and_not_made() -> None:
    assert "a recipe names its model" in refused("model.pretrain.steps=5")
    assert "set retrieval.relative_depth" in refused("relative_depth=0.5")
    assert "set retrieval.pooling" in refused("answering.tatoeba.pooling='last'")
    assert "lacks model.name" in refused(text=RECIPE.replace('name = "mini-base"', ""))


def test_set_changes_one_value() -> None:
    changed = read("intermediate.num_epochs=7", "data.test_rows=50", "seeds=[1, 2]")
    assert changed.intermediate.num_epochs == 7
    assert changed.data.test_rows == 50
    assert changed.seeds == (1, 2)
    assert changed.target == read().target


def test_set_takes_an_unquoted_word() -> None:
    assert read("precision=bf16").precision == "bf16"


def test_set_keeps_what_follows_a_second_equals_sign() -> None:
    assert read("name='a'", "data.source='x=y'").data.source.endswith("x=y")


@pytest.mark.parametrize("change", ["data.test_rows", "=5", "data.=5", "data.test_rows="])
def test_a_change_without_key_or_value_is_refused(change: str) -> None:
    assert "KEY=VALUE" in refused(change)


def test_a_change_below_a_plain_value_is_refused() -> None:
    assert "not a table" in refused("name.first='x'")


def test_settings_of_a_target_are_preset_then_shared_then_own() -> None:
    target = read().target
    assert set(target) == {"xnli", "udpos", "xquad", "tatoeba"}
    assert (target["xnli"].num_epochs, target["udpos"].num_epochs) == (2, 10)  # preset
    assert target["xquad"].effective_batch_size == 16  # preset
    assert {each.learning_rate for each in target.values()} == {2e-5}  # shared
    assert target["xnli"].max_rows == 100  # own
    assert target["udpos"].max_rows is None
    assert read("target.num_epochs=1").target["udpos"].num_epochs == 1  # shared beats preset
    both = read("target.num_epochs=1", "target.xnli.num_epochs=4").target
    assert (both["xnli"].num_epochs, both["udpos"].num_epochs) == (4, 1)  # own beats shared


def test_the_table_of_targets_is_settings_or_tables_and_nothing_else() -> None:
    head, _, _ = RECIPE.partition("[target]")
    assert "target" in refused(text='target = "xnli"\n' + head)


def test_a_toml_error_says_where() -> None:
    message = refused(text="name = \n")
    assert "not valid TOML" in message
    assert "line 1" in message


def test_a_file_from_windows_is_read(tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_bytes(b"\xef\xbb\xbf" + RECIPE.replace("\n", "\r\n").encode())
    assert read_recipe(file) == parse_recipe(RECIPE, folder=tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"nowhere\.toml"):
        read_recipe(tmp_path / "nowhere.toml")


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match=r"model\.toml"):
        read_recipe(tmp_path / "model.toml")


def test_paths_are_relative_to_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "encoder").mkdir()
    file = tmp_path / "study" / "recipe.toml"
    file.write_text(
        RECIPE.replace('"mini-base"', '"../encoder"').replace(
            'source = "mini"', 'source = "../hub"\nbucc = "bucc"'
        ),
        encoding="utf-8",
    )
    recipe = read_recipe(file)
    assert recipe.model.name == str(tmp_path / "encoder")
    assert recipe.data.source == str(tmp_path / "hub")
    assert recipe.data.bucc == str(tmp_path / "study" / "bucc")


def test_the_home_folder_may_be_spelled_as_in_a_shell() -> None:
    recipe = read("model.name='~/encoder'", "data.source='~/hub'", "data.ud='~/ud'")
    home = Path.home()
    assert recipe.model.name == str(home / "encoder")
    assert (recipe.data.source, recipe.data.ud) == (str(home / "hub"), str(home / "ud"))


def test_names_that_are_no_paths_stay() -> None:
    recipe = read("model.name='FacebookAI/xlm-roberta-base'", "data.source='hub'")
    assert recipe.model.name == "FacebookAI/xlm-roberta-base"
    assert recipe.data.source == "hub"


@pytest.mark.parametrize("name", ["./missing", "../missing"])
def test_a_relative_model_folder_that_is_missing_is_looked_for_beside_the_recipe(name: str) -> None:
    assert read(f"model.name='{name}'").model.name == str((HERE / name).resolve())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("measure.profile='quik'", "measure.profile is 'quik'"),
        ("measure.target=['xnli']", "Did you mean targets?"),
        ("measure.targets=['mlqa']", "names 'mlqa', which is no target of the recipe"),
    ],
)
def test_a_measurement_of_nothing_is_refused(change: str, said: str) -> None:
    assert said in refused(change)
