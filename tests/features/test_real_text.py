"""XLM-R's real tokenizer on real rows: what a model is fed says what the rows say.

"The text" is what the tokenizer's own normaliser leaves of it (NFKC with a few rules of
SentencePiece), with single spaces between words; a character that the vocabulary lacks reads back
as `<unk>`. Languages are chosen for their scripts: three per task, of those that the task has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from real_rows import A_FEW_ROWS, THREE_SCRIPTS, TOKENIZER, real_source, rows_of
from stiltwalk.data.source import DataSource
from stiltwalk.features.rows import Features
from stiltwalk.features.sentences import line_features
from stiltwalk.features.spans import MAX_QUESTION_TOKENS, WINDOW_STEP_TOKENS
from stiltwalk.features.text import TextEncoder, load_text_encoder
from stiltwalk.heads import head_of
from stiltwalk.records import (
    ChoiceExample,
    Example,
    PairExample,
    SpanExample,
    Split,
    TaggedExample,
    TaskType,
)
from stiltwalk.tasks import INTERMEDIATE, TARGETS, TASKS
from stiltwalk.tasks.load import bitext
from stiltwalk.tasks.sources import available_languages

pytestmark = pytest.mark.real


class Reader:
    """Turns ids back into text, and text into what should come back."""

    def __init__(self, folder: Path) -> None:
        """Use a tokenizer of its own, loaded from a folder."""
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))

    def text(self, ids: Sequence[int]) -> str:
        """Return what ids say."""
        decoded: str = self._tokenizer.decode(list(ids), skip_special_tokens=False)
        return _single_spaces(decoded)

    def expected(self, text: str) -> str:
        """Return what should be left of a text."""
        return _single_spaces(self._tokenizer.normalizer.normalize_str(text))

    def says(self, ids: Sequence[int], text: str) -> bool:
        """Tell whether ids say a text, `<unk>` standing for whatever the vocabulary lacks."""
        found, expected = self.text(ids), self.expected(text)
        if found == expected:
            return True
        parts = (re.escape(part.strip()) for part in found.split("<unk>"))
        return "<unk>" in found and re.fullmatch(r"\s*\S.*?".join(parts), expected) is not None


Tools = tuple[TextEncoder, Reader]


def _single_spaces(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture(scope="module")
def source(real: Path) -> DataSource:
    return real_source(real)


@pytest.fixture(scope="module")
def encoder(real: Path) -> TextEncoder:
    return load_text_encoder(real / TOKENIZER)


@pytest.fixture(scope="module")
def reader(real: Path) -> Reader:
    return Reader(real / TOKENIZER)


@pytest.fixture(scope="module")
def tools(encoder: TextEncoder, reader: Reader) -> Tools:
    return encoder, reader


def texts_of(row: Example) -> list[tuple[str, str]]:
    """Return first and second text of every row that an example becomes."""
    match row:
        case PairExample():
            return [(row.text_a, row.text_b)]
        case ChoiceExample():
            return [(row.prompt, choice) for choice in row.choices]
        case _:
            raise AssertionError(row)


def both_ids(features: Features, row: int, encoder: TextEncoder) -> tuple[list[int], list[int]]:
    """Cut a row where its second text starts, and take the special tokens off."""
    ids, second = features.ids[row].tolist(), int(features.second[row])
    first = ids[len(encoder.before) : second - len(encoder.between)]
    rest = ids[second : len(ids) - len(encoder.after)]
    assert encoder.pair(first, rest).tolist() == ids
    return first, rest


def check_pairs(rows: Sequence[Example], features: Features, tools: Tools) -> int:
    """Check rows of two texts; return how many were whole."""
    encoder, reader = tools
    limit, whole = int(features.ids.lengths.max()), 0
    for row, (text_a, text_b) in enumerate(pair for each in rows for pair in texts_of(each)):
        first, second = both_ids(features, row, encoder)
        ids_a, ids_b = (each.tolist() for each in encoder.ids([text_a, text_b]))
        if len(features.ids[row]) < limit or (len(first), len(second)) == (len(ids_a), len(ids_b)):
            assert reader.says(first, text_a), text_a
            assert reader.says(second, text_b), text_b
            whole += 1
            continue
        keeps_end = isinstance(rows[0], ChoiceExample)
        assert first == (ids_a[-len(first) :] if keeps_end else ids_a[: len(first)])
        assert second == ids_b[: len(second)]
    return whole


def check_lines(lines: Sequence[str], features: Features, tools: Tools) -> None:
    """Check that each row says its line."""
    encoder, reader = tools
    for row, line in enumerate(lines):
        ids = features.ids[row].tolist()
        inside = ids[len(encoder.before) : len(ids) - len(encoder.after)]
        assert encoder.single(inside).tolist() == ids
        assert reader.says(inside, line), line


def check_words(rows: Sequence[TaggedExample], features: Features, tools: Tools) -> None:
    """Check that each word of each row says itself."""
    encoder, reader = tools
    assert features.words is not None
    words = iter([word for example in rows for word in example.words])
    for row in range(features.num_rows):
        ids = features.ids[row].tolist()
        ends = [*features.words[row].tolist()[1:], len(ids) - len(encoder.after)]
        for start, end in zip(features.words[row].tolist(), ends, strict=True):
            word = next(words)
            if ids[start:end] != [encoder.unknown_id]:
                assert reader.says(ids[start:end], word), word
    assert next(words, None) is None


def windows_of(features: Features) -> Iterator[tuple[int, list[int]]]:
    """Yield each example's number and its rows."""
    borders = np.flatnonzero(np.diff(features.example)) + 1
    for rows in np.split(np.arange(features.num_rows), borders):
        yield int(features.example[rows[0]]), rows.tolist()


def check_windows(rows: Sequence[SpanExample], features: Features, tools: Tools) -> None:
    """Check that questions are whole or cut at 64 tokens, and windows together say the context."""
    encoder, reader = tools
    seen = 0
    for number, windows in windows_of(features):
        example, context = rows[number], []
        for place, row in enumerate(windows):
            question, window = both_ids(features, row, encoder)
            assert len(question) == MAX_QUESTION_TOKENS or reader.says(question, example.question)
            start = place * WINDOW_STEP_TOKENS
            overlap = context[start:]
            assert overlap == window[: len(overlap)]
            context[start:] = window
        assert reader.says(context, example.context), example.id
        seen += 1
    assert seen == len(rows)


def check_decoding(
    source: DataSource, tools: Tools, name: str, which: tuple[Sequence[str], int | None]
) -> None:
    """Check that the features of a task say what its rows say, in some languages, so many rows."""
    task, (encoder, _), (languages, most) = TASKS[name], tools, which
    if task.task_type is TaskType.RETRIEVAL:
        for language in languages:
            sides = bitext(task, source, Split.TEST, language, most)
            lines = [sentence.text for sentence in (*sides.foreign, *sides.english)]
            check_lines(lines, line_features(lines, encoder, task.max_length_tokens), tools)
        return
    rows = rows_of(source, name, languages, most)
    features = head_of(task.task_type).features(rows, encoder, task.labels, task.max_length_tokens)
    match task.task_type:
        case TaskType.TAGGING:
            check_words(rows, features, tools)  # type: ignore[arg-type]
        case TaskType.SPAN:
            check_windows(rows, features, tools)  # type: ignore[arg-type]
        case _:
            whole = check_pairs(rows, features, tools)
            assert whole > 0.95 * features.num_rows


@pytest.mark.parametrize("name", [*INTERMEDIATE, *TARGETS])
def test_decoding_the_features_gives_back_the_text(
    source: DataSource, tools: Tools, name: str
) -> None:
    languages = THREE_SCRIPTS.get(name, "en").split()
    check_decoding(source, tools, name, (languages, A_FEW_ROWS))


@pytest.mark.slow
@pytest.mark.parametrize("name", [*INTERMEDIATE, *TARGETS])
def test_decoding_gives_back_every_row_in_every_language(
    source: DataSource, tools: Tools, name: str
) -> None:
    is_target = name in TARGETS
    languages = available_languages(TASKS[name], source) if is_target else ("en",)
    check_decoding(source, tools, name, (languages, None))
