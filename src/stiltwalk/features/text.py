"""A checkpoint's `tokenizer.json`, without the four seconds that a full tokenizer class costs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import regex  # type: ignore[import-untyped]
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.normalizers import BertNormalizer

from stiltwalk.errors import ModelError

Ids = NDArray[np.int32]

_CHUNK = 4096
"""Texts tokenised at once: the tokenizer's own results take fifty times the room of the ids."""


class TextEncoder:
    """Turns texts into ids, and knows where the checkpoint puts its special tokens.

    `before`, `between` and `after` are the special tokens around a pair: `<s>`, `</s></s>` and
    `</s>` for XLM-R; a single text stands between `before` and `after`.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Use a fast tokenizer; its own padding and truncation are switched off."""
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        pair = tokenizer.encode("a", "b")
        parts = pair.sequence_ids
        first, second = parts.index(0), parts.index(1)
        end = len(parts) - parts[::-1].index(1)
        last_of_first = max(i for i, part in enumerate(parts) if part == 0)
        ids = np.array(pair.ids, dtype=np.int32)
        self.before: Ids = ids[:first]
        self.between: Ids = ids[last_of_first + 1 : second]
        self.after: Ids = ids[end:]
        self.unknown_id = self._special("unk")
        self.pad_id = self._special("pad")

    def _special(self, name: str) -> int:
        """Return the id of `<unk>`, `[UNK]` and the like."""
        for spelling in (f"<{name}>", f"[{name.upper()}]"):
            token = self._tokenizer.token_to_id(spelling)
            if token is not None:
                return int(token)
        raise ModelError(
            f"The tokenizer has no {name} token: looked for <{name}> and [{name.upper()}]."
        )

    @cached_property
    def special_ids(self) -> Ids:
        """Ids that stand for no text, sorted."""
        added = self._tokenizer.get_added_tokens_decoder().items()
        return np.array(sorted(number for number, token in added if token.special), dtype=np.int32)

    @property
    def mask_id(self) -> int:
        """The id that stands for a hidden token."""
        return self._special("mask")

    @property
    def num_special_in_pair(self) -> int:
        """Special tokens that a pair costs."""
        return len(self.before) + len(self.between) + len(self.after)

    @property
    def num_special_in_single(self) -> int:
        """Special tokens that a single text costs."""
        return len(self.before) + len(self.after)

    def ids(self, texts: Sequence[str]) -> list[Ids]:
        """Return the ids of texts, without special tokens."""
        return [
            np.array(encoding.ids, dtype=np.int32)
            for chunk in _chunks(texts)
            for encoding in self._tokenizer.encode_batch_fast(chunk, add_special_tokens=False)
        ]

    def ids_and_offsets(self, texts: Sequence[str]) -> list[tuple[Ids, NDArray[np.int32]]]:
        """Return ids and, per id, the characters [start, end) it covers, shape (ids, 2).

        They cover graphemes whole. A tokenizer that composes "e" and an accent to one letter, or
        jamo to a syllable, gives the place of the first of them; a mark can be a token of its own.
        """
        return [
            (
                np.array(encoding.ids, dtype=np.int32),
                _whole_graphemes(text, np.array(encoding.offsets, np.int32).reshape(-1, 2)),
            )
            for chunk in _chunks(texts)
            for text, encoding in zip(
                chunk, self._tokenizer.encode_batch(chunk, add_special_tokens=False), strict=True
            )
        ]

    def single(self, ids: Ids) -> Ids:
        """Put special tokens around one text."""
        return np.concatenate([self.before, ids, self.after])

    def pair(self, first: Ids, second: Ids) -> Ids:
        """Put special tokens around and between two texts."""
        return np.concatenate([self.before, first, self.between, second, self.after])


_GRAPHEME = regex.compile(r"\X")


def _whole_graphemes(text: str, offsets_T2: NDArray[np.int32]) -> NDArray[np.int32]:
    """Widen stretches of a text to the borders of its graphemes (UAX #29)."""
    if text.isascii():
        return offsets_T2
    borders = np.array([0, *(found.end() for found in _GRAPHEME.finditer(text))], dtype=np.int32)
    before = np.searchsorted(borders, offsets_T2[:, 0], side="right") - 1
    behind = np.searchsorted(borders, offsets_T2[:, 1], side="left")
    return np.stack([borders[before], borders[behind]], axis=1)


def _chunks(texts: Sequence[str]) -> Iterator[list[str]]:
    """Yield texts a few thousand at a time."""
    for start in range(0, len(texts), _CHUNK):
        yield list(texts[start : start + _CHUNK])


def fit_pair(first: Ids, second: Ids, room_tokens: int) -> tuple[Ids, Ids]:
    """Cut the end of the longer text until both fit, as a fast tokenizer's `longest_first` does."""
    over = len(first) + len(second) - room_tokens
    if over <= 0:
        return first, second
    longer, shorter = max(len(first), len(second)), min(len(first), len(second))
    if longer - over >= shorter:
        keep_longer, keep_shorter = longer - over, shorter
    else:
        keep_shorter = room_tokens // 2
        keep_longer = room_tokens - keep_shorter
    if len(first) > len(second):
        return first[:keep_longer], second[:keep_shorter]
    return first[:keep_shorter], second[:keep_longer]


def load_text_encoder(folder: Path) -> TextEncoder:
    """Return the tokenizer of a checkpoint's folder; equal files are loaded once.

    Every stage of a run has a copy of the same file, and XLM-R's takes a second and 100 MB.

    Raises:
        ModelError: if the folder has no readable `tokenizer.json`.
    """
    file = folder / "tokenizer.json"
    try:
        return _loaded(file.read_bytes(), _bert_normalizer(folder))
    except Exception as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(
            f"{file} could not be read as a fast tokenizer: {error}. Save one with "
            "AutoTokenizer.from_pretrained(…).save_pretrained(…)."
        ) from error


@lru_cache(maxsize=2)
def _loaded(content: bytes, bert: tuple[bool, bool | None, bool] | None) -> TextEncoder:
    tokenizer = Tokenizer.from_buffer(content)
    if bert is not None and isinstance(tokenizer.normalizer, BertNormalizer):
        lowercase, strip_accents, split_chinese = bert
        tokenizer.normalizer = BertNormalizer(True, split_chinese, strip_accents, lowercase)
    return TextEncoder(tokenizer)


def _bert_normalizer(folder: Path) -> tuple[bool, bool | None, bool] | None:
    """Return what BERT's class makes of texts: whether it lowers case, strips accents, splits Han.

    Where a folder is of that class, transformers takes this from the settings and not from
    `tokenizer.json`; None where it is not.
    """
    settings = _json(folder / "tokenizer_config.json")
    family = settings.get("tokenizer_class") or _json(folder / "config.json").get("model_type")
    if str(family).lower().removesuffix("fast").removesuffix("tokenizer") not in _BERTS:
        return None
    return (
        settings.get("do_lower_case", True),
        settings.get("strip_accents"),
        settings.get("tokenize_chinese_chars", True),
    )


_BERTS = ("bert", "distilbert", "electra")


def _json(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    return found
