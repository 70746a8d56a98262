"""Tests for stiltwalk.models.locate."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from stiltwalk.errors import ModelError
from stiltwalk.models.locate import UNRESOLVED, locate, read_config
from stiltwalk.recipe.schema import ModelSettings


def at(folder: Path) -> ModelSettings:
    return ModelSettings(name=str(folder))


def test_the_revision_follows_the_content_and_not_the_place(
    tiny_xlmr: Path, tmp_path: Path
) -> None:
    here = locate(at(tiny_xlmr), fetch=False)
    moved = Path(shutil.copytree(tiny_xlmr, tmp_path / tiny_xlmr.name))
    assert locate(at(moved), fetch=False).revision == here.revision
    altered = Path(shutil.copytree(tiny_xlmr, tmp_path / "other" / tiny_xlmr.name))
    (altered / "config.json").write_text(
        (altered / "config.json").read_text(encoding="utf-8") + "\n", encoding="utf-8"
    )
    assert locate(at(altered), fetch=False).revision != here.revision


def test_the_config_tells_the_depth(tiny_xlmr: Path) -> None:
    assert read_config(tiny_xlmr)["num_hidden_layers"] == 2


def test_a_folder_that_keeps_adapters_apart_is_no_base(tiny_xlmr: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_xlmr, tmp_path / "model"))
    (folder / "adapter_config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelError, match="keeps adapters beside its weights"):
        locate(at(folder), fetch=False)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("{", r"config\.json cannot be read"),
        ("[]", "no whole number under num_hidden_layers"),
        ('{"model_type": "other", "blocks": 6}', "under num_hidden_layers"),
        ('{"num_hidden_layers": 2, "hidden_size": 32, "vocab_size": "x"}', "under vocab_size"),
    ],
)
def test_a_config_that_describes_no_known_encoder_is_refused_before_any_work(
    tiny_xlmr: Path, tmp_path: Path, config: str, said: str
) -> None:
    folder = Path(shutil.copytree(tiny_xlmr, tmp_path / "model"))
    (folder / "config.json").write_text(config, encoding="utf-8")
    with pytest.raises(ModelError, match=said):
        locate(at(folder), fetch=True)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model folder at .*nowhere"):
        locate(at(tmp_path / "nowhere"), fetch=True)


@pytest.mark.parametrize("lacking", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_folder_that_lacks_a_file_is_refused_with_its_name(
    tiny_xlmr: Path, tmp_path: Path, lacking: str
) -> None:
    folder = Path(shutil.copytree(tiny_xlmr, tmp_path / "model"))
    (folder / lacking).unlink()
    with pytest.raises(ModelError) as caught:
        locate(at(folder), fetch=True)
    assert str(folder) in str(caught.value)
    assert lacking.removeprefix("model") in str(caught.value)


def test_a_hub_model_that_is_not_here_is_unresolved_until_it_is_fetched() -> None:
    settings = ModelSettings(name="nobody/no-such-model")
    found = locate(settings, fetch=False)
    assert (found.revision, found.folder) == (UNRESOLVED, None)


def test_a_hub_model_that_cannot_be_had_says_how_to_fetch_it() -> None:
    with pytest.raises(ModelError, match="hf download nobody/no-such-model"):
        locate(ModelSettings(name="nobody/no-such-model"), fetch=True)


def changed(folder: Path, source: Path, **config: object) -> Path:
    """Return a copy of a model folder whose config.json says something else."""
    shutil.copytree(source, folder)
    facts = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(facts | config), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "config",
    [
        {"num_hidden_layers": 10**9},
        {"hidden_size": 10**12},
        {"vocab_size": 10**4000},
        {"intermediate_size": 10**9},
        {"num_hidden_layers": -1},
    ],
    ids=lambda config: next(iter(config)),
)
def test_a_config_larger_than_its_weights_is_refused_before_memory_is_taken(
    tiny_xlmr: Path, tmp_path: Path, config: dict[str, int]
) -> None:
    folder = changed(tmp_path / "model", tiny_xlmr, **config)
    with pytest.raises(
        ModelError, match=f"says {next(iter(config))} = .* have room for .* at most"
    ):
        locate(at(folder), fetch=True)


@pytest.mark.parametrize("content", [b"", b"\xff" * 8, b"\x02" + bytes(7) + b"{}", bytes(64)])
def test_weights_whose_header_is_damaged_are_refused_in_a_sentence(
    tiny_xlmr: Path, tmp_path: Path, content: bytes
) -> None:
    folder = Path(shutil.copytree(tiny_xlmr, tmp_path / "model"))
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match=r"cannot be read|have room for 0 at most"):
        locate(at(folder), fetch=True)


@pytest.mark.parametrize(
    "name",
    ["weights.bin", "pytorch_model.bin", "../x.safetensors", "sub/x.safetensors", "/x", 3, None],
)
@pytest.mark.parametrize("by", ["index", "config"])
def test_weights_of_another_format_or_place_are_refused_whoever_names_them(
    tiny_xlmr: Path, tmp_path: Path, name: object, by: str
) -> None:
    if by == "config":
        folder = changed(tmp_path / "model", tiny_xlmr, transformers_weights=name or ["x"])
    else:
        folder = changed(tmp_path / "model", tiny_xlmr)
        index = {"metadata": {}, "weight_map": {"a": name}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(ModelError, match=r"as a file of its weights, which is no \.safetensors"):
        locate(at(folder), fetch=True)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"weight_map": 3}', "[" * 10**5])
def test_a_damaged_index_is_refused_in_a_sentence(
    tiny_xlmr: Path, tmp_path: Path, text: str
) -> None:
    folder = Path(shutil.copytree(tiny_xlmr, tmp_path / "model"))
    (folder / "model.safetensors.index.json").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match="is no index of weights"):
        locate(at(folder), fetch=True)
