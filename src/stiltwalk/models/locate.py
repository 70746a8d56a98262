"""Where the base encoder's files are, and which files exactly: without torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from stiltwalk.errors import ModelError
from stiltwalk.files import read
from stiltwalk.recipe.schema import ModelSettings
from stiltwalk.wording import shown

MINI_BASE = "mini-base"
UNRESOLVED = "unresolved"
_OWN: Mapping[str, str] = {
    MINI_BASE: "stiltwalk.mini_base:find_encoder",
    "mini-decoder": "stiltwalk.mini_base:find_decoder",
}
"""Models of this package, and what tells where each is. With `make` it makes one that is missing;
it returns the folder, None for one that is still to be made, and that of a model of its size."""
_FILES = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "*.safetensors",
    "*.safetensors.index.json",  # large models lie in several files
    "adapter_config.json",
    "generation_config.json",  # of decoders: with which tokens they end
    "chat_template.jinja",
    "additional_chat_templates/*.jinja",
)
_SPELLINGS = {
    "num_hidden_layers": ("n_layer", "num_layers"),
    "hidden_size": ("n_embd", "n_embed", "d_model"),
}
"""What some decoders call the same."""


@dataclass(frozen=True)
class ModelFolder:
    """A base model's files.

    `folder` is None for a model that is not here yet; one of our own is then made when a run first
    needs it, and `sized_as` is the folder of another model of its size.
    """

    name: str
    revision: str
    folder: Path | None
    sized_as: Path | None = None


def locate(settings: ModelSettings, *, fetch: bool) -> ModelFolder:
    """Return where the named model is and which revision of it.

    Args:
        settings: the recipe's `[model]`.
        fetch: download a hub model that is not here, make one of our own; without it the revision
            may be unresolved.

    Raises:
        ModelError: if the folder is not that of a model, or the hub model cannot be had.
    """
    path = Path(settings.name)
    if settings.name in _OWN:
        found = _own(settings.name, make=fetch)
    elif path.is_absolute() or settings.name.startswith("."):
        found = _local(path.name, path)
    else:
        found = _from_hub(settings.name, settings.revision, fetch=fetch)
    if found.folder is not None:
        _check_sizes(found.folder, read_config(found.folder))
        if (found.folder / "adapter_config.json").is_file():
            raise ModelError(
                f"{found.folder} keeps adapters beside its weights: a base encoder must be whole. "
                "Merge them with peft's merge_and_unload, and save it again."
            )
    return found


def read_config(folder: Path) -> dict[str, Any]:
    """Return an encoder's config.json, which tells at least its depth, width and vocabulary.

    Raises:
        ModelError: if it cannot be read, or lacks one of the three.
    """
    file = folder / "config.json"
    try:
        config = json.loads(read(file))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{file} cannot be read ({error}). Save the model again.") from error
    for key in ("num_hidden_layers", "hidden_size", "vocab_size"):
        for other in _SPELLINGS.get(key, ()) if isinstance(config, dict) else ():
            config.setdefault(key, config.get(other))
        if not isinstance(config, dict) or not isinstance(config.get(key), int):
            raise ModelError(
                f"{file} has no whole number under {key}: it describes no encoder that is known "
                "here. XLM-R, BERT, DeBERTa-v2 and ModernBERT are."
            )
    return dict(config)


_UNREADABLE = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError)


def weight_files(folder: Path) -> list[Path]:
    """Return the files that hold a model's weights, all of them beside its config.json.

    Other formats can run code when they are read, and files elsewhere have no part in the revision.

    Raises:
        ModelError: if there are none, or an index or the config names anything else.
    """
    config = read_config(folder)
    named = [config["transformers_weights"]] if config.get("transformers_weights") else []
    for index in sorted(folder.glob("*.safetensors.index.json")):
        try:
            named += json.loads(read(index))["weight_map"].values()
        except _UNREADABLE as error:
            raise ModelError(f"{index} is no index of weights. Save the model again.") from error
    files = sorted(file for file in folder.glob("*.safetensors") if file.is_file())
    there = {file.name for file in files}
    for name in named:
        if not isinstance(name, str) or name not in there:
            raise ModelError(
                f"{folder} names {shown(name)} as a file of its weights, which is no .safetensors "
                "file there. Save the model again with save_pretrained."
            )
    if not files:
        raise ModelError(
            f"{folder} holds no .safetensors weights. Save them with save_pretrained; other "
            "formats can run code when they are read and are refused."
        )
    return files


def _check_sizes(folder: Path, config: Mapping[str, Any]) -> None:
    """Refuse a config.json that describes more than its weights hold, before memory is taken.

    Raises:
        ModelError: with both figures.
    """
    shapes = [shape for file in weight_files(folder) for shape in _shapes(file)]
    longest = max((side for shape in shapes for side in shape), default=0)
    most = {"num_hidden_layers": len(shapes)}
    most |= dict.fromkeys(("hidden_size", "vocab_size", "intermediate_size"), longest)
    for key, there in most.items():
        said = config.get(key)
        if isinstance(said, int) and not 0 <= said <= there:
            raise ModelError(
                f"{folder / 'config.json'} says {key} = {shown(said)}, but its weights have room "
                f"for {there} at most. Save both together with save_pretrained."
            )


def _shapes(file: Path) -> list[list[int]]:
    """Return the shapes of the tensors in a .safetensors file, by its header."""
    try:
        with file.open("rb") as stream:
            num_bytes = int.from_bytes(stream.read(8), "little")
            header = json.loads(stream.read(min(num_bytes, file.stat().st_size)))
        return [facts["shape"] for name, facts in header.items() if name != "__metadata__"]
    except _UNREADABLE as error:
        raise ModelError(f"{file} cannot be read ({error}). Save the model again.") from error


COUNT_AFTER_PADDING = ("camembert", "roberta", "xlm-roberta", "xlm-roberta-xl")
"""Families that count positions from the padding id on."""


def longest_row(config: Mapping[str, Any]) -> int | None:
    """Return how many tokens a model has positions for, by its config.json; None for any number."""
    positions = config.get("max_position_embeddings")
    if not isinstance(positions, int) or not config.get("position_biased_input", True):
        return None
    if config.get("model_type") in COUNT_AFTER_PADDING:
        padding = config.get("pad_token_id")
        return positions - 1 - (padding if isinstance(padding, int) else 1)
    return positions


def is_decoder(config: Mapping[str, Any]) -> bool:
    """Tell whether a config.json is that of a decoder with its language-model head."""
    return any(
        name.endswith(("ForCausalLM", "LMHeadModel")) for name in config.get("architectures") or ()
    )


def _own(name: str, *, make: bool) -> ModelFolder:
    folder, sized_as = resolve_name(_OWN[name])(make=make)
    if folder is not None:
        return _local(name, folder)
    return ModelFolder(name, UNRESOLVED, None, sized_as)


def _local(name: str, folder: Path) -> ModelFolder:
    """Check a model folder and take the checksum of its files as its revision."""
    if not folder.is_dir():
        raise ModelError(
            f"There is no model folder at {folder}. Give [model] name as a folder or a hub id."
        )
    for needed in ("config.json", "tokenizer.json"):
        if not (folder / needed).is_file():
            raise ModelError(
                f"{folder} is not a usable model folder: it has no {needed}. It needs config.json, "
                "tokenizer.json (a fast tokenizer) and weights as .safetensors."
            )
    found = sorted(file for pattern in _FILES for file in folder.glob(pattern))
    files = [file for file in found if file.is_file()]
    weight_files(folder)
    return ModelFolder(name, "sha256:" + _checksum(tuple(files)), folder)


def _checksum(files: tuple[Path, ...]) -> str:
    """Return one checksum over names and contents."""
    digest = sha256()
    for file in files:
        digest.update(file.name.encode())
        with file.open("rb") as stream:
            while block := stream.read(1 << 22):
                digest.update(block)
    return digest.hexdigest()[:16]


def _from_hub(name: str, revision: str | None, *, fetch: bool) -> ModelFolder:
    """Find a hub model in the local cache, or download it."""
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - 0.3 s, and rarely needed

    from stiltwalk.data.hub import client_errors  # noqa: PLC0415

    try:
        folder = Path(
            snapshot_download(
                name, revision=revision, allow_patterns=list(_FILES), local_files_only=not fetch
            )
        )
    except client_errors() as error:
        if not fetch:
            return ModelFolder(name, UNRESOLVED, None)
        raise ModelError(
            f"The model {name!r} is neither a folder here nor can it be had from the hub "
            f"({type(error).__name__}). Check the name, or fetch it where there is network with "
            f"`hf download {name}`."
        ) from error
    return ModelFolder(name, folder.name, folder)
