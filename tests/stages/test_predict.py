"""Tests for stiltwalk.stages.predict: a clock's model answers as it was scored; number formats."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from decoders import write_decoder
from prompted import write_language_model
from stiltwalk.data.source import DataSource
from stiltwalk.data.xtreme_files import answers_path, form_of, write_answers
from stiltwalk.errors import RecipeError
from stiltwalk.execution.executors.worker import perform
from stiltwalk.inference.engines import EngineChoice
from stiltwalk.inference.engines.trial import Trial
from stiltwalk.inference.predictor import Predictor
from stiltwalk.metrics.bitext import nearest
from stiltwalk.recipe.load import parse_recipe
from stiltwalk.recipe.types import Format
from stiltwalk.records import Answers, Split, TaskType
from stiltwalk.stages import predict_format_run
from stiltwalk.stages.compare_speed import timed_pair
from stiltwalk.stages.context import Context
from stiltwalk.stages.encoder import Base
from stiltwalk.stages.graph import build_plan
from stiltwalk.stages.predict import Predict
from stiltwalk.store.workspace import Workspace
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import bitext, examples
from stiltwalk.tasks.task import Task
from walking import Walked

MINI = DataSource(source="mini")
RECIPE = """
name = "asked"
languages = ["en", "de"]
num_threads = 1
[model]
name = "base"
[data]
source = "mini"
test_rows = 6
[target]
num_epochs = 1
max_rows = 16
max_length_tokens = 96
eval_rows = 4
[arms]
none = []
"""
HEADS = ("targets=['xnli','panx','xquad','tatoeba']",)
CLOZES = ("targets=['sib200']", "arms.cloze={prompt={method='nearest_words'}}")
DECODER = (
    "targets=['xnli','xquad','tatoeba']",
    "model.family='causal'",
    "answering.xnli={fine_tuned=false,in_context=2}",
    "answering.xquad={fine_tuned=false,max_new_tokens=5}",
    "retrieval={pooling='last',prefix='query: '}",
)


def evaluated(model: Path, folder: Path, *changes: str) -> tuple[list[Predict], Context]:
    """Carry a recipe out; return its evaluations."""
    recipe = parse_recipe(RECIPE, folder=folder, changes=changes)
    base = Base(name="base", revision="1")
    plan = build_plan(recipe, base=base, revision=lambda *_: "rows:1")
    context = Context(
        workspace=Workspace(folder / "workspace"),
        data=MINI,
        base_folder=model,
        num_threads=1,
        resume_every_s=100.0,
        trackers=(),
        provenance={},
        progress=lambda _done, _all: None,
    )
    for stage in plan.stages:
        perform(stage, context)
    return [stage for stage in plan.stages if isinstance(stage, Predict)], context


def timed_answers(clocked: Predictor, task: Task, language: str, max_rows: int | None) -> Answers:
    """Return what a model answers that is there to be timed."""
    if task.task_type is not TaskType.RETRIEVAL:
        return clocked.answers(examples(task, MINI, Split.TEST, language, max_rows))
    asked = bitext(task, MINI, Split.TEST, language, max_rows)
    sides = [[each.text.strip() for each in side] for side in (asked.english, asked.foreign)]
    english, foreign = (np.array(clocked.answers(side)) for side in sides)
    return [str(index) for index in nearest(english, foreign)]


@pytest.mark.parametrize("changes", [HEADS, CLOZES, DECODER], ids=["heads", "clozes", "decoder"])
def test_what_is_timed_answers_as_what_is_scored(
    changes: tuple[str, ...], tiny_xlmr: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    if changes == DECODER:
        write_decoder("llama", model)
    else:
        write_language_model(Path(shutil.copytree(tiny_xlmr, model)))
    stages, context = evaluated(model, tmp_path, *changes)
    assert len(stages) >= 2
    for stage in stages:
        task, folder = TASKS[stage.rows.task], context.workspace.folder(stage)
        form = form_of(task.task_type, task.metric)
        clocked, _ = timed_pair(stage, stage, context).load()
        for language in stage.languages:
            scored, timed = answers_path(folder, task.name, language, form), tmp_path / "timed"
            write_answers(timed, form, timed_answers(clocked, task, language, stage.max_rows))
            assert timed.read_bytes() == scored.read_bytes()


AUTO = ("precision=auto", "arms={none=[]}", "controls=false")
TARGETS = "targets=['xnli', 'xquad', 'tatoeba']"


def choices(walked: Walked) -> dict[str, dict[str, Any]]:
    """Return task → what was written down beside its answers."""
    return {
        stage["stage"]["rows"]["task"]: json.loads(file.read_text(encoding="utf-8"))
        for key, stage in walked.stages().items()
        if stage["stage"].get("precision") == "auto"
        and (file := walked.workspace / "stages" / key / "precision.json").is_file()
    }


@pytest.mark.parametrize("changes_the_score", [False, True])
def test_auto_predicts_in_bf16_only_where_the_english_dev_score_stays(
    walked: Walked,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    believe: Callable[..., None],
    changes_the_score: bool,
) -> None:
    believe("cpu bf16")
    scores = iter(range(100) if changes_the_score else [0.5] * 100)
    monkeypatch.setattr(predict_format_run, "dev_score", lambda *_: next(scores))
    own = walked.copied(tmp_path)
    trained = own.named("target phase")
    own.again(*AUTO, TARGETS)
    assert own.named("target phase") == trained  # in fp32, as without "auto"
    found = choices(own)
    assert set(found) == {"xnli", "xquad", "tatoeba"}
    assert found["tatoeba"]["because"] == "retrieval has no English dev rows"
    for task in ("xnli", "xquad"):
        assert found[task]["precision"] == ("fp32" if changes_the_score else "bf16")
        assert 0 < found[task]["largest_difference"] < 1
        assert found[task]["num_examples"] >= 1


def test_auto_stays_with_fp32_where_the_device_has_no_bf16(
    walked: Walked, tmp_path: Path, believe: Callable[..., None]
) -> None:
    believe()
    own = walked.copied(tmp_path)
    before = own.results()
    own.again(*AUTO, "targets=['xnli']")
    (choice,) = choices(own).values()
    assert choice == {"precision": "fp32", "because": "the device has no bf16 arithmetic"}
    new = {name: text for name, text in own.results().items() if name not in before}
    answers = [text for name, text in new.items() if name.endswith("test-de.tsv")]
    assert answers
    assert all(text in before.values() for text in answers)


def test_an_evaluation_keeps_the_format_that_it_computed_in(
    walked: Walked, tmp_path: Path, believe: Callable[..., None]
) -> None:
    believe()
    own = walked.copied(tmp_path)
    own.again("precision=bf16", "arms={none=[]}", "controls=false", "targets=['xnli', 'tatoeba']")
    kept = {
        (stage["stage"]["precision"], file.read_text(encoding="utf-8"))
        for key, stage in own.stages().items()
        if (file := own.workspace / "stages" / key / "precision.json").is_file()
    }
    formats = {(asked, json.loads(text)["precision"]) for asked, text in kept}
    assert formats == {("fp32", "fp32"), ("bf16", "fp32")}


_FORMATS: tuple[Format, ...] = ("int8", "fp32")
INT8 = {"name": "torch", "format": "int8"}


def engine_facts(stages: list[Predict], context: Context) -> dict[str, dict[str, Any]]:
    """Return task → what was written down beside its answers."""
    return {
        stage.rows.task: json.loads(context.workspace.text(stage, "precision.json"))
        for stage in stages
    }


def test_another_engine_answers_dev_rows_first_and_is_timed_as_it_scored(
    tiny_xlmr: Path, tmp_path: Path
) -> None:
    engine = "engine={name='torch',format='int8',tolerance=1.0}"
    stages, context = evaluated(tiny_xlmr, tmp_path, *HEADS, engine)
    facts = engine_facts(stages, context)
    assert {task: each["judged_by"] for task, each in facts.items()} == {
        "xnli": "dev score",
        "panx": "dev score",
        "xquad": "dev score",
        "tatoeba": "cosine",
    }
    for stage in stages:
        assert "torch in int8" in stage.title
        found = facts[stage.rows.task]
        assert found["engine"] == INT8 | {"num_threads": 1, "batch_tokens": None}
        assert 0 < found["largest_difference"] < 1
        clocked, _ = timed_pair(stage, stage, context).load()
        assert clocked.settings.computes == "torch in int8, 1 threads"
        assert type(clocked.engine.model).__name__ == "Hosted" or stage.rows.task != "tatoeba"


def test_an_engine_that_changes_what_a_model_answers_is_refused(
    tiny_xlmr: Path, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match=r"torch in int8.*cosine.*engine\.tolerance"):
        evaluated(
            tiny_xlmr,
            tmp_path,
            "targets=['tatoeba']",
            "languages=['de']",
            "engine={name='torch',format='int8',tolerance=0.0}",
        )


def test_auto_falls_back_on_torch_where_faster_engines_answer_otherwise(
    tiny_xlmr: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ranked = [EngineChoice(name="torch", format=each, num_threads=1) for each in _FORMATS]
    found = Trial(ranked=tuple(ranked), gains=(2.0, 1.0), took_s=3.0)
    monkeypatch.setattr(predict_format_run, "trial", lambda *_: found)
    engine = "engine={name='auto',tolerance=0.0}"
    retrieval = ("targets=['tatoeba']", "languages=['de']")
    stages, context = evaluated(tiny_xlmr, tmp_path, *retrieval, engine)
    facts = engine_facts(stages, context)["tatoeba"]
    assert facts["engine"]["format"] == "fp32"
    assert facts["largest_difference"] == 0
    assert "torch in int8, 1 threads changes the cosine" in facts["refused"]
    assert "torch in int8, 1 threads: 2.00" in facts["because"]
