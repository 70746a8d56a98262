"""Rows that are trained on beside the English ones: translations of them, and text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle, islice

from stiltwalk.config.beside import MaskedText
from stiltwalk.data.by_language import ByLanguage, num_texts, texts
from stiltwalk.errors import DataError
from stiltwalk.features.sentences import line_features
from stiltwalk.features.text import TextEncoder
from stiltwalk.kinds.masked import MaskedKind
from stiltwalk.records import Example
from stiltwalk.train.learner import TaskRows, TrainRows
from stiltwalk.train.mixing import texts_per_language


def translated_rows(
    english: TaskRows,
    examples: Sequence[Example],
    language: str,
    encoder: TextEncoder,
    max_length_tokens: int,
) -> TrainRows:
    """Return a task's rows in another language, for the head of its English rows.

    Raises:
        DataError: if there are none.
    """
    name = f"{english.name} in {language}"
    if not examples:
        raise DataError(f"{name}: there are no translated rows; leave the language out.")
    train = english.kind.features(examples, encoder, english.labels, max_length_tokens)
    return TrainRows(name=name, kind=english.kind, train=train)


def text_rows(
    where: ByLanguage,
    languages: Sequence[str],
    settings: MaskedText,
    encoder: TextEncoder,
    num_lines: int,
) -> TrainRows:
    """Return lines of text, as many of each language as its share says.

    The first lines of each language are taken; where it has too few they are repeated.

    Args:
        where: the text.
        languages: those to be read.
        settings: shares, lengths, masking; where the text is may be left out of it.
        encoder: the checkpoint's tokenizer.
        num_lines: of all languages together.

    Raises:
        DataError: if a language has no text.
    """
    sizes = [num_texts(where, language) for language in languages]
    counts = texts_per_language(sizes, settings.exponent, num_lines)
    lines = [
        line
        for language, count in zip(languages, counts, strict=True)
        for line in _lines(where, language, count)
    ]
    kind = MaskedKind(encoder, settings.mask_share)
    features = line_features(lines, encoder, settings.max_length_tokens)
    return TrainRows(name="mlm", kind=kind, train=kind.labelled(features))


def _lines(where: ByLanguage, language: str, count: int) -> Iterator[str]:
    found = list(islice(texts(where, language), count))
    if count and not found:
        raise DataError(f"{where.place} holds no text in '{language}': leave the language out.")
    return islice(cycle(found), count)
