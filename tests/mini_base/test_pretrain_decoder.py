"""The miniature's decoder, made from nothing in a few steps."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from stiltwalk.mini_base.decoder import pretrain_decoder
from stiltwalk.models.locate import MINI_BASE, locate
from stiltwalk.recipe.schema import ModelSettings
from stiltwalk.recipe.types import SmallDecoder

SMALL = SmallDecoder(steps=2, batch_size=4)


def test_stock_transformers_load_it_with_the_encoders_words_untouched(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    pretrain_decoder(SMALL, 1, tmp_path, lambda done, of: told.append((done, of)))
    model = AutoModelForCausalLM.from_pretrained(tmp_path)
    base = locate(ModelSettings(name=MINI_BASE), fetch=False).folder
    assert base is not None
    words = next(v for n, v in load_file(base / "model.safetensors").items() if "word_emb" in n)
    assert torch.equal(model.get_input_embeddings().weight, words.float())
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    assert sum(each.numel() for each in model.parameters()) < 10_000_000
    assert told == [(1, 2), (2, 2)]


def test_the_same_seed_makes_the_same_weights_and_another_one_others(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        pretrain_decoder(SMALL, seed, tmp_path / name, lambda *_: None)
    files = [tmp_path / name / "model.safetensors" for name in ("one", "again", "other")]
    one, again, other = (file.read_bytes() for file in files)
    assert one == again
    assert one != other
