"""Decoder language models: the head that comes with a checkpoint is the one that is trained."""

from __future__ import annotations

from pathlib import Path

from transformers import AutoModelForCausalLM

from stiltwalk.errors import ModelError
from stiltwalk.models.checkpoint import Model, load_as


def load_decoder(folder: Path) -> Model:
    """Load a decoder with its head in fp32, with its adapters if it keeps some.

    Args:
        folder: a Hugging Face model folder with safetensors weights.

    Raises:
        ModelError: if it is no such model, or sees what comes later, as an encoder does.
    """
    model = load_as(AutoModelForCausalLM, folder)
    config = model.config
    if getattr(config, "type_vocab_size", 0) and not getattr(config, "is_decoder", False):
        raise ModelError(
            f"{folder} is a {config.model_type} model, which is an encoder: leave model.family out "
            "of the recipe, or name a decoder such as Qwen 3, Gemma 3, Llama 3.2 or BLOOM."
        )
    return model
