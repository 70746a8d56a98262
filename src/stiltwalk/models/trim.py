"""A checkpoint's vocabulary cut to what some languages' scripts can spell.

A tokenizer can make of a text only pieces of its own characters. So all pieces that are spelled in
the languages' scripts stay, with punctuation and digits, which have none: any text in these
characters is cut as before, whatever its words, and the model is asked the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import regex  # type: ignore[import-untyped]
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from stiltwalk.errors import ModelError
from stiltwalk.languages import CONFIGURATIONS
from stiltwalk.models.locate import weight_files
from stiltwalk.wording import nearest

_SEVERAL = {"Jpan": "Hira Kana Hani", "Hans": "Hani", "Hant": "Hani"}
_ALWAYS = "Zyyy Zinh"
"""Common to many scripts, such as digits, or taking on that of what stands before."""
_BYTES = r"<0x[0-9A-F]{2}>"
"""Pieces that spell unknown characters."""
Renumbered = dict[int, int]
"""Old id to new id, of the pieces that stay."""


def trim_vocabulary(folder: Path, languages: Sequence[str]) -> tuple[int, int]:
    """Cut the vocabulary of the checkpoint in a folder, in place; return both its sizes.

    Args:
        folder: a Hugging Face model folder with safetensors weights, nobody else's.
        languages: codes as in XTREME, whose scripts stay; English too, where Latin is to stay.

    Raises:
        ModelError: if a language is unknown, or the tokenizer spells bytes instead of characters.
    """
    spelled, files = _spelled_in(languages), weight_files(folder)
    table = _read(folder / "tokenizer.json")
    config = _read(folder / "config.json")
    ids = _kept(table, spelled, int(config.get("pad_token_id") or 0))
    before = int(config["vocab_size"])
    rows = np.array([number for number in ids if number < before])
    try:
        for file in files:
            weights = load_file(file)
            for name, tensor in weights.items():
                if tensor.shape[:1] == (before,):
                    weights[name] = tensor[rows].contiguous()
            save_file(weights, file, metadata={"format": "pt"})
    except (OSError, SafetensorError) as error:
        raise ModelError(f"The weights in {folder} could not be cut: {error}") from error
    _write(folder / "tokenizer.json", _trimmed(table, ids))
    config["vocab_size"] = len(rows)
    named = {key: ids[each] for key, each in config.items() if _is_id(key, each, ids)}
    _write(folder / "config.json", config | named)
    settings = folder / "tokenizer_config.json"
    if settings.is_file() and "added_tokens_decoder" in (given := _read(settings)):
        added = given["added_tokens_decoder"].items()
        given["added_tokens_decoder"] = {
            str(ids[int(number)]): each for number, each in added if int(number) in ids
        }
        _write(settings, given)
    return before, len(rows)


def _spelled_in(languages: Sequence[str]) -> Any:  # noqa: ANN401 - a pattern of regex
    for language in languages:
        if language not in CONFIGURATIONS:
            raise ModelError(
                f"{language!r} is no language of XTREME or SIB-200, so its script is not known."
                f"{nearest(language, list(CONFIGURATIONS))}"
            )
    hubs = [CONFIGURATIONS[language].rpartition("_")[2] for language in languages]
    scripts = " ".join([_ALWAYS, *(_SEVERAL.get(script, script) for script in hubs)]).split()
    classes = "".join(rf"\p{{Script={script}}}" for script in scripts)
    return regex.compile(f"(?:{_BYTES}|[{classes}]*)")


def _kept(table: Mapping[str, Any], spelled: Any, pad_id: int) -> Renumbered:  # noqa: ANN401
    """Return the ids that stay, in their order, with their new ones."""
    model = table["model"]
    parts = [table.get("pre_tokenizer") or {}]
    parts += parts[0].get("pretokenizers", ())
    if any(each.get("type") == "ByteLevel" for each in parts):
        raise ModelError(
            "The tokenizer spells bytes, which belong to no script: its vocabulary cannot be cut."
        )
    if isinstance(model["vocab"], list):
        pieces = {number: piece for number, (piece, _) in enumerate(model["vocab"])}
        rarest = min(pieces, key=lambda number: model["vocab"][number][1])
    else:
        pieces, rarest = {number: piece for piece, number in model["vocab"].items()}, -1
    suffix = model.get("end_of_word_suffix") or ""
    stays = {each["id"] for each in table["added_tokens"]}
    stays |= {rarest, model.get("unk_id"), pieces and _id_of(model, model.get("unk_token"))}
    stays |= set(range(pad_id + 1))  # some families count positions from it
    stays |= {
        number for number, piece in pieces.items() if spelled.fullmatch(piece.removesuffix(suffix))
    }
    every = {*pieces, *(each["id"] for each in table["added_tokens"])}
    return {old: new for new, old in enumerate(sorted(stays & every))}


def _id_of(model: Mapping[str, Any], token: str | None) -> int | None:
    return model["vocab"].get(token) if isinstance(model["vocab"], dict) else None


def _trimmed(table: dict[str, Any], ids: Renumbered) -> dict[str, Any]:
    """Return a tokenizer.json whose pieces have their new ids."""
    model = table["model"]
    if isinstance(model["vocab"], list):
        vocabulary: Any = [each for old, each in enumerate(model["vocab"]) if old in ids]
        model = model | {"unk_id": ids.get(model.get("unk_id"))}
    else:
        vocabulary = {piece: ids[old] for piece, old in model["vocab"].items() if old in ids}
    if "merges" in model:
        pairs = [each.split(" ") if isinstance(each, str) else each for each in model["merges"]]
        model = model | {"merges": [each for each in pairs if {*each} <= vocabulary.keys()]}
    added = [each | {"id": ids[each["id"]]} for each in table["added_tokens"]]
    padding = table.get("padding")
    return table | {
        "model": model | {"vocab": vocabulary},
        "added_tokens": added,
        "post_processor": _renumbered(table.get("post_processor"), ids),
        "padding": padding and padding | {"pad_id": ids[padding["pad_id"]]},
    }


def _renumbered(part: Any, ids: Renumbered) -> Any:  # noqa: ANN401 - JSON
    """Return what puts special tokens around texts with their new ids, wherever they stand."""
    match part:
        case {"ids": list(old), **others}:
            return {**others, "ids": [ids[each] for each in old]}
        case dict():
            return {key: _renumbered(each, ids) for key, each in part.items()}
        case [str(token), int(old)]:
            return [token, ids[old]]
        case list():
            return [_renumbered(each, ids) for each in part]
        case _:
            return part


def _is_id(key: str, value: object, ids: Renumbered) -> bool:
    return key.endswith("_token_id") and isinstance(value, int) and value in ids


def _read(file: Path) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise ModelError(f"{file} could not be read: {error}.") from error


def _write(file: Path, document: object) -> None:
    file.write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")
