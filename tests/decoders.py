"""Decoders of four families that load in milliseconds: two blocks, never trained."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    XLMRobertaConfig,
    XLMRobertaForCausalLM,
)

from tiny import SHAPE, xlmr_tokenizer

_IDS: Mapping[str, int] = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}


def _shape(width: int) -> dict[str, Any]:
    return {**SHAPE, **_IDS, "hidden_size": width}


def _llama(width: int) -> Any:  # noqa: ANN401 - three classes without a common type
    """Share keys between heads."""
    return LlamaForCausalLM(LlamaConfig(**_shape(width), num_key_value_heads=1))


def _gemma(width: int) -> Any:  # noqa: ANN401
    """Attend to a short window in every other block, to all in the others."""
    config = Gemma3TextConfig(
        **_shape(width),
        num_key_value_heads=1,
        head_dim=width // 2,
        sliding_window=8,
        layer_types=["sliding_attention", "full_attention"],
    )
    return Gemma3ForCausalLM(config)


def _bloom(width: int) -> Any:  # noqa: ANN401
    """Know positions by distance alone."""
    return BloomForCausalLM(
        BloomConfig(vocab_size=700, hidden_size=width, n_layer=2, n_head=2, **_IDS)
    )


def _xlmr(width: int) -> Any:  # noqa: ANN401
    """Count positions from 2 on, as the miniature's decoder does."""
    config = XLMRobertaConfig(
        **_shape(width), max_position_embeddings=258, type_vocab_size=1, is_decoder=True
    )
    return XLMRobertaForCausalLM(config)


DECODERS: Mapping[str, Callable[[int], Any]] = {
    "llama": _llama,
    "gemma": _gemma,
    "bloom": _bloom,
    "xlmr": _xlmr,
}


def write_decoder(family: str, folder: Path, *, width: int = 32) -> Path:
    """Write a decoder and its tokenizer as an ordinary Hugging Face folder; return the folder."""
    torch.manual_seed(0)
    model = DECODERS[family](width)
    with torch.no_grad():  # of ordinary size, so that outputs depend on the inputs visibly
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(5)
    model.save_pretrained(folder)
    xlmr_tokenizer().save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder
