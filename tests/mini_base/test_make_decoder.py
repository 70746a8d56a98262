"""Tests for stiltwalk.mini_base.decoder and for where it is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM
from typer.testing import CliRunner

from stiltwalk.errors import TrainingDiverged
from stiltwalk.mini_base import ENCODER, find_decoder
from stiltwalk.mini_base.__main__ import app
from stiltwalk.mini_base.decoder import DecoderSettings, make_decoder
from stiltwalk.models.locate import UNRESOLVED, locate, read_config
from stiltwalk.recipe.schema import ModelSettings

SMALL = DecoderSettings(steps=2, batch_size=4)


def test_stock_transformers_load_it_with_the_encoders_words_untouched(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    make_decoder(SMALL, 1, ENCODER, tmp_path, lambda done, of: told.append((done, of)))
    model = AutoModelForCausalLM.from_pretrained(tmp_path)
    words = next(v for n, v in load_file(ENCODER / "model.safetensors").items() if "word_emb" in n)
    assert torch.equal(model.get_input_embeddings().weight, words.float())
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    assert sum(each.numel() for each in model.parameters()) < 10_000_000
    assert told == [(1, 2), (2, 2)]


def test_the_same_seed_makes_the_same_weights_and_another_one_others(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        make_decoder(SMALL, seed, ENCODER, tmp_path / name, lambda *_: None)
    files = [tmp_path / name / "model.safetensors" for name in ("one", "again", "other")]
    one, again, other = (file.read_bytes() for file in files)
    assert one == again
    assert one != other


def test_a_recipe_that_names_it_makes_it_once_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(DecoderSettings, "__init__", _small)
    settings, threads = ModelSettings(name="mini-decoder"), torch.get_num_threads()
    planned = locate(settings, fetch=False)
    assert (planned.folder, planned.revision) == (None, UNRESOLVED)
    assert planned.sized_as is not None
    made = locate(settings, fetch=True)
    assert made.folder is not None
    assert made.revision.startswith("sha256:")
    same = ("num_hidden_layers", "hidden_size", "vocab_size")
    of_made, of_planned = read_config(made.folder), read_config(planned.sized_as)
    assert [of_made[key] for key in same] == [of_planned[key] for key in same]
    assert torch.get_num_threads() == threads
    before = (made.folder / "model.safetensors").stat().st_mtime_ns
    assert locate(settings, fetch=True) == made
    assert (made.folder / "model.safetensors").stat().st_mtime_ns == before
    assert [each.name for each in made.folder.parent.iterdir()] == [made.folder.name]


def _small(settings: DecoderSettings) -> None:
    for name, value in vars(SMALL).items():
        object.__setattr__(settings, name, value)


def test_one_that_failed_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("stiltwalk.mini_base.decoder.make_decoder", _fail)
    with pytest.raises(TrainingDiverged):
        find_decoder(make=True)
    assert list((tmp_path / "stiltwalk").iterdir()) == []


def _fail(*_: object) -> None:
    raise TrainingDiverged("no")


def test_the_command_makes_one_in_a_new_folder(tmp_path: Path) -> None:
    words = ["decoder", str(tmp_path / "made"), "--steps", "1"]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert (tmp_path / "made" / "provenance.json").is_file()
    again = CliRunner().invoke(app, words)
    assert again.exit_code == 2
    assert "name a new folder" in again.output
