"""Words and character n-grams in any script, for rules that know no language."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from stiltwalk.metrics.neighbours import Vectors

_NUMBER = r"\d+(?:[.,'\u00a0\u2019\u202f\u066b\u066c]\d+)*"
# scripts without spaces between words: each character stands for a word
_SINGLE = "[\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
_TOKEN = re.compile(
    rf"{_NUMBER}|{_SINGLE}|(?:(?!{_SINGLE})[\w\u0300-\u036f\u064b-\u065f\u0900-\u0963\u0966-\u0dff])+|[^\w\s]"
)
_WIDTH = 1024


@dataclass(frozen=True, slots=True)
class Word:
    """A word, number or mark of a text, in lower case, and the characters it stands on."""

    text: str
    start: int
    end: int

    @property
    def is_mark(self) -> bool:
        """Whether it is punctuation or a symbol."""
        return not any(char.isalnum() for char in self.text)

    @property
    def is_number(self) -> bool:
        """Whether it is written in digits."""
        return self.text[0].isdigit()


def words(text: str) -> list[Word]:
    """Return the words of a text in any script, numbers whole, marks apart."""
    return [Word(m.group().casefold(), m.start(), m.end()) for m in _TOKEN.finditer(text)]


def character_vectors(foreign: Sequence[str], english: Sequence[str]) -> tuple[Vectors, Vectors]:
    """Return a vector per text whose cosine says how many rare character n-grams two share.

    N-grams of one to four characters are counted into hashed cells, each weighted by how few
    texts of both sides have it. Both sides go in together, so that the weights are the same.

    Args:
        foreign: N texts.
        english: M texts.

    Returns:
        Two float32 matrices of shapes (N, D) and (M, D), no row of which is zero.
    """
    count_TD = np.zeros((len(foreign) + len(english), _WIDTH), np.float32)
    for row, text in enumerate((*foreign, *english)):
        np.add.at(count_TD[row], _cells(text), 1.0)
    frequency_D = (count_TD > 0).sum(axis=0)
    weight_D = np.log((1 + len(count_TD)) / (1 + frequency_D)).astype(np.float32)
    vector_TD = np.sqrt(count_TD) * weight_D
    vector_TD[:, 0] += 1e-3  # an empty text needs a direction too
    return vector_TD[: len(foreign)], vector_TD[len(foreign) :]


def _cells(text: str) -> list[int]:
    """Return the hashed cell of each n-gram of a text, the same on every machine."""
    folded = f" {' '.join(text.casefold().split())} "
    return [
        crc32(folded[start : start + n].encode()) % _WIDTH
        for n in (1, 2, 3, 4)
        for start in range(len(folded) - n + 1)
    ]
