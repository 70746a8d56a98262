"""Every task with every family of models: two steps of training, then answers in its languages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stiltwalk.data.xtreme_files import answers_path, form_of, read_answers
from stiltwalk.records import Metric, TaskType
from stiltwalk.tasks import INTERMEDIATE, TARGETS, TASKS
from walking import Walked, carry_out

RECIPE = """
name = "every"
targets = ["{target}"]
languages = {languages}
num_threads = 1
[model]
name = "{model}"
[data]
source = "mini"
test_rows = 5
[measure]
budget_s = 0
[arms]
{arm}
[intermediate]
learning_rate = 1e-3
num_epochs = 1
effective_batch_size = 8
max_rows = 16
eval_rows = 8
[target]
learning_rate = 1e-3
num_epochs = 1
effective_batch_size = 8
max_rows = 16
eval_rows = 8
"""


@pytest.mark.parametrize("name", [*INTERMEDIATE, *TARGETS, "sib200"])
def test_every_task_trains_two_steps_and_predicts(name: str, family: Path, tmp_path: Path) -> None:
    """An intermediate task answers its dev rows, and its encoder embeds for retrieval."""
    is_stone = name in INTERMEDIATE
    target = "tatoeba" if is_stone else name
    recipe = tmp_path / "every.toml"
    arm = f'{name} = ["{name}"]' if is_stone else "none = []"
    text = RECIPE.format(target=target, model=family, arm=arm, languages=some_languages(target))
    recipe.write_text(text, encoding="utf-8")
    carry_out(recipe, tmp_path / "workspace")
    walked = Walked(recipe=recipe, workspace=tmp_path / "workspace", report=tmp_path / "no report")
    trained = walked.named("intermediate phase") + walked.named("target phase")
    assert len(trained) == (0 if TASKS[name].task_type is TaskType.RETRIEVAL else 1)
    for stage in trained:
        check_training(walked.workspace / "stages" / stage, TASKS[name].train_task)
    (asked,) = walked.named("Predict")
    check_answers(walked, asked, target)


def some_languages(target: str) -> list[str]:
    return [code for code in TASKS[target].languages if code in {"de", "en", "fi", "zh"}]


def check_training(stage: Path, task: str) -> None:
    """Check that there were two steps with a finite loss, and a evaluation on dev."""
    steps = [
        json.loads(line) for line in (stage / "training.jsonl").read_text("utf-8").splitlines()
    ]
    assert [(step["step"], step["task"]) for step in steps] == [(1, task), (2, task)]
    assert all(0 < step["loss_nats"] < 20 for step in steps)
    assert all(step["gradient_norm"] > 0 for step in steps)
    (dev,) = [json.loads(line) for line in (stage / "scores.jsonl").read_text("utf-8").splitlines()]
    assert (dev["task"], dev["split"], dev["language"]) == (task, "dev", "en")
    assert 0 <= dev["value"] <= 1


def check_answers(walked: Walked, stage: str, target: str) -> None:
    """Check that each language has an answer to every row, and figures."""
    task, folder = TASKS[target], walked.workspace / "stages" / stage
    languages = some_languages(target)
    assert len(languages) >= 2
    scored = [row for row in walked.rows() if row["split"] == "test"]
    assert {row["language"] for row in scored} == set(languages)
    assert all(0 <= row["value"] <= 1 for row in scored)
    form = form_of(task.task_type, task.metric)
    for language in languages:
        answers = read_answers(answers_path(folder, target, language, form), form)
        assert task.metric is Metric.PAIR_F1 or len(answers) == 5
        if task.task_type in {TaskType.TEXT, TaskType.PAIR, TaskType.TAGGING}:
            is_tagging = task.task_type is TaskType.TAGGING
            flat = [tag for row in answers for tag in row] if is_tagging else answers
            assert set(flat) <= set(task.labels)
