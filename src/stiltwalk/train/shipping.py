"""From a pretrained folder to one small enough to ship with the package."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from stiltwalk.errors import ModelError

_WEIGHTS = "model.safetensors"
_COPIED = ("tokenizer.json", "tokenizer_config.json")


def ship(folder_from: Path, folder_to: Path) -> None:
    """Write a pretrained encoder with half-width weights, and where it came from.

    The configuration still says float32, so `from_pretrained` widens the weights again.

    Args:
        folder_from: what `pretrain` wrote.
        folder_to: made if missing.

    Raises:
        ModelError: if the folder was not written by `pretrain`.
    """
    for name in ("config.json", "provenance.json", _WEIGHTS, *_COPIED):
        if not (folder_from / name).is_file():
            raise ModelError(
                f"{folder_from} has no {name}, so it is not what pretraining writes: run it first."
            )
    folder_to.mkdir(parents=True, exist_ok=True)
    for name in _COPIED:
        shutil.copyfile(folder_from / name, folder_to / name)
    weights = load_file(folder_from / _WEIGHTS)
    narrow = {name: weight.to(torch.float16) for name, weight in weights.items()}
    save_file(narrow, folder_to / _WEIGHTS, metadata={"format": "pt"})
    (folder_to / _WEIGHTS).chmod(0o644)
    config = json.loads((folder_from / "config.json").read_text(encoding="utf-8"))
    _write_json(folder_to / "config.json", config | {"dtype": "float32"})
    made = json.loads((folder_from / "provenance.json").read_text(encoding="utf-8"))
    checksum = sha256((folder_to / _WEIGHTS).read_bytes()).hexdigest()
    _write_json(folder_to / "provenance.json", made | {_WEIGHTS: f"sha256:{checksum}"})


def _write_json(path: Path, value: dict[str, object]) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")
