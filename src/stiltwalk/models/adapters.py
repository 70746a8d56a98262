"""Adapters: small trained matrices beside an encoder's weights, through peft.

A folder that keeps them apart holds the encoder's own weights in the ordinary files and the
adapters in peft's: `from_pretrained` loads both, `PeftModel.from_pretrained` puts the adapters on
another copy of the encoder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from stiltwalk.errors import ModelError
from stiltwalk.models.device import whole
from stiltwalk.recipe.schema import LoRA

CONFIG = "adapter_config.json"
_WEIGHTS = "adapter_model.safetensors"
_STORED_PREFIX = "base_model.model."
_NAME = "default"
"""The one adapter's, as peft calls it inside a model; files leave it out."""
_ATTENTION = frozenset({"attention", "attn", "self_attn", "self_attention"})


def add(encoder: Any, lora: LoRA, *, seed: int) -> None:  # noqa: ANN401 - see checkpoint.Model
    """Put fresh adapters on an encoder that has none yet, and freeze its own weights.

    At first they change nothing that the encoder computes.

    Args:
        encoder: what `load(TaskType.RETRIEVAL, …)` returned.
        lora: their size and place.
        seed: decides their first values.

    Raises:
        ModelError: if the encoder has no such layers.
    """
    if any(".lora_" in name for name in encoder.state_dict()):
        return
    torch.manual_seed(seed)
    _inject(encoder, _config(lora, _layers(encoder, lora)))


@contextmanager
def hidden(folder: Path) -> Iterator[Path]:
    """Give a folder as if without adapters: transformers loads them, and hides what is lacking."""
    if not (folder / CONFIG).is_file():
        yield folder
        return
    with TemporaryDirectory() as aside:
        for file in folder.iterdir():
            if file.name not in (CONFIG, _WEIGHTS):
                (Path(aside) / file.name).symlink_to(file.resolve())
        yield Path(aside)


def load(model: Any, folder: Path) -> None:  # noqa: ANN401
    """Put a folder's adapters on the encoder of a model that was loaded without them.

    Raises:
        ModelError: if they do not fit.
    """
    from peft import PeftConfig  # noqa: PLC0415 - seconds, for adapters alone

    encoder, prefix = model.base_model, f"{model.base_model_prefix}."
    config = PeftConfig.from_pretrained(str(folder))
    config.inference_mode = False  # an encoder may be trained on
    _inject(encoder, config)
    stored = {
        re.sub(r"(\.lora_[AB])\.", rf"\1.{_NAME}.", name)
        .removeprefix(_STORED_PREFIX)
        .removeprefix(prefix): value
        for name, value in load_file(folder / _WEIGHTS).items()
    }
    missing = [
        name
        for name in encoder.load_state_dict(stored, strict=False).missing_keys
        if ".lora_" in name
    ]
    if missing:
        raise ModelError(
            f"{folder / _WEIGHTS} lacks {len(missing)} weights that {CONFIG} describes, such as "
            f"{missing[0]}. Save both together."
        )


def ordinary_weights(model: Any, *, merged: bool) -> dict[str, Tensor]:  # noqa: ANN401
    """Return a model's weights under the names they have without adapters.

    Args:
        model: with adapters or without.
        merged: add the adapters to the weights; otherwise they are left out.
    """
    weights = {
        name.replace(".base_layer.", "."): value
        for name, value in model.state_dict().items()
        if ".lora_" not in name
    }
    if merged:
        for name, layer in model.named_modules():
            if hasattr(layer, "get_delta_weight"):
                delta = layer.get_delta_weight(_NAME).detach()
                weights[f"{name}.weight"] = weights[f"{name}.weight"] + delta
    return weights


def added_weights(model: Any) -> dict[str, Tensor]:  # noqa: ANN401
    """Return the weights of a model's adapters under the names that peft stores them by."""
    return {
        _STORED_PREFIX + name.replace(f".{_NAME}.", "."): whole(value).contiguous()
        for name, value in model.state_dict().items()
        if ".lora_" in name
    }


def save(weights: Mapping[str, Tensor], model: Any, lora: LoRA, folder: Path) -> None:  # noqa: ANN401
    """Write a model's adapters into the folder that holds its ordinary weights."""
    save_file(dict(weights), folder / _WEIGHTS, metadata={"format": "pt"})
    config = _config(lora, _layers(model.base_model, lora)).to_dict()
    config |= {"inference_mode": True, "target_modules": sorted(config["target_modules"])}
    (folder / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True), encoding="utf-8")


def _inject(encoder: Any, config: Any) -> None:  # noqa: ANN401
    from peft import inject_adapter_in_model  # noqa: PLC0415 - seconds, for adapters alone

    inject_adapter_in_model(config, encoder, adapter_name=_NAME)


def _config(lora: LoRA, layers: list[str]) -> Any:  # noqa: ANN401 - peft's, which is imported late
    from peft import LoraConfig  # noqa: PLC0415 - seconds, for adapters alone

    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=layers,
    )


def _layers(encoder: nn.Module, lora: LoRA) -> list[str]:
    """Return which linear layers get adapters, named from inside a block.

    Raises:
        ModelError: if one that is asked for does not exist.
    """
    own = [
        name.removesuffix(".base_layer")
        for name, module in encoder.named_modules()
        if isinstance(module, nn.Linear) and ".lora_" not in name
    ]
    there = sorted({re.sub(r".*\.\d+\.", "", name) for name in own})
    if lora.modules is None:
        layers = {name for name in there if _ATTENTION & set(name.split("."))}
        unknown = [] if layers else ["attention"]
    else:
        asked = {each: [n for n in there if f".{n}".endswith(f".{each}")] for each in lora.modules}
        layers = {name for found in asked.values() for name in found}
        unknown = [each for each, found in asked.items() if not found]
    if unknown:
        raise ModelError(
            f"The encoder has no linear layer called {unknown[0]!r}. Set lora.modules to some of: "
            f"{', '.join(there)}."
        )
    return sorted(layers)
