"""Tagged sentences → rows that lose no word, and back.

Source: XTREME's `utils_tag.py`: a sentence over the limit is split before the word that would
pass it, and a word that is empty or alone too long is shown as unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from stiltwalk.features.ragged import Ragged
from stiltwalk.features.rows import Features
from stiltwalk.features.text import Ids, TextEncoder
from stiltwalk.records import TaggedExample

NO_LABEL = -100


def tagging_features(
    examples: Sequence[TaggedExample],
    encoder: TextEncoder,
    label_ids: Mapping[str, int],
    max_length_tokens: int,
) -> Features:
    """Return one row per sentence, more for a long one; words are tokenised alone.

    A tag that is not in `label_ids` (a supertag that no training row has) teaches nothing.
    """
    budget = max_length_tokens - len(encoder.between) - 1
    known = _words(examples, encoder, budget)
    rows, words, labels, origin = [], [], [], []
    for number, example in enumerate(examples):
        for start, end in _pieces([len(known[word]) for word in example.words], budget):
            pieces = [known[word] for word in example.words[start:end]]
            lengths = [len(encoder.before), *(len(piece) for piece in pieces[:-1])]
            words.append(np.cumsum(lengths))
            rows.append(encoder.single(np.concatenate(pieces)))
            labels.append([label_ids.get(tag, NO_LABEL) for tag in example.tags[start:end]])
            origin.append(number)
    return Features(
        ids=Ragged.of(rows),
        second=np.array([len(row) for row in rows], dtype=np.int32),
        example=np.array(origin, dtype=np.int64),
        labels=Ragged.of(labels),
        words=Ragged.of(words),
    )


def joined_tags(
    tags: Sequence[Sequence[str]], features: Features, num_examples: int
) -> list[tuple[str, ...]]:
    """Put the tags of a sentence's rows together again, one tuple per sentence."""
    joined: list[list[str]] = [[] for _ in range(num_examples)]
    for row, example in enumerate(features.example):
        joined[example].extend(tags[row])
    return [tuple(sentence) for sentence in joined]


def _words(examples: Sequence[TaggedExample], encoder: TextEncoder, budget: int) -> dict[str, Ids]:
    """Return the ids of every distinct word."""
    unknown = np.array([encoder.unknown_id], dtype=np.int32)
    distinct = list(dict.fromkeys(word for example in examples for word in example.words))
    return {
        word: ids if 0 < len(ids) <= budget else unknown
        for word, ids in zip(distinct, encoder.ids(distinct), strict=True)
    }


def _pieces(lengths: Sequence[int], budget: int) -> Iterator[tuple[int, int]]:
    """Yield [start, end) of the stretches of words that fit the budget, in order."""
    start = filled = 0
    for position, length in enumerate(lengths):
        if filled + length > budget:
            yield start, position
            start, filled = position, 0
        filled += length
    if lengths:
        yield start, len(lengths)
