"""Every family trains, answers, embeds and is timed, with the values of transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

import tiny
from rows import LABELS, examples
from stiltwalk.errors import ModelError
from stiltwalk.features.text import load_text_encoder
from stiltwalk.heads import head_of
from stiltwalk.heads.head import make_batch, uses_types
from stiltwalk.inference.predictor import Settings, load_predictor
from stiltwalk.models import checkpoint
from stiltwalk.models.locate import ONLY_HEADS, read_config
from stiltwalk.recipe.types import RetrievalSettings
from stiltwalk.records import TaskType
from stiltwalk.tasks import TASKS

TYPES = (TaskType.PAIR, TaskType.TAGGING, TaskType.SPAN, TaskType.CHOICE)
NAMES = {TaskType.PAIR: "xnli", TaskType.TAGGING: "panx", TaskType.SPAN: "xquad"}


@pytest.fixture(scope="module", params=[*tiny.FAMILIES, *tiny.MORE_FAMILIES])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of each family's tiny encoder in turn."""
    return tiny.write_family(request.param, tmp_path_factory.mktemp("family"))


def as_transformers(model: Any, inputs: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    """Leave out what the model has no use for."""
    return {k: v for k, v in inputs.items() if k != "token_type_ids" or uses_types(model)}


def test_pairs_have_the_logits_of_transformers_at_any_padding(folder: Path) -> None:
    encoder, tools = load_text_encoder(folder), AutoTokenizer.from_pretrained(folder)
    body = checkpoint.load(TaskType.RETRIEVAL, folder)
    model = checkpoint.with_head(body, TaskType.PAIR, LABELS[TaskType.PAIR], seed=1)
    head, rows = head_of(TaskType.PAIR), examples(TaskType.PAIR)[:6]
    features = head.features(rows, encoder, LABELS[TaskType.PAIR], 64)
    batch = make_batch(features, features.example, encoder.pad_id, with_types=uses_types(model))
    with torch.inference_mode():
        found = np.array(head.outputs(model, batch, features, features.example))
        for row, logits in zip(rows, found, strict=True):
            texts = tools(row.text_a, row.text_b, return_tensors="pt", return_token_type_ids=True)
            alone = model(**as_transformers(model, texts)).logits[0].float().numpy()
            np.testing.assert_allclose(logits, alone, atol=2e-4)


@pytest.mark.parametrize("depth", [0.5, 1.0])
def test_lines_have_the_vectors_of_transformers(folder: Path, depth: float) -> None:
    lines = ["Paris is in France", "hours", "Which country? How many kilometers?"]
    tools, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    how = RetrievalSettings(relative_depth=depth)
    asked = Settings(task=TASKS["tatoeba"], max_length_tokens=32, retrieval=how)
    predictor = load_predictor(folder, asked)
    found = predictor.answers(lines)
    for line, vector in zip(lines, found, strict=True):
        texts = tools(line, return_tensors="pt", return_token_type_ids=True)
        with torch.inference_mode():
            states = model(**as_transformers(model, texts), output_hidden_states=True).hidden_states
        np.testing.assert_allclose(vector, states[int(2 * depth)][0].mean(dim=0), atol=2e-4)
    assert predictor.answer(lines).time_s > 0


@pytest.mark.parametrize("task_type", TYPES)
def test_every_head_learns_and_answers_or_is_refused_in_a_sentence(
    folder: Path, task_type: TaskType, tmp_path: Path
) -> None:
    body, encoder = checkpoint.load(TaskType.RETRIEVAL, folder), load_text_encoder(folder)
    able = ONLY_HEADS.get(read_config(folder)["model_type"])
    if able and task_type not in able:
        with pytest.raises(ModelError, match=f"no head for {task_type.value} on a "):
            checkpoint.with_head(body, task_type, LABELS[task_type], seed=1)
        return
    model = checkpoint.with_head(body, task_type, LABELS[task_type], seed=1)
    head, rows = head_of(task_type), examples(task_type)[:6]
    features = head.features(rows, encoder, LABELS[task_type], 64)
    units = np.arange(min(4, features.num_units))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(8):
        picked = features.rows_of(units)
        batch = make_batch(features, picked, encoder.pad_id, with_types=uses_types(model))
        loss = head.loss(head.logits(model, batch), features, units)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]
    checkpoint.save(model, tmp_path / "kept", tokenizer_from=folder)
    if task_type not in NAMES:
        return
    asked = Settings(task=TASKS[NAMES[task_type]], max_length_tokens=64)
    predictor = load_predictor(tmp_path / "kept", asked)
    assert len(predictor.answers(rows)) == len({row.id for row in rows})
    assert predictor.answer(rows).real_tokens == int(features.ids.lengths.sum())
