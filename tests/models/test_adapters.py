"""Tests for stiltwalk.models.adapters: what is trained, what is kept, and what loads it again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from torch import Tensor

from rows import LABELS, WITH_HEAD, small_set
from stiltwalk.errors import ModelError
from stiltwalk.heads import head_of
from stiltwalk.heads.head import make_batch, uses_types
from stiltwalk.models import adapters, checkpoint
from stiltwalk.recipe.schema import LoRA
from stiltwalk.records import TaskType

APART = LoRA(merged=False)


def adapted(folder: Path, lora: LoRA = APART) -> Any:  # noqa: ANN401
    """Return an encoder whose adapters are not fresh any more."""
    encoder = checkpoint.load(TaskType.RETRIEVAL, folder)
    adapters.add(encoder, lora, seed=1)
    torch.manual_seed(2)
    with torch.no_grad():
        for name, weights in encoder.named_parameters():
            if ".lora_B." in name:
                weights.normal_(std=0.1)
    return encoder


def outputs(model: Any, kind: TaskType, folder: Path) -> Tensor:  # noqa: ANN401
    """Return what a model says to a kind's examples."""
    given = small_set(kind, folder) if kind in WITH_HEAD else small_set(TaskType.PAIR, folder)
    rows = np.arange(given.features.num_rows)
    batch = make_batch(given.features, rows, given.pad_id, with_types=uses_types(model))
    with torch.inference_mode():
        if kind not in WITH_HEAD:
            states: Tensor = model(**batch.inputs()).last_hidden_state
            return states
        return head_of(kind).logits(model.eval(), batch)


def weights_of(folder: Path) -> dict[str, Tensor]:
    found: dict[str, Tensor] = load_file(folder / "model.safetensors")
    return found


def test_fresh_adapters_change_nothing(family: Path) -> None:
    encoder = checkpoint.load(TaskType.RETRIEVAL, family)
    before = outputs(encoder, TaskType.RETRIEVAL, family)
    adapters.add(encoder, APART, seed=1)
    assert torch.equal(outputs(encoder, TaskType.RETRIEVAL, family), before)
    assert not torch.equal(outputs(adapted(family), TaskType.RETRIEVAL, family), before)


def test_adapters_sit_in_every_linear_layer_of_the_attention(family: Path) -> None:
    encoder = adapted(family)
    found = {name.partition(".lora_A")[0] for name in encoder.state_dict() if ".lora_A" in name}
    last = {name.rpartition(".")[2] for name in found}
    wanted = {
        "xlm-roberta": {"query", "key", "value", "dense"},
        "bert": {"query", "key", "value", "dense"},
        "deberta-v2": {"query_proj", "key_proj", "value_proj", "dense"},
        "modernbert": {"Wqkv", "Wo"},
    }
    assert last == wanted[family.name]
    assert len(found) == 2 * len(last)  # in both blocks, and nowhere else
    assert all(".attention." in name or ".attn." in name for name in found)


@pytest.mark.parametrize("kind", [*WITH_HEAD, TaskType.RETRIEVAL])
def test_merged_or_kept_apart_a_folder_gives_the_same_outputs(
    kind: TaskType, family: Path, tmp_path: Path
) -> None:
    model = encoder = adapted(family)
    if kind in WITH_HEAD:
        model = checkpoint.with_head(encoder, kind, LABELS[kind], seed=1)
    wanted = outputs(model, kind, family)
    for lora in (APART, replace(APART, merged=True)):
        folder = tmp_path / str(lora.merged)
        checkpoint.save(model, folder, tokenizer_from=family, lora=lora)
        found = outputs(checkpoint.load(kind, folder), kind, family)
        torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)
        stock = checkpoint.AUTO_CLASS[kind].from_pretrained(folder)
        torch.testing.assert_close(outputs(stock, kind, family), wanted, atol=1e-5, rtol=0)
    assert {file.name for file in (tmp_path / "True").iterdir()} == {
        file.name for file in family.iterdir()
    }
    assert torch.equal(outputs(model, kind, family), wanted)  # saving left it as it was


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is dep")  # peft asks for it
def test_adapters_fit_the_published_encoder_through_peft(family: Path, tmp_path: Path) -> None:
    encoder = adapted(family)
    checkpoint.save(encoder, tmp_path / "apart", tokenizer_from=family, lora=APART)
    moved = (tmp_path / "apart").rename(tmp_path / "moved")
    published = checkpoint.AUTO_CLASS[TaskType.RETRIEVAL].from_pretrained(family)
    stock = PeftModel.from_pretrained(published, str(moved)).eval()
    wanted = outputs(encoder, TaskType.RETRIEVAL, family)
    states = outputs(stock, TaskType.RETRIEVAL, family)
    torch.testing.assert_close(states, wanted, atol=1e-6, rtol=0)
    assert str(tmp_path) not in (moved / "adapter_config.json").read_text(encoding="utf-8")


def test_kept_apart_the_encoders_own_weights_are_the_published_ones(
    family: Path, tmp_path: Path
) -> None:
    checkpoint.save(adapted(family), tmp_path / "apart", tokenizer_from=family, lora=APART)
    found, published = weights_of(tmp_path / "apart"), weights_of(family)
    assert found.keys() == published.keys()
    assert all(torch.equal(found[name], published[name]) for name in published)


def test_merging_changes_the_weights_with_adapters_and_no_other(
    family: Path, tmp_path: Path
) -> None:
    lora = LoRA(modules=("dense",) if family.name != "modernbert" else ("attn.Wo",))
    checkpoint.save(adapted(family, lora), tmp_path / "one", tokenizer_from=family, lora=lora)
    found, published = weights_of(tmp_path / "one"), weights_of(family)
    moved = {name for name in published if not torch.equal(found[name], published[name])}
    assert moved == {
        name for name in published if name.endswith((".dense.weight", ".attn.Wo.weight"))
    }


def test_kept_adapters_are_trained_on_and_not_put_on_twice(family: Path, tmp_path: Path) -> None:
    encoder = adapted(family)
    checkpoint.save(encoder, tmp_path / "apart", tokenizer_from=family, lora=APART)
    again = checkpoint.load(TaskType.RETRIEVAL, tmp_path / "apart")
    adapters.add(again, APART, seed=3)
    assert again.state_dict().keys() == encoder.state_dict().keys()
    for name, weights in again.named_parameters():
        assert weights.requires_grad == (".lora_" in name), name
        assert torch.equal(weights, encoder.state_dict()[name]), name


@pytest.mark.parametrize("kind", WITH_HEAD)
def test_gradients_reach_adapters_and_head_alone(kind: TaskType, family: Path) -> None:
    given, encoder = small_set(kind, family), adapted(family)
    model = checkpoint.with_head(encoder, kind, LABELS[kind], seed=1)
    frozen = {id(p) for name, p in encoder.named_parameters() if ".lora_" not in name}
    rows = np.arange(given.features.num_rows)
    batch = make_batch(given.features, rows, given.pad_id, with_types=uses_types(model))
    units = np.arange(given.features.num_units)
    given.kind.loss(given.kind.logits(model, batch), given.features, units).backward()
    for name, weights in model.named_parameters():
        assert (weights.grad is None) == (id(weights) in frozen), name
        if ".lora_" in name:
            assert weights.grad.abs().sum() > 0, name


def test_the_same_bytes_are_kept_again(tiny_xlmr: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        checkpoint.save(adapted(tiny_xlmr), tmp_path / name, tokenizer_from=tiny_xlmr, lora=APART)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()
    config = json.loads((tmp_path / "one" / "adapter_config.json").read_text(encoding="utf-8"))
    assert config["target_modules"] == sorted(config["target_modules"])


def test_an_encoder_cut_short_keeps_the_adapters_of_its_blocks(
    family: Path, tmp_path: Path
) -> None:
    encoder = adapted(family)
    checkpoint.save(encoder, tmp_path / "apart", tokenizer_from=family, lora=APART)
    cut = checkpoint.load(TaskType.RETRIEVAL, tmp_path / "apart", num_blocks=1)
    own = cut.state_dict()
    assert any(".lora_A." in name for name in own)
    assert all(torch.equal(own[name], encoder.state_dict()[name]) for name in own)


@pytest.mark.parametrize("name", ["qeury", "LayerNorm", "y"])
def test_an_unknown_layer_is_named_with_those_there_are(name: str, tiny_xlmr: Path) -> None:
    with pytest.raises(ModelError, match=rf"'{name}'.*attention\.self\.query"):
        adapted(tiny_xlmr, LoRA(modules=("query", name)))


def test_adapters_that_lack_weights_are_refused(tiny_xlmr: Path, tmp_path: Path) -> None:
    checkpoint.save(adapted(tiny_xlmr), tmp_path / "one", tokenizer_from=tiny_xlmr, lora=APART)
    file = tmp_path / "one" / "adapter_model.safetensors"
    weights = load_file(file)
    lost = next(name for name in sorted(weights) if "layer.1" in name)
    save_file({name: value for name, value in weights.items() if name != lost}, file)
    with pytest.raises(ModelError, match=r"lacks 1 weights .* encoder\.layer\.1"):
        checkpoint.load(TaskType.RETRIEVAL, tmp_path / "one")


def test_a_head_that_was_not_kept_beside_adapters_is_missed(
    tiny_xlmr: Path, tmp_path: Path
) -> None:
    checkpoint.save(adapted(tiny_xlmr), tmp_path / "one", tokenizer_from=tiny_xlmr, lora=APART)
    with pytest.raises(ModelError, match="classifier"):
        checkpoint.load(TaskType.PAIR, tmp_path / "one")
