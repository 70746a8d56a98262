"""Pairs, choices and single lines → rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from stiltwalk.errors import DataError
from stiltwalk.features.ragged import Ragged
from stiltwalk.features.rows import Features
from stiltwalk.features.text import TextEncoder, fit_pair
from stiltwalk.records import ChoiceExample, PairExample, TextExample


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
    return Features(
        ids=Ragged.of([encoder.pair(a, b) for a, b in fitted]),
        second=np.array([start + len(a) for a, _ in fitted], dtype=np.int32),
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
        example=np.arange(len(texts)),
        labels=Ragged.of([[]] * len(rows)),
    )
