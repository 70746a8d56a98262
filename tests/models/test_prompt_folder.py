"""Tests for stiltwalk.models.soft_prompt: kilobytes that know which weights they belong to."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from prompted import CLOZE, EXAMPLES, FIVE_VECTORS, LABELS, asked, verbaliser, write_language_model
from stiltwalk.errors import ModelError
from stiltwalk.features.text import load_text_encoder
from stiltwalk.heads.cloze import PromptedFolder
from stiltwalk.inference.predictor import Settings, load_predictor
from stiltwalk.models import checkpoint
from stiltwalk.models.soft_prompt import (
    FrozenModel,
    PromptFacts,
    SoftPrompt,
    save_prompt,
    uniform_start,
)
from stiltwalk.records import TaskType
from stiltwalk.tasks import TASKS
from stiltwalk.timing.structure import differences, structure_of_folder


@pytest.fixture
def kept(tiny_xlmr: Path, tmp_path: Path) -> PromptedFolder:
    """Return a prompt that was kept, and its model."""
    model = write_language_model(Path(shutil.copytree(tiny_xlmr, tmp_path / "model")))
    frozen = FrozenModel(encoder=model, head=model)
    facts = PromptFacts(
        cloze=CLOZE,
        settings=FIVE_VECTORS,
        verbaliser=verbaliser(model),
        checksum=frozen.checksum,
    )
    prompt = SoftPrompt(uniform_start(5, 32, seed=1), reparameterised=True)
    save_prompt(tmp_path / "prompt", prompt, facts)
    torch.save(prompt, tmp_path / "whole.pt")
    return PromptedFolder(prompt=tmp_path / "prompt", model=frozen)


def test_a_kept_prompt_takes_kilobytes_and_answers_as_before(
    kept: PromptedFolder, tmp_path: Path
) -> None:
    assert sum(file.stat().st_size for file in kept.prompt.iterdir()) < 8_000
    prompt = torch.load(tmp_path / "whole.pt", weights_only=False)
    given = asked(kept.model.encoder, FIVE_VECTORS, prompt)
    features = given.features()
    again = kept.kind().features(EXAMPLES, given.encoder, given.labels, 64)
    assert [row.tolist() for row in again.ids] == [row.tolist() for row in features.ids]
    inputs = torch.from_numpy(features.ids[3]).long()[None]
    mask = torch.ones_like(inputs)
    with torch.no_grad():
        assert torch.equal(kept.load()(inputs, mask).logits, given.model(inputs, mask).logits)


def test_other_weights_are_refused(kept: PromptedFolder) -> None:
    file = kept.model.encoder / "model.safetensors"
    weights = load_file(file)
    name = sorted(weights)[0]
    save_file({**weights, name: weights[name] + 1}, file, metadata={"format": "pt"})
    with pytest.raises(ModelError, match="a prompt for other weights"):
        kept.load()


def test_a_checkpoint_without_a_head_is_said_to_start_with_a_fresh_one(
    tiny_xlmr: Path, caplog: pytest.LogCaptureFixture
) -> None:
    FrozenModel(encoder=tiny_xlmr, head=tiny_xlmr).load()
    assert "has no language-model head: it starts fresh" in caplog.text


def test_a_comparison_sees_the_prompt_s_tokens_and_its_head(
    kept: PromptedFolder, tmp_path: Path
) -> None:
    encoder = checkpoint.load(TaskType.RETRIEVAL, kept.model.encoder)
    head = checkpoint.with_head(encoder, TaskType.TEXT, LABELS, seed=1)
    checkpoint.save(head, tmp_path / "head", tokenizer_from=kept.model.encoder)
    plain = structure_of_folder(tmp_path / "head", TaskType.TEXT)
    found = differences(plain, structure_of_folder(kept, TaskType.TEXT))
    (longer,) = [each for each in found if each.row_tokens]
    fixed = len(kept.kind().fixed_ids(load_text_encoder(kept.model.encoder)))
    assert longer.row_tokens == fixed > 5
    says = f"runs as 64 → {64 + fixed} (no prompt → a cloze of {fixed - 5} tokens and 5 vectors)"
    assert longer.what.endswith(says)
    assert longer.flops_share > fixed / 64 * 0.9
    (other,) = [each for each in found if each.what.startswith("head (classifier.dense, ")]
    assert "3 rows of classes at the mask in place of 700 words (lm_head" in other.what
    assert abs(other.flops_share) < 0.01 < longer.flops_share
    assert any(each.what.startswith("prompt (vectors_MD none → 5x32)") for each in found)
    assert not any("encoder.layer" in each.what for each in found)


@pytest.mark.parametrize("turned", [False, True])
def test_a_comparison_s_parts_are_all_that_a_prompt_costs(
    kept: PromptedFolder, tmp_path: Path, turned: bool
) -> None:
    encoder = checkpoint.load(TaskType.RETRIEVAL, kept.model.encoder)
    head = checkpoint.with_head(encoder, TaskType.TEXT, LABELS, seed=1)
    checkpoint.save(head, tmp_path / "head", tokenizer_from=kept.model.encoder)
    pair = [structure_of_folder(where, TaskType.TEXT) for where in (tmp_path / "head", kept)]
    a, b = reversed(pair) if turned else pair
    found = differences(a, b)
    more = (b.total_flops - a.total_flops) / a.total_flops
    assert sum(each.flops_share for each in found) == pytest.approx(more)
    a_bytes, b_bytes = (sum(w.num_bytes for w in each.weights.values()) for each in (a, b))
    assert sum(each.weight_bytes for each in found) == b_bytes - a_bytes


def test_a_prompted_model_answers_requests_as_a_system_under_test(kept: PromptedFolder) -> None:
    settings = Settings(task=TASKS["sib200"], max_length_tokens=64)
    spent = load_predictor(kept, settings).answer(EXAMPLES)
    given = asked(kept.model.encoder, FIVE_VECTORS, SoftPrompt(uniform_start(5, 32, seed=1)))
    assert spent.real_tokens == int(given.features().ids.lengths.sum())
