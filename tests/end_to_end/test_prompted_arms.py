"""A recipe with prompts, few examples and a trained language-model head, on a tiny encoder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file

from compared import BRIEF, passed
from prompted import write_language_model
from stiltwalk.errors import DataError
from stiltwalk.execution.compare import Asked, compare_models
from stiltwalk.store.workspace import Workspace
from stiltwalk.tasks import clozes
from stiltwalk.timing import sample_size
from stiltwalk.timing.attribution import language_attribution
from stiltwalk.timing.record import Speed, read_speed
from stiltwalk.timing.session import Session
from walking import Walked, carry_out

RECIPE = """
name = "prompts"
seeds = [1, 2]
targets = ["sib200"]
languages = ["en", "de"]
num_threads = 1
[model]
name = "{model}"
[data]
source = "mini"
test_rows = 20
[measure]
budget_s = 0
[arms]
none = []
[arms.cloze]
prompt = {{ method = "nearest_words" }}
[arms.soft]
prompt = {{ method = "soft", num_epochs = 1, num_tokens = 3 }}
examples_per_class = 2
unseen_classes.sib200 = ["travel", "health"]
[arms.few]
examples_per_class = 2
[arms.walked]
tasks = ["mnli"]
mlm = {{ text = "mini", weight = 0.5, languages = ["en", "de"] }}
prompt = {{ method = "nearest_words" }}
[arms.walked_without_text]
tasks = ["mnli"]
prompt = {{ method = "nearest_words" }}
[intermediate]
num_epochs = 1
max_rows = 16
max_length_tokens = 96
eval_rows = 8
[target]
num_epochs = 1
max_rows = 32
max_length_tokens = 96
eval_rows = 8
"""


@pytest.fixture(scope="module")
def done(tiny_xlmr: Path, tmp_path_factory: pytest.TempPathFactory) -> Walked:
    """Return the recipe, carried out."""
    root = tmp_path_factory.mktemp("prompts")
    model = write_language_model(Path(shutil.copytree(tiny_xlmr, root / "model")))
    recipe = root / "prompts.toml"
    recipe.write_text(RECIPE.format(model=model), encoding="utf-8")
    carry_out(recipe, root / "workspace")
    return Walked(recipe=recipe, workspace=root / "workspace", report=root / "workspace" / "none")


def stage(done: Walked, name: str) -> Path:
    return done.workspace / "stages" / name


def test_what_nothing_was_drawn_for_is_there_once_and_draws_once_a_seed(done: Walked) -> None:
    seeds: dict[str, list[int]] = {}
    for marker in done.stages().values():
        made = marker["stage"]
        if made["stage"] == "Prompt":
            seeds.setdefault(made["settings"]["method"], []).append(made["seed"])
    assert sorted(seeds["soft"]) == [1, 2]
    assert seeds["nearest_words"] == [0] * 5  # bare, and after two seeds of two arms


def test_prompts_take_kilobytes(done: Walked) -> None:
    for name in done.named("Prompt"):
        files = list((stage(done, name) / "model").iterdir())
        assert {file.name for file in files} == {"prompt.json", "prompt.safetensors"}
        assert sum(file.stat().st_size for file in files) < 20_000


def test_every_language_is_answered_and_unseen_classes_are_scored_alone(done: Walked) -> None:
    for name in done.named("Predict"):
        made = done.stages()[name]["stage"]
        rows = [
            json.loads(line)
            for line in (stage(done, name) / "scores.jsonl").read_text("utf-8").splitlines()
        ]
        figures = {(row["language"], row["metric"]) for row in rows}
        wanted = {(code, "accuracy") for code in ("de", "en")}
        if made["parent"].get("unseen"):
            wanted |= {(code, "accuracy_unseen") for code in ("de", "en")}
        assert figures == wanted
        assert all(0 <= row["value"] <= 1 for row in rows)


def test_a_trained_head_is_kept_and_an_untrained_one_is_the_parent_s(done: Walked) -> None:
    heads = {}
    for name in done.named("intermediate phase"):
        text = done.stages()[name]["stage"]["text"]
        heads[bool(text)] = stage(done, name) / "model" / "lm_head.safetensors"
    assert not heads[False].exists()
    trained = load_file(heads[True])
    base = load_file(done.recipe.parent / "model" / "model.safetensors")
    assert trained.keys() == {name for name in base if name.startswith("lm_head")}
    assert any(not trained[name].equal(base[name]) for name in trained)


OWN = Path(clozes.__file__).with_name("clozes_mini.toml").read_text(encoding="utf-8")


def test_a_cloze_of_one_s_own_is_asked(done: Walked, tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_text(OWN.replace("{text} and {mask}", "{mask} or {text}"), encoding="utf-8")
    copy = done.copied(tmp_path)
    before = set(copy.named("Prompt"))
    copy.again(f'arms.cloze.prompt.clozes="{own}"')
    (made,) = set(copy.named("Prompt")) - before
    kept = (copy.workspace / "stages" / made / "model" / "prompt.json").read_text("utf-8")
    assert json.loads(kept)["cloze"]["template"] == "{mask} or {text}"
    assert str(own) not in kept


def test_a_class_that_the_vocabulary_cannot_name_is_refused_before_any_work(
    done: Walked, tmp_path: Path
) -> None:
    own = tmp_path / "mine.toml"
    own.write_text(OWN.replace('"quarter"', '"𓀀"'), encoding="utf-8")
    with pytest.raises(DataError, match="'𓀀' for the class 'science/technology' has no token"):
        carry_out(done.recipe, tmp_path / "new", [f'arms.cloze.prompt.clozes="{own}"'])
    assert not (tmp_path / "new" / "stages").exists()


LAST_LAYER = 1 / 3
"""Of two blocks' work: what a classifier spares all but the first tokens, and a cloze does not."""


def check_cause(speed: Speed, vectors: int) -> None:
    """Refuse a comparison with the head that does not say what a prompt costs, and why."""
    assert [(cell.task, cell.figure) for cell in speed.cells] == [("sib200", "p50 latency")]
    (longer,) = [each for each in speed.structure["sib200"] if "tokens a row" in each]
    assert f"and {vectors} vectors)" in longer if vectors else "vectors" not in longer
    (head,) = [each for each in speed.structure["sib200"] if each.startswith("head (classifier")]
    assert "7 rows of classes at the mask in place of 700 words" in head
    causes = {each.time.language: each for each in language_attribution(speed)}
    assert set(causes) == {"de", "en"}
    for each in causes.values():
        assert each.tokens is not None
        assert each.work is not None
        ours, theirs = each.tokens
        assert f"{theirs - ours:+g} tokens a row" in longer
        longer_by = theirs / ours - 1
        assert 1 + 0.5 * longer_by < each.work < 1 + 2 * longer_by + LAST_LAYER
    (told,) = [each for each in speed.summary if "times the operations of" in each]
    assert longer in told
    assert {each.metric for each in speed.quality} == {"accuracy"}


@pytest.mark.parametrize(("arm", "vectors"), [("soft", 3), ("walked", 0)])
def test_a_prompted_arm_is_compared_with_the_head_and_told_why_it_costs_more(
    done: Walked, arm: str, vectors: int
) -> None:
    asked = Asked(names=("prompts:none", f"prompts:{arm}"), workspace=Workspace(done.workspace))
    check_cause(
        compare_models(asked, Session(profile=BRIEF, num_threads=1, seed=1, passed=passed())),
        vectors,
    )


def test_a_recipe_times_prompted_arms_against_the_head(
    done: Walked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_size, "QUICK", BRIEF)
    copy = done.copied(tmp_path)
    before, rest = done.recipe.read_text(encoding="utf-8").split("[arms.cloze]")
    soft, few = rest[rest.index("[arms.soft]") :].split("[arms.few]")
    recipe = tmp_path / "timed.toml"
    recipe.write_text(before + soft + few[few.index("[intermediate]") :], encoding="utf-8")
    assert "running" in carry_out(
        recipe, copy.workspace, ['measure={profile="quick"}', "seeds=[1]"]
    )
    timed = copy.stages().keys() - done.stages().keys()
    pairs = [read_speed(Workspace(copy.workspace).text(each, "speed.json")) for each in timed]
    assert [(each.a, each.b, each.design.seed) for each in pairs] == [("none", "soft", 1)]
    for speed in pairs:
        check_cause(speed, 3)


def test_running_again_does_nothing_and_another_number_of_examples_is_another_stage(
    done: Walked, tmp_path: Path
) -> None:
    copy = done.copied(tmp_path)
    before = copy.results()
    copy.again()
    assert copy.results() == before
    copy.again("arms.soft.examples_per_class=3")
    assert len(copy.named("Prompt")) == len(done.named("Prompt")) + 2
