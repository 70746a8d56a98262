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
from stiltwalk.records import TaskType
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
    "num_hidden_layers": ("n_layer", "n_layers", "num_layers"),
    "hidden_size": ("n_embd", "n_embed", "d_model", "dim"),
    "max_position_embeddings": ("n_positions",),
}
"""What some families call the same."""


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
    config = spelled(config) if isinstance(config, dict) else {}
    for key in ("num_hidden_layers", "hidden_size", "vocab_size"):
        if not isinstance(config.get(key), int):
            raise ModelError(
                f"{file} has no whole number under {key}: it describes no encoder that is known "
                "here. README.md lists the families that are."
            )
    return config


def spelled(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config.json with the usual names of its sizes."""
    found = dict(config)
    for key, others in _SPELLINGS.items():
        for other in others:
            if found.get(key) is None and other in found:
                found[key] = found[other]
    return found


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


COUNT_AFTER_PADDING = (
    "bridgetower_text_model camembert data2vec-text esm ibert layoutlmv3 lilt longformer luke "
    "markuplm mpnet roberta roberta-prelayernorm xlm-roberta xlm-roberta-xl xmod"
).split()
"""Families that count positions from the padding id on."""
_MPNET_PADDING = 1
"""Whatever its config.json says."""


def longest_row(config: Mapping[str, Any]) -> int | None:
    """Return how many tokens a model has positions for, by its config.json; None for any number."""
    positions = config.get("max_position_embeddings")
    if not isinstance(positions, int) or not config.get("position_biased_input", True):
        return None
    if config.get("position_embedding_type") == "rotary" and config.get("model_type") == "esm":
        return None
    return positions - first_position(config)


def first_position(config: Mapping[str, Any]) -> int:
    """Return the position of a row's first token.

    Raises:
        ModelError: if it depends on a padding id that config.json does not give.
    """
    if config.get("model_type") not in COUNT_AFTER_PADDING:
        return 0
    padding = _MPNET_PADDING if config["model_type"] == "mpnet" else config.get("pad_token_id", 1)
    if not isinstance(padding, int):
        raise ModelError(
            f"config.json gives pad_token_id = {padding}, but a {config['model_type']} model "
            "counts positions from that id on. Set it to the tokenizer's."
        )
    return padding + 1


_VECTORS = frozenset({TaskType.RETRIEVAL, TaskType.RANKING})
_PAIRS_AND_TAGS = _VECTORS | {TaskType.TEXT, TaskType.PAIR, TaskType.TAGGING}
ONLY_HEADS = {
    **dict.fromkeys(("eurobert", "esm", "gte", "nomic_bert"), _PAIRS_AND_TAGS),
    "gemma3_text": _PAIRS_AND_TAGS - {TaskType.TAGGING},
    "jina_embeddings_v3": _PAIRS_AND_TAGS | {TaskType.SPAN},
}
"""Families that transformers has not all heads for, and the types of task that they can do."""


def no_head(family: str, task_type: TaskType) -> str:
    """Return a sentence about a head that a family lacks."""
    return (
        f"transformers has no head for {task_type.value} on a {family} model: take another "
        f"encoder, or leave tasks of the type {task_type.value} out of the recipe."
    )


def require_vocabulary(config: Mapping[str, Any], folder: Path) -> None:
    """Refuse a tokenizer with tokens that the model has no embeddings for.

    Raises:
        ModelError: with both sizes.
    """
    size, tokens = config["vocab_size"], _tokens(folder)
    beyond = sorted(number for number in tokens if number >= size)
    if beyond:
        named = f", such as {tokens[beyond[0]]!r}" if tokens[beyond[0]] else ""
        raise ModelError(
            f"The tokenizer of {folder} has {1 + beyond[-1]:,} tokens, its model's embedding table "
            f"{size:,} rows, none for {len(beyond):,} of them{named}: they belong to different "
            "models, or the table was not resized (resize_token_embeddings). Save both again."
        )


def _tokens(folder: Path) -> dict[int, str | None]:
    """Return the tokens of texts by id, a list's without names; faster than a tokenizer is loaded.

    Those that stand for pictures and sounds are left out: Gemma 3 has one without an embedding.

    Raises:
        ModelError: if `tokenizer.json` cannot be read.
    """
    file, settings_file = folder / "tokenizer.json", folder / "tokenizer_config.json"
    try:
        table = json.loads(file.read_bytes())
        known = table["model"]["vocab"]
        found = dict.fromkeys(range(len(known)))
        if not isinstance(known, list):
            found = {number: text for text, number in known.items()}
        found |= {each["id"]: each["content"] for each in table.get("added_tokens", ())}
        settings = json.loads(settings_file.read_bytes()) if settings_file.is_file() else {}
        others = {settings.get(f"{kind}_token") for kind in ("image", "audio", "video")} - {None}
        return {number: text for number, text in found.items() if text not in others}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(
            f"{file} could not be read as a fast tokenizer: {error}. Save one with "
            "AutoTokenizer.from_pretrained(…).save_pretrained(…)."
        ) from error


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
