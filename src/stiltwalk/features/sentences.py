"""Pairs, choices, lines and tagged sentences → rows; a cloze's words → ids.

Tagged sentences → rows that lose no word, and back.

Source: XTREME's `utils_tag.py`: a sentence over the limit is split before the word that would
pass it, and a word that is empty or alone too long is shown as unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from stiltwalk.errors import DataError
from stiltwalk.features.rows import Features, Ragged
from stiltwalk.features.text import Ids, TextEncoder, fit_pair
from stiltwalk.records import ChoiceExample, PairExample, TaggedExample, TextExample
from stiltwalk.tasks.clozes import Cloze


def pair_features(
    examples: Sequence[PairExample],
    encoder: TextEncoder,
    label_ids: Mapping[str, int],
    max_length_tokens: int,
) -> Features:
    """Return one row per pair, the longer text cut first."""
    room = max_length_tokens - encoder.num_special_in_pair
    first = encoder.ids([example.text_a for example in examples])
    second = encoder.ids([example.text_b for example in examples])
    fitted = [fit_pair(a, b, room) for a, b in zip(first, second, strict=True)]
    start = len(encoder.before) + len(encoder.between)
    rows, seconds = [encoder.pair(a, b) for a, b in fitted], [start + len(a) for a, _ in fitted]
    return Features(
        ids=Ragged.of(rows),
        second=np.array(seconds, dtype=np.int32),
        types=encoder.pair_types(rows, seconds),
        example=np.arange(len(examples)),
        labels=Ragged.of([[label_ids[example.label]] for example in examples]),
    )


def text_features(
    examples: Sequence[TextExample],
    encoder: TextEncoder,
    label_ids: Mapping[str, int],
    max_length_tokens: int,
) -> Features:
    """Return one row per text, cut at its end."""
    rows = line_features([example.text for example in examples], encoder, max_length_tokens)
    return replace(rows, labels=Ragged.of([[label_ids[each.label]] for each in examples]))


def choice_features(
    examples: Sequence[ChoiceExample], encoder: TextEncoder, max_length_tokens: int
) -> Features:
    """Return one row per choice: the end of the prompt that fits, then the choice.

    Raises:
        DataError: if examples differ in their number of choices.
    """
    num_choices = len(examples[0].choices) if examples else 1
    odd = next((e for e in examples if len(e.choices) != num_choices), None)
    if odd is not None:
        raise DataError(
            f"Example {odd.id} has {len(odd.choices)} choices where the first has {num_choices}: "
            "every example of a task needs the same number."
        )
    room = max_length_tokens - encoder.num_special_in_pair
    prompts = encoder.ids([example.prompt for example in examples])
    choices = encoder.ids([choice for example in examples for choice in example.choices])
    start = len(encoder.before) + len(encoder.between)
    rows, seconds = [], []
    for row, choice in enumerate(choices):
        kept = choice[: max(room - 1, 1)]
        prompt = prompts[row // num_choices][-max(room - len(kept), 1) :]
        rows.append(encoder.pair(prompt, kept))
        seconds.append(start + len(prompt))
    return Features(
        ids=Ragged.of(rows),
        second=np.array(seconds, dtype=np.int32),
        types=encoder.pair_types(rows, seconds),
        example=np.repeat(np.arange(len(examples)), num_choices),
        labels=Ragged.of([[int(example.label)] for example in examples]),
        rows_per_unit=num_choices,
    )


def line_features(texts: Sequence[str], encoder: TextEncoder, max_length_tokens: int) -> Features:
    """Return one row per line, cut at its end."""
    room = max_length_tokens - encoder.num_special_in_single
    rows = [encoder.single(ids[:room]) for ids in encoder.ids(texts)]
    return Features(
        ids=Ragged.of(rows),
        second=np.array([len(row) for row in rows], dtype=np.int32),
        types=encoder.single_types(rows),
        example=np.arange(len(texts)),
        labels=Ragged.of([[]] * len(rows)),
    )


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
    budget = max_length_tokens - max(len(encoder.between) + 1, encoder.num_special_in_single)
    known = _words(examples, encoder, budget)
    rows, words, labels, origin = [], [], [], []
    for number, example in enumerate(examples):
        for start, end in _pieces([len(known[word]) for word in example.words], budget):
            pieces = [known[word] for word in example.words[start:end]]
            lengths = [len(encoder.start), *(len(piece) for piece in pieces[:-1])]
            words.append(np.cumsum(lengths))
            rows.append(encoder.single(np.concatenate(pieces)))
            labels.append([label_ids.get(tag, NO_LABEL) for tag in example.tags[start:end]])
            origin.append(number)
    return Features(
        ids=Ragged.of(rows),
        second=np.array([len(row) for row in rows], dtype=np.int32),
        types=encoder.single_types(rows),
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


def label_ids(cloze: Cloze, encoder: TextEncoder) -> list[list[Ids]]:
    """Return per class the ids of each of its words.

    Raises:
        DataError: if the vocabulary spells one of them with no token, or with unknown ones alone.
    """
    silent = [encoder.unknown_id, *encoder.ids(["\N{LOWER ONE EIGHTH BLOCK}"])[0]]
    found = []
    for label, words in cloze.label_words:
        spelled = encoder.ids(words)
        for word, ids in zip(words, spelled, strict=True):
            if np.isin(ids, silent).all():  # the sign for a word's start says nothing; nor do none
                raise DataError(
                    f"The word {word!r} for the class {label!r} has no token in the model's "
                    "vocabulary. Name the class by another one, in the recipe's own `clozes`."
                )
        found.append(spelled)
    return found
