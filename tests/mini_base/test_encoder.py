"""Tests for stiltwalk.mini_base.encoder."""

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

from stiltwalk.mini_base.encoder import EncoderSettings, make_encoder

TINY = EncoderSettings(
    steps=3,
    batch_size=2,
    layers=2,
    width=16,
    heads=2,
    vocabulary_size=1500,
    vocabulary_lines=4,
    vector_sentences=40,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pretrained")
    make_encoder(TINY, 1, made, lambda *_: None)
    return made


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_stock_classes_read_the_folder(folder: Path) -> None:
    model = AutoModel.from_pretrained(folder, add_pooling_layer=False)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    found = tokenizer("Monday", "lundi", return_tensors="pt")
    states = model(**found).last_hidden_state
    assert states.shape == (1, found["input_ids"].shape[1], 16)


def test_a_pair_is_written_as_xlm_r_writes_it(folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer("5", "7")["input_ids"]
    five, seven = tokenizer.convert_tokens_to_ids(["▁5", "▁7"])
    assert ids == [0, five, 2, 2, seven, 2]
    assert tokenizer.convert_tokens_to_ids(["<s>", "<pad>", "</s>", "<unk>", "<mask>"]) == [
        *range(5)
    ]
    assert tokenizer.mask_token_id == 4


def test_equal_settings_and_seed_give_equal_bits(folder: Path, tmp_path: Path) -> None:
    make_encoder(TINY, 1, tmp_path / "again", lambda *_: None)
    make_encoder(TINY, 2, tmp_path / "other", lambda *_: None)
    assert weights(tmp_path / "again") == weights(folder)
    assert weights(tmp_path / "other") != weights(folder)


def test_training_leaves_word_vectors_alone(folder: Path, tmp_path: Path) -> None:
    make_encoder(replace(TINY, steps=1), 1, tmp_path, lambda *_: None)
    short, long = (AutoModel.from_pretrained(each) for each in (tmp_path, folder))
    assert torch.equal(*(m.embeddings.word_embeddings.weight for m in (short, long)))
    query = [m.encoder.layer[0].attention.self.query.weight for m in (short, long)]
    assert not torch.equal(*query)


def test_progress_counts_steps(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    make_encoder(TINY, 1, tmp_path, lambda done, steps: seen.append((done, steps)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_it_is_half_as_wide_on_disk_and_full_in_memory(folder: Path) -> None:
    assert {each.dtype for each in load_file(folder / "model.safetensors").values()} == {
        torch.float16
    }
    assert AutoModel.from_pretrained(folder).dtype == torch.float32
    provenance = json.loads((folder / "provenance.json").read_text())
    assert provenance["model.safetensors"] == f"sha256:{sha256(weights(folder)).hexdigest()}"
    assert provenance["seed"] == 1
