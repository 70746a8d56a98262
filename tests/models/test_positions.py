"""How many tokens models have positions for, and that their tokenizers fit: every family."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModel

from stiltwalk.errors import ModelError
from stiltwalk.models.checkpoint import require_room
from stiltwalk.models.locate import (
    COUNT_AFTER_PADDING,
    longest_row,
    read_config,
    require_vocabulary,
    spelled,
)
from tokenizers_in_memory import BUILDS

SHAPE = {
    "vocab_size": 40,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 24,
}
FAMILIES = (
    "bert camembert data2vec-text deberta-v2 distilbert electra esm ibert luke mpnet rembert "
    "roberta roberta-prelayernorm xlm-roberta xlm-roberta-xl xmod"
).split()


@pytest.mark.parametrize("padding", [0, 1, 3])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_row_may_fill_all_positions_and_not_one_more(family: str, padding: int) -> None:
    more: dict[str, Any] = {
        "luke": {"entity_vocab_size": 10, "entity_emb_size": 8},
        "xmod": {"languages": ["en_XX"], "default_language": "en_XX"},
        "esm": {"position_embedding_type": "absolute", "mask_token_id": 4, "token_dropout": False},
        "electra": {"embedding_size": 16},
        "rembert": {"input_embedding_size": 16},
    }
    config = AutoConfig.for_model(family, **SHAPE, pad_token_id=padding, **more.get(family, {}))
    model = AutoModel.from_config(config).eval()
    room = longest_row(spelled(config.to_dict()))
    assert room is not None

    def read(length: int) -> None:
        ids = torch.full((1, length), 7)
        model(input_ids=ids, attention_mask=torch.ones_like(ids))

    with torch.no_grad():
        read(room)
        if family == "deberta-v2":  # it has more than it says it has
            return
        with pytest.raises((IndexError, RuntimeError)):
            read(room + 1)
    require_room(model, room)
    with pytest.raises(ModelError, match=f"has {room + 1} tokens, but the {family} model takes"):
        require_room(model, room + 1)


def test_no_other_family_counts_from_the_padding_on() -> None:
    """Read off transformers' own source: a table of positions with a place for padding."""
    import transformers  # noqa: PLC0415

    root = Path(transformers.__file__).parent / "models"
    texts = {file.stem: file.read_text("utf-8") for file in root.glob("*/modeling_*.py")}
    found = {
        name.removeprefix("modeling_")
        for name, text in texts.items()
        if "config.max_position_embeddings, config.hidden_size, padding_idx=" in text
    }
    known = {each.replace("-", "_") for each in COUNT_AFTER_PADDING}
    others = {
        "altclip",
        "bridgetower",
        "clap",
        "evolla",
        "lxmert",
        "pp_doclayout_v2",
    }  # not of text
    assert found - others <= known


def test_a_padding_id_that_positions_rest_on_must_be_given() -> None:
    config = {"model_type": "camembert", "max_position_embeddings": 514, "pad_token_id": None}
    with pytest.raises(ModelError, match="pad_token_id = None, but a camembert model"):
        longest_row(config)
    assert longest_row(config | {"model_type": "bert"}) == 514
    assert longest_row({"model_type": "esm", "max_position_embeddings": 514}) == 512
    assert (
        longest_row({"model_type": "mpnet", "max_position_embeddings": 514, "pad_token_id": 0})
        == 512
    )


@pytest.mark.parametrize("build", ["bytes as RoBERTa", "unigram as XLM-R"])
def test_tokens_without_an_embedding_are_refused_with_both_sizes(
    build: str, tmp_path: Path
) -> None:
    folder = BUILDS[build].write(tmp_path)
    table = json.loads((folder / "tokenizer.json").read_bytes())
    size = 1 + max(each["id"] for each in table["added_tokens"])
    assert size == 1 + len(table["model"]["vocab"]), "its last token is one that was added"
    require_vocabulary({"vocab_size": size}, folder)
    with pytest.raises(
        ModelError, match=rf"has {size} tokens, .* {size - 1} rows, .* 'kilometers'"
    ):
        require_vocabulary({"vocab_size": size - 1}, folder)
    with pytest.raises(ModelError, match=f"has {size} tokens, .* 90 rows"):
        require_vocabulary({"vocab_size": 90}, folder)
    settings = {"image_token": "kilometers"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    require_vocabulary({"vocab_size": size - 1}, folder)


def test_other_spellings_of_sizes_are_read(tmp_path: Path) -> None:
    config = {"n_layers": 2, "dim": 32, "vocab_size": 9, "n_positions": 7}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    found = read_config(tmp_path)
    assert (found["num_hidden_layers"], found["hidden_size"], longest_row(found)) == (2, 32, 7)
