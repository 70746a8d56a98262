"""A checkpoint's `tokenizer.json`, without the four seconds that a full tokenizer class costs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import regex  # type: ignore[import-untyped]
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer
from tokenizers.normalizers import BertNormalizer

from stiltwalk.errors import ModelError
from stiltwalk.features.rows import Ragged

Ids = NDArray[np.int32]

_CHUNK = 4096
"""Texts tokenised at once: the tokenizer's own results take fifty times the room of the ids."""


class TextEncoder:
    """Turns texts into ids, and knows where the checkpoint puts its special tokens.

    `before`, `between` and `after` are the special tokens around a pair: `<s>`, `</s></s>` and
    `</s>` for XLM-R; `start` and `end` are those around a single text.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        named: Mapping[str, str] = MappingProxyType({}),
        *,
        with_types: bool = True,
    ) -> None:
        """Use a fast tokenizer; its own padding and truncation are switched off.

        Args:
            tokenizer: see there.
            named: special tokens by what they are for, such as "pad"; others go by their spelling.
            with_types: whether the model is told the types of the tokens at all.
        """
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer, self._named = tokenizer, named
        (self.start, self.end), self._single_types = _around(tokenizer.encode("a"))
        pair = tokenizer.encode("a", "b")
        (self.before, self.between, self.after), self._pair_types = _around(pair)
        types = np.concatenate([*self._single_types, *self._pair_types])
        self._has_types = with_types and bool(types.any())
        self.pad_id = self._special("pad")
        try:
            self.unknown_id = self._special("unk")
        except ModelError:  # where bytes are spelled, nothing is unknown
            self.unknown_id = self.pad_id

    def _special(self, name: str) -> int:
        """Return the id of `<unk>`, `[UNK]` and the like."""
        spellings = (f"<{name}>", f"[{name.upper()}]", f"<|{name}|>")
        for spelling in (self._named.get(name, ""), *spellings):
            token = self._tokenizer.token_to_id(spelling)
            if token is not None:
                return int(token)
        raise ModelError(
            f"The tokenizer has no {name} token: looked for {', '.join(spellings)}. Name it as "
            f"{name}_token in tokenizer_config.json."
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
        return len(self.start) + len(self.end)

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
        return np.concatenate([self.start, ids, self.end])

    def pair(self, first: Ids, second: Ids) -> Ids:
        """Put special tokens around and between two texts."""
        return np.concatenate([self.before, first, self.between, second, self.after])

    def single_types(self, rows: Sequence[Ids]) -> Ragged | None:
        """Return the token types of rows that `single` made; None where all are 0."""
        around = self.num_special_in_single
        return self._types(self._single_types, [(len(row) - around,) for row in rows])

    def pair_types(self, rows: Sequence[Ids], second: Sequence[int]) -> Ragged | None:
        """Return the token types of rows that `pair` made; None where all are 0.

        Args:
            rows: with special tokens.
            second: where each row's second text starts.
        """
        front, back = len(self.before) + len(self.between), len(self.after)
        lengths = [(at - front, len(row) - at - back) for row, at in zip(rows, second, strict=True)]
        return self._types(self._pair_types, lengths)

    def _types(self, types: Sequence[Ids], lengths: Sequence[tuple[int, ...]]) -> Ragged | None:
        """Repeat the types of the texts as often as they have tokens."""
        if not self._has_types:
            return None
        values = np.concatenate(types)
        texts = np.cumsum([len(each) for each in types])[:-1:2]
        counts = np.ones((len(lengths), len(values)), dtype=np.int64)
        counts[:, texts] = np.array(lengths).reshape(len(lengths), len(texts))
        return Ragged.of([np.repeat(values, each) for each in counts])


def _around(encoding: Encoding) -> tuple[list[Ids], list[Ids]]:
    """Return what stands around the texts of a row: ids, and types, between these a text's one.

    Raises:
        ModelError: if the second text stands before the first.
    """
    ids, types = np.array(encoding.ids, np.int32), np.array(encoding.type_ids, np.int32)
    parts = encoding.sequence_ids
    num_texts = 1 + max(part for part in parts if part is not None)
    starts = [parts.index(text) for text in range(num_texts)]
    ends = [len(parts) - parts[::-1].index(text) for text in range(num_texts)]
    if sorted(starts) != starts:
        raise ModelError("The tokenizer puts the second text of a pair before the first.")
    special = [slice(*each) for each in zip([0, *ends], [*starts, len(parts)], strict=True)]
    found = [types[special[0]]]
    for start, behind in zip(starts, special[1:], strict=True):
        found += [types[start : start + 1], types[behind]]
    return [ids[each] for each in special], found


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
        return _loaded(file.read_bytes(), _settings_of(folder))
    except Exception as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(
            f"{file} could not be read as a fast tokenizer: {error}. Save one with "
            "AutoTokenizer.from_pretrained(…).save_pretrained(…)."
        ) from error


def tokenizer_digest(folder: Path) -> str:
    """Return a checksum of all that decides a folder's ids and types."""
    content = (folder / "tokenizer.json").read_bytes()
    return sha256(content + repr(_settings_of(folder)).encode()).hexdigest()


class _Settings(NamedTuple):
    """What a folder says of its tokenizer beside `tokenizer.json`, as transformers reads it.

    `bert` is whether BERT's class lowers case, strips accents and splits Han; None for another.
    """

    named: tuple[tuple[str, str], ...]
    with_types: bool
    bert: tuple[bool, bool | None, bool] | None


@lru_cache(maxsize=2)
def _loaded(content: bytes, settings: _Settings) -> TextEncoder:
    tokenizer = Tokenizer.from_buffer(content)
    if settings.bert is not None and isinstance(tokenizer.normalizer, BertNormalizer):
        lowercase, strip_accents, split_chinese = settings.bert
        tokenizer.normalizer = BertNormalizer(True, split_chinese, strip_accents, lowercase)
    return TextEncoder(tokenizer, dict(settings.named), with_types=settings.with_types)


def _settings_of(folder: Path) -> _Settings:
    settings = _json(folder / "tokenizer_config.json")
    named = {name: settings.get(f"{name}_token") for name in ("pad", "unk", "mask")}
    texts = ((name, t["content"] if isinstance(t, dict) else t) for name, t in named.items())
    return _Settings(
        named=tuple((name, text) for name, text in texts if isinstance(text, str)),
        with_types="token_type_ids" in settings.get("model_input_names", ["token_type_ids"]),
        bert=_bert_normalizer(folder, settings),
    )


def _bert_normalizer(
    folder: Path, settings: Mapping[str, Any]
) -> tuple[bool, bool | None, bool] | None:
    """Return what BERT's class makes of texts; see `_Settings`.

    Where a folder is of that class, transformers takes this from the settings and not from
    `tokenizer.json`.
    """
    family = settings.get("tokenizer_class") or _json(folder / "config.json").get("model_type")
    if str(family).lower().removesuffix("fast").removesuffix("tokenizer") not in _BERTS:
        return None
    return (
        settings.get("do_lower_case", True),
        settings.get("strip_accents"),
        settings.get("tokenize_chinese_chars", True),
    )


_BERTS = (
    "bert distilbert electra ernie layoutlm lxmert megatron-bert mobilebert mpnet nomic_bert "
    "squeezebert"
).split()
"""Families whose tokenizers are of that class, or make the same of texts."""


def _json(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    return found
