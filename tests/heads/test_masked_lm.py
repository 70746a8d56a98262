"""Tests for stiltwalk.heads.masked_lm and stiltwalk.models.masked_lm."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from torch import Tensor

from stiltwalk.features.rows import Features
from stiltwalk.features.sentences import line_features
from stiltwalk.features.text import load_text_encoder
from stiltwalk.heads import masked_lm
from stiltwalk.heads.head import Batch, make_batch
from stiltwalk.heads.masked_lm import MaskedLMHead
from stiltwalk.models import adapters, checkpoint
from stiltwalk.models.masked_lm import lm_logits, with_lm_head
from stiltwalk.recipe.schema import LoRA
from stiltwalk.records import TaskType

MINI_BASE = Path(checkpoint.__file__).parents[1] / "mini_base" / "encoder_files"
LINES = ["Monday, 12 kilometers; Tuesday, 7 hours", "Paris", "South Korea: 84 hours", ""] * 8


def lines_of(folder: Path, share: float = 0.15) -> tuple[MaskedLMHead, Features, Batch]:
    encoder = load_text_encoder(folder)
    kind = MaskedLMHead(encoder, share)
    features = kind.labelled(line_features(LINES, encoder, 64))
    rows = np.arange(features.num_rows)
    return kind, features, make_batch(features, rows, encoder.pad_id, with_types=False)


def drawn(
    kind: MaskedLMHead, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> tuple[Tensor, Tensor]:
    """Return what the model was shown, and where tokens were hidden."""
    seen: list[tuple[Tensor, Tensor]] = []

    def look(_model: object, inputs: dict[str, Tensor], hidden: Tensor) -> Tensor:
        seen.append((inputs["input_ids"], hidden))
        return torch.zeros(int(hidden.sum()), 700)

    class Model:
        config = transformers.PreTrainedConfig(vocab_size=700)

    monkeypatch.setattr(masked_lm, "lm_logits", look)
    kind.logits(Model(), batch)
    return seen[0]


def test_every_line_hides_its_share_of_ordinary_tokens(
    tiny_xlmr: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for share in (0.15, 0.5):
        kind, features, batch = lines_of(tiny_xlmr, share)
        _, hidden_RT = drawn(kind, batch, monkeypatch)
        assert hidden_RT.sum(dim=1).tolist() == kind.weights(features).tolist()
        ordinary = features.ids.lengths - 2
        wanted = np.minimum(ordinary, np.maximum(1, np.round(share * ordinary)))
        assert kind.weights(features).tolist() == wanted.tolist()
        special = torch.from_numpy(load_text_encoder(tiny_xlmr).special_ids)
        assert not torch.isin(batch.input_ids_RT[hidden_RT], special).any()


def test_hidden_tokens_become_the_mask_any_token_or_stay_as_published(
    tiny_xlmr: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, _, batch = lines_of(tiny_xlmr, 0.99)
    torch.manual_seed(1)
    fates, places = [], torch.zeros_like(batch.input_ids_RT)
    for _ in range(30):
        shown_RT, hidden_RT = drawn(kind, batch, monkeypatch)
        before, after = batch.input_ids_RT[hidden_RT], shown_RT[hidden_RT]
        fates.append([(after == kind.encoder.mask_id).sum(), (after == before).sum(), len(after)])
        assert torch.equal(shown_RT[~hidden_RT], batch.input_ids_RT[~hidden_RT])
    is_mask, same, count = np.sum(fates, axis=0)
    assert is_mask / count == pytest.approx(0.8, abs=0.02)
    assert same / count == pytest.approx(0.1, abs=0.02)
    kind, _, batch = lines_of(tiny_xlmr)
    for _ in range(300):
        places += drawn(kind, batch, monkeypatch)[1]
    first = (places[0] / 300)[batch.input_ids_RT[0] > 4]
    assert first.min() > 0.3 * first.max() > 0  # every token of a line gets its turn


def test_only_hidden_places_go_through_the_head(tiny_xlmr: Path) -> None:
    kind, features, batch = lines_of(tiny_xlmr)
    encoder = checkpoint.load(TaskType.RETRIEVAL, tiny_xlmr)
    model = with_lm_head(encoder, tiny_xlmr, seed=1)
    seen: list[torch.Size] = []
    model.get_output_embeddings().register_forward_hook(
        lambda _module, _inputs, output: seen.append(output.shape)
    )
    losses_N = kind.logits(model, batch)
    assert seen == [(int(kind.weights(features).sum()), 700)]
    assert losses_N.shape == seen[0][:1]
    kind.loss(losses_N, features, np.arange(features.num_units)).backward()


def test_the_loss_falls_on_one_encoder_that_every_family_shares(family: Path) -> None:
    kind, _, batch = lines_of(family, 0.5)
    encoder = checkpoint.load(TaskType.RETRIEVAL, family)
    model = with_lm_head(encoder, family, seed=1).train()
    own = {id(parameter) for parameter in encoder.parameters()}
    pair = checkpoint.with_head(encoder, TaskType.PAIR, ("a", "b"), seed=1)
    shared = {id(p) for p in model.parameters()} & {id(p) for p in pair.parameters()} & own
    assert id(model.get_output_embeddings().weight) in shared
    torch.manual_seed(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(25):
        loss = kind.logits(model, batch).mean()
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < 0.8 * losses[0]


def test_adapters_on_the_encoder_learn_from_text_too(tiny_xlmr: Path) -> None:
    kind, _, batch = lines_of(tiny_xlmr)
    encoder = checkpoint.load(TaskType.RETRIEVAL, tiny_xlmr)
    adapters.add(encoder, LoRA(), seed=1)
    model = with_lm_head(encoder, tiny_xlmr, seed=1)
    kind.logits(model, batch).mean().backward()
    learnt = {name for name, weight in model.named_parameters() if weight.grad is not None}
    assert any(".lora_B." in name for name in learnt)
    assert "lm_head.dense.weight" in learnt
    assert not any("word_embeddings" in name or "decoder.weight" in name for name in learnt)


def test_the_head_is_the_checkpoint_s_own() -> None:
    encoder = load_text_encoder(MINI_BASE)
    inputs = {
        "input_ids": torch.from_numpy(encoder.single(encoder.ids(["Paris, Monday"])[0]))[None]
    }
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    stock = transformers.AutoModelForMaskedLM.from_pretrained(MINI_BASE).eval()
    model = with_lm_head(checkpoint.load(TaskType.RETRIEVAL, MINI_BASE), MINI_BASE, seed=1)
    everywhere = torch.ones_like(inputs["input_ids"], dtype=torch.bool)
    with torch.no_grad():
        assert torch.allclose(
            lm_logits(model, inputs, everywhere), stock(**inputs).logits[0], atol=1e-5
        )


def test_a_checkpoint_without_a_head_gets_a_fresh_one_and_the_log_says_so(
    tiny_xlmr: Path, caplog: pytest.LogCaptureFixture
) -> None:
    encoder = checkpoint.load(TaskType.RETRIEVAL, tiny_xlmr)
    first, again, other = (with_lm_head(encoder, tiny_xlmr, seed=seed) for seed in (1, 1, 2))
    assert "no language-model head" in caplog.text
    weights = [model.lm_head.dense.weight for model in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert encoder is not first.base_model  # a shell of its own around the same parts
    assert encoder.embeddings is first.base_model.embeddings
