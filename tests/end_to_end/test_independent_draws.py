"""What is drawn for one purpose is drawn for no other, over all stages, phases and seeds."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file
from torch import Tensor

import stiltwalk
from stiltwalk.draws import Draws
from stiltwalk.execution import study
from stiltwalk.models.checkpoint import head_file

RECIPE = """
name = "drawn"
seeds = [1, 2]
targets = ["xnli", "pawsx", "xquad"]
languages = ["en"]
controls = true
num_threads = 1
[model]
name = "{model}"
[data]
source = "mini"
test_rows = 4
[measure]
budget_s = 0
[arms]
none = []
mnli = ["mnli"]
[arms.reused]
tasks = ["mnli"]
head = "reuse"
[arms.mixed]
tasks = ["mnli", "qqp", "squad_v1", "squad_v2"]
lora = {{ rank = 2 }}
[intermediate]
learning_rate = 1e-4
num_epochs = 1
max_rows = 16
max_length_tokens = 96
eval_rows = 8
[target]
learning_rate = 1e-30   # a head stays as it was drawn
num_epochs = 1
max_rows = 16
max_length_tokens = 96
eval_rows = 8
"""
Heads = dict[tuple[str, str, int], dict[str, Tensor]]
"""By intermediate tasks, target's task and seed; the target's is empty for a trained head."""


@pytest.fixture(scope="module")
def drawn(tiny_xlmr: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple:  # type: ignore[type-arg]
    """Carry the recipe out; return every named number, and every head."""
    folder, numbers = tmp_path_factory.mktemp("drawn"), {}
    whole = Draws.number

    def number(self: Draws, *name: str | int) -> int:
        numbers[(self, *name)] = found = whole(self, *name)  # type: ignore[arg-type]
        return found

    (folder / "drawn.toml").write_text(RECIPE.format(model=tiny_xlmr), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Draws, "number", number)
        study.run_study(folder / "drawn.toml", folder / "work", Console(file=io.StringIO()))
    return numbers, _heads(folder / "work" / "stages")


def _heads(stages: Path) -> Heads:
    """Return the trained heads of intermediate stages, and the untrained ones of targets."""
    heads: Heads = {}
    for file in stages.glob("*/complete.json"):
        stage = json.loads(file.read_text(encoding="utf-8"))["stage"]
        model = file.parent / "model"
        if stage.get("phase") == "intermediate phase":
            for rows in stage["rows"]:
                task = rows["task"]
                heads[f"{len(stage['rows'])} {task}", "", stage["seed"]] = load_file(
                    model / head_file(task)
                )
        if stage.get("phase") == "target phase":
            after = "+".join(rows["task"] for rows in stage["parent"].get("rows", ()))
            after += " reused" * bool(stage.get("head_of"))
            weights = load_file(model / "model.safetensors")
            heads[after, stage["rows"][0]["task"], stage["seed"]] = {
                name: value
                for name, value in weights.items()
                if name.startswith(("classifier", "qa_outputs"))
            }
    return heads


def test_no_two_draws_of_different_names_are_equal(drawn: tuple) -> None:  # type: ignore[type-arg]
    numbers, _ = drawn
    assert len(set(numbers.values())) == len(numbers)
    seen = {(draws.phase, purpose) for draws, purpose, *_ in numbers}
    assert seen >= {
        (phase, purpose)
        for phase in ("intermediate", "target")
        for purpose in ("head", "order", "dropout", "lacking weights", "adapters")
    }
    assert ("evaluation", "shuffled embeddings") in seen


def test_fresh_heads_have_nothing_in_common_with_one_another_or_with_trained_ones(
    drawn: tuple,  # type: ignore[type-arg]
) -> None:
    _, heads = drawn
    trained = {key: head for key, head in heads.items() if not key[1]}
    fresh = {key: head for key, head in heads.items() if key[0] == "mnli" and key[1]}
    assert len(fresh) == 6
    for at, head in fresh.items():
        others = [each for key, each in (trained | fresh).items() if key != at]
        for other in others:
            assert _likeness(head, other) < 0.5


def test_arms_share_the_fresh_head_of_a_target_and_a_seed(drawn: tuple) -> None:  # type: ignore[type-arg]
    _, heads = drawn
    for seed in (1, 2):
        for task in ("mnli", "pawsx", "squad_v1"):
            assert _likeness(heads["mnli", task, seed], heads["", task, seed]) > 0.999


def test_a_reused_head_is_the_trained_one_where_type_and_labels_agree(drawn: tuple) -> None:  # type: ignore[type-arg]
    _, heads = drawn
    for seed in (1, 2):
        begun, trained = heads["mnli reused", "mnli", seed], heads["1 mnli", "", seed]
        assert begun.keys() == trained.keys()
        assert all(torch.allclose(begun[name], trained[name]) for name in begun)
        assert ("mnli reused", "pawsx", seed) not in heads


@pytest.mark.slow
def test_an_untrained_head_knows_nothing_of_what_the_intermediate_task_taught(
    tmp_path: Path,
) -> None:
    table = RECIPE.replace("seeds = [1, 2]", "seeds = [1, 2, 3, 4, 5, 6]").format(model="mini-base")
    table = table.replace(', "pawsx"', "").replace("test_rows = 4", "test_rows = 100")
    head, arms, settings = table.partition("[arms]")
    settings = settings[settings.index("[intermediate]") :].replace("1e-4", "5e-4")
    settings = settings.replace("max_rows = 16", "max_rows = 2000", 1)
    own = "".join(
        f'{task} = ["{task}"]\n' for task in ("mnli", "anli_plus", "squad_v1", "squad_v2")
    )
    (tmp_path / "chance.toml").write_text(f"{head}{arms}\nnone = []\n{own}{settings}", "utf-8")
    study.run_study(tmp_path / "chance.toml", tmp_path / "work", Console(file=io.StringIO()))
    rows = [row for row in stiltwalk.load(tmp_path / "work").rows if row["split"] == "test"]
    for arm, task, metric, most in (
        ("mnli", "xnli", "accuracy", 0.6),
        ("anli_plus", "xnli", "accuracy", 0.6),
        ("squad_v1", "xquad", "f1", 0.35),
        ("squad_v2", "xquad", "f1", 0.35),
    ):
        found = [
            row["value"]
            for row in rows
            if (row["intermediate"], row["task"], row["metric"]) == ((arm,), task, metric)
        ]
        assert len(found) == 6
        assert sum(found) / 6 < most, f"{task} after {arm}: {found}"


def _likeness(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    """Return the largest cosine between two heads' matrices, over the rows that both have."""
    cosines = [0.0]
    for name in one.keys() & other.keys():
        if one[name].dim() == 2 and one[name].shape[1] == other[name].shape[1]:
            rows = min(len(one[name]), len(other[name]))
            a, b = one[name][:rows].flatten(), other[name][:rows].flatten()
            cosines.append(abs(float(torch.nn.functional.cosine_similarity(a, b, dim=0))))
    return max(cosines)
