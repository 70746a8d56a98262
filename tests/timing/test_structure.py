"""What a model does to answer a fixed batch, and what two models differ in."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PromptTuningConfig, get_peft_model
from torch import nn
from transformers import AutoModelForMaskedLM, XLMRobertaConfig, XLMRobertaModel

from stiltwalk.models import adapters
from stiltwalk.models.checkpoint import load, save, with_head
from stiltwalk.recipe.schema import LoRA
from stiltwalk.records import TaskType
from stiltwalk.timing.structure import (
    Difference,
    Structure,
    differences,
    fixed_batch,
    flops_of,
    structure,
    structure_of_folder,
)

pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing")  # peft asks for it
LABELS = ["entailment", "neutral", "contradiction"]


def classifier(folder: Path, seed: int = 0) -> Any:  # noqa: ANN401 - as `Model`
    return with_head(load(TaskType.RETRIEVAL, folder), TaskType.PAIR, LABELS, seed=seed)


def structure_of(model: Any) -> Structure:  # noqa: ANN401
    return structure(model, fixed_batch(model, TaskType.PAIR))


def weight_bytes(found: Structure) -> int:
    return sum(each.num_bytes for each in found.weights.values())


def texts(found: tuple[Difference, ...]) -> str:
    return "\n".join(map(str, found))


def test_other_weights_of_one_architecture_are_no_difference(family: Path) -> None:
    one, other = structure_of(classifier(family)), structure_of(classifier(family, seed=1))
    assert differences(one, other) == ()
    assert one.total_flops > 0
    assert one.row_tokens == 64


def test_saved_folders_compare_like_the_models_in_them(tiny_xlmr: Path, tmp_path: Path) -> None:
    for seed in (0, 1):
        save(classifier(tiny_xlmr, seed), tmp_path / str(seed), tokenizer_from=tiny_xlmr)
    one, other = (structure_of_folder(tmp_path / str(seed), TaskType.PAIR) for seed in (0, 1))
    assert differences(one, other) == ()
    assert len(one.tokenizer) == 64
    assert replace(one, tokenizer="") == structure_of(load(TaskType.PAIR, tmp_path / "0"))


def test_flops_are_those_of_the_matrix_products(tiny_xlmr: Path) -> None:
    found = structure_of_folder(tiny_xlmr, TaskType.RETRIEVAL)
    tokens, width, inner, blocks = 2 * 64, 32, 64, 2
    weights = 2 * tokens * (4 * width * width + 2 * width * inner)
    attention = 2 * 2 * tokens * 64 * width
    pooler = 2 * 2 * width * width
    assert found.total_flops == blocks * (weights + attention) + pooler
    assert found.flops["encoder.layer.1.output.dense"] == 2 * tokens * width * inner


def test_flops_of_an_answer_are_those_of_the_forward_pass(tiny_xlmr: Path) -> None:
    model = classifier(tiny_xlmr).eval()
    inputs = fixed_batch(model, TaskType.PAIR)
    with torch.inference_mode():  # where larger operations are not yet taken apart
        assert flops_of(lambda: model(**inputs)) == structure_of(model).total_flops


def test_choices_are_rows_of_one_example(tiny_xlmr: Path) -> None:
    model = with_head(load(TaskType.RETRIEVAL, tiny_xlmr), TaskType.CHOICE, [], seed=0)
    assert structure(model, fixed_batch(model, TaskType.CHOICE)).row_tokens == 64


def test_an_adapter_beside_the_weights_is_seen_and_a_merged_one_is_gone(tiny_xlmr: Path) -> None:
    plain = structure_of(classifier(tiny_xlmr))
    adapted = get_peft_model(
        classifier(tiny_xlmr), LoraConfig(r=8, target_modules=["query", "value"])
    )
    found = differences(plain, structure_of(adapted))
    low_rank = 2 * 128 * 8 * 32
    added = [each for each in found if "lora_" in each.what]
    assert len(added) == 4  # in and out, of query and value, both blocks together
    assert {each.flops_share for each in added} == {2 * low_rank / plain.total_flops}
    assert {each.weight_bytes for each in added} == {2 * 8 * 32 * 4}
    assert "query.lora_A.default (weight none → 8x32), 2 times: +" in texts(found)
    assert differences(plain, structure_of(adapted.merge_and_unload())) == ()


@pytest.mark.parametrize("merged", [True, False])
def test_a_folder_shows_the_adapters_that_it_keeps_apart(
    family: Path, tmp_path: Path, merged: bool
) -> None:
    lora, encoder = LoRA(merged=merged), load(TaskType.RETRIEVAL, family)
    save(encoder, tmp_path / "plain", tokenizer_from=family)
    adapters.add(encoder, lora, seed=0)
    save(encoder, tmp_path / "adapted", tokenizer_from=family, lora=lora)
    one, other = (
        structure_of_folder(tmp_path / n, TaskType.RETRIEVAL) for n in ("plain", "adapted")
    )
    found = differences(one, other)
    added = [each for each in found if "lora_" in each.what]
    assert bool(added) == bool(found) == (not merged)
    assert all(each.flops_share > 0 for each in added)


def test_soft_prompt_tokens_are_seen_on_every_row(tiny_xlmr: Path) -> None:
    plain = structure_of(load(TaskType.RETRIEVAL, tiny_xlmr))
    settings = PromptTuningConfig(num_virtual_tokens=20, task_type="FEATURE_EXTRACTION")
    found = differences(
        plain, structure_of(get_peft_model(load(TaskType.RETRIEVAL, tiny_xlmr), settings))
    )
    (longer,) = [each for each in found if each.row_tokens]
    assert longer.row_tokens == 20
    assert longer.flops_share > 20 / 64  # attention grows faster than the row
    assert "a row of 64 tokens runs as 64 → 84" in longer.what


def test_a_vocabulary_wide_head_is_seen_with_its_share(tiny_xlmr: Path) -> None:
    torch.manual_seed(0)
    model = AutoModelForMaskedLM.from_config(load(TaskType.RETRIEVAL, tiny_xlmr).config)
    plain = structure_of(classifier(tiny_xlmr))
    found = differences(plain, structure_of(model))
    (head,) = [each for each in found if "lm_head.decoder" in each.what]
    assert head.flops_share == 2 * 128 * 32 * 700 / plain.total_flops
    assert head.weight_bytes == 0  # tied to the embeddings, its bias to another
    added = sum(each.weight_bytes for each in found)
    assert added == weight_bytes(structure_of(model)) - weight_bytes(plain)


def test_another_number_format_is_one_difference(tiny_xlmr: Path) -> None:
    plain = structure_of(classifier(tiny_xlmr))
    half = structure_of(classifier(tiny_xlmr).to(torch.bfloat16))
    found = [each for each in differences(plain, half) if each.weight_bytes]
    assert [each.what for each in found] == ["number format float32 → bfloat16"]
    assert found[0].weight_bytes == -weight_bytes(plain) // 2


def test_another_attention_backend_shows_in_config_and_operations() -> None:
    config = XLMRobertaConfig(
        vocab_size=50, hidden_size=8, num_hidden_layers=1, num_attention_heads=2
    )
    config.max_position_embeddings = 80
    one, other = (
        structure_of(XLMRobertaModel._from_config(config, attn_implementation=backend))
        for backend in ("sdpa", "eager")
    )
    found = texts(differences(one, other))
    assert "attention backend sdpa → eager: no cost of its own" in found
    assert "aten._softmax 0 → 1" in found


def test_another_tokenizer_is_seen_where_both_are_known(tiny_xlmr: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_xlmr, tmp_path / "other")
    tokenizer = tmp_path / "other" / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text(encoding="utf-8") + " ", encoding="utf-8")
    one = structure_of_folder(tiny_xlmr, TaskType.RETRIEVAL)
    other = structure_of_folder(tmp_path / "other", TaskType.RETRIEVAL)
    assert "another tokenizer" in texts(differences(one, other))
    assert differences(replace(one, tokenizer=""), other) == ()


def test_a_deeper_model_is_listed_block_for_block(tiny_xlmr: Path) -> None:
    deep = structure_of(load(TaskType.RETRIEVAL, tiny_xlmr))
    shallow = structure_of(load(TaskType.RETRIEVAL, tiny_xlmr, num_blocks=1))
    found = differences(shallow, deep)
    assert "config num_hidden_layers 1 → 2" in texts(found)
    more = (deep.total_flops - shallow.total_flops) / shallow.total_flops
    assert sum(each.flops_share for each in found) == pytest.approx(more)
    assert sum(each.weight_bytes for each in found) == weight_bytes(deep) - weight_bytes(shallow)


def test_any_module_will_do_and_is_left_as_it_was() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5))

    class Fed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
            return self.inner(input_ids.float())

    fed = Fed().train()
    found = structure(fed, {"input_ids": torch.ones(5, 4, dtype=torch.long)})
    assert found.flops == {"inner.0": 2 * 5 * 4 * 3}
    assert found.operations["aten.addmm"] == 1
    assert "aten.native_dropout" not in found.operations
    assert fed.training
    assert not any(module._forward_hooks for module in fed.modules())


def test_a_difference_is_written_to_json(tiny_xlmr: Path) -> None:
    each = Difference(what="x", flops_share=0.5, weight_bytes=1_000, row_tokens=20)
    assert json.loads(json.dumps(asdict(each)))["row_tokens"] == 20
    assert str(each) == "x: +50.00 % FLOPs, +1,000 bytes of weights, +20 tokens a row"
    json.dumps(asdict(structure_of_folder(tiny_xlmr, TaskType.RETRIEVAL)))
