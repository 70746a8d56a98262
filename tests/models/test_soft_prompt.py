"""Tests for stiltwalk.models.soft_prompt: what prompts promise, on every family of models."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from torch import Tensor

from prompted import (
    CLOZE,
    FIVE_VECTORS,
    NO_VECTORS,
    Asked,
    asked,
    turned,
    verbaliser,
    write_language_model,
)
from stiltwalk.heads.head import make_batch, uses_types
from stiltwalk.models.soft_prompt import FrozenModel, SoftPrompt, uniform_start
from stiltwalk.recipe.types import PromptSettings

WIDTH = 32


@pytest.fixture
def model(family: Path, tmp_path: Path) -> Path:
    """Return a folder of each family with a language-model head."""
    return write_language_model(Path(shutil.copytree(family, tmp_path / "model")))


def all_rows(given: Asked) -> dict[str, Tensor]:
    """Return every example in one batch."""
    features = given.features()
    rows = torch.arange(features.num_rows).numpy()
    with_types = uses_types(given.model)
    return make_batch(features, rows, given.encoder.pad_id, with_types=with_types).inputs()


def learn(given: Asked, steps: int = 3) -> float:
    """Take some steps on all examples; return how far the vectors went."""
    prompt = given.model.prompt
    began = prompt().detach().clone()
    optimizer = torch.optim.AdamW([p for p in given.model.parameters() if p.requires_grad], lr=0.1)
    features = given.features()
    units = torch.arange(features.num_units).numpy()
    for _ in range(steps):
        optimizer.zero_grad()
        logits = given.model.train()(**all_rows(given)).logits
        given.kind.loss(logits, features, units).backward()
        optimizer.step()
    return float((prompt().detach() - began).abs().max())


def test_scores_are_those_of_the_whole_head_at_the_mask(model: Path) -> None:
    given = asked(model)
    inputs = all_rows(given)
    ids_RT = inputs["input_ids"]
    whole = FrozenModel(encoder=model, head=model).load()
    with torch.no_grad():
        words_RV = whole(**inputs).logits[ids_RT == given.encoder.mask_id]
        found_RC = given.model(**inputs).logits
    words = verbaliser(model)
    weighted = [
        words_RV[:, list(ids)] @ torch.tensor(weights)
        for ids, weights in zip(words.ids, words.weights, strict=True)
    ]
    expected_RC = torch.stack(weighted, dim=1)
    torch.testing.assert_close(found_RC, expected_RC, atol=1e-5, rtol=1e-5)
    assert float(expected_RC.std()) > 1e-2


def test_without_vectors_a_soft_prompt_is_the_cloze_alone(model: Path) -> None:
    none = PromptSettings(method="soft", num_words=6, num_tokens=0)
    assert torch.equal(asked(model, none).logits(), asked(model, NO_VECTORS).logits())


def test_a_prompt_that_starts_from_the_cloze_s_words_answers_as_the_cloze(model: Path) -> None:
    settings = PromptSettings(method="soft", num_words=6, start="template")
    plain = asked(model)
    ids = torch.from_numpy(plain.kind.template_ids(plain.encoder)).long()
    table = plain.model.get_input_embeddings().weight
    given = asked(model, settings, SoftPrompt(table[ids].detach()))
    assert len(ids) >= 3
    torch.testing.assert_close(given.logits(), plain.logits(), atol=1e-5, rtol=1e-5)


def test_vectors_change_the_scores_and_only_vectors_learn(model: Path) -> None:
    given = asked(model, FIVE_VECTORS, SoftPrompt(uniform_start(5, WIDTH, seed=1)))
    assert not torch.allclose(given.logits(), asked(model).logits(), atol=1e-4)
    before = {name: value.clone() for name, value in given.model.masked_lm.state_dict().items()}
    learned = [name for name, value in given.model.named_parameters() if value.requires_grad]
    assert learned == ["prompt.vectors_MD"]
    assert learn(given) > 1e-2
    after = given.model.masked_lm.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_merged_vectors_give_the_logits_of_reparameterised_ones(model: Path) -> None:
    torch.manual_seed(3)
    prompt = SoftPrompt(uniform_start(5, WIDTH, seed=1), reparameterised=True)
    given = asked(model, FIVE_VECTORS, prompt)
    learn(given)
    merged = asked(model, FIVE_VECTORS, prompt.merged())
    assert sum(p.numel() for p in prompt.merged().parameters()) == 5 * WIDTH
    assert torch.equal(given.logits(), merged.logits())


def test_classes_in_another_order_permute_scores_and_change_no_answer(model: Path) -> None:
    prompt = SoftPrompt(uniform_start(5, WIDTH, seed=1))
    given = asked(model, FIVE_VECTORS, prompt)
    other = asked(model, FIVE_VECTORS, prompt, cloze=turned(CLOZE))
    order = [given.labels.index(label) for label in other.labels]
    torch.testing.assert_close(other.logits(), given.logits()[:, order], atol=1e-6, rtol=1e-6)
    assert other.answers() == given.answers()


def test_uniform_vectors_lie_between_minus_and_plus_a_half() -> None:
    start = uniform_start(50, 64, seed=1)
    assert float(start.min()) >= -0.5
    assert float(start.max()) <= 0.5
    assert float(start.std()) == pytest.approx(1 / 12**0.5, abs=0.02)
    assert torch.equal(start, uniform_start(50, 64, seed=1))
