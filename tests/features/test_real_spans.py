"""XLM-R's real tokenizer on real rows: answers and tags come back from what a model is fed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal
from unicodedata import normalize

import numpy as np
import pytest

from real_rows import A_FEW_ROWS, THREE_SCRIPTS, TOKENIZER, real_source, rows_of
from stiltwalk.data.source import DataSource
from stiltwalk.features.sentences import joined_tags, tagging_features
from stiltwalk.features.spans import (
    MAX_QUESTION_TOKENS,
    WINDOW_STEP_TOKENS,
    answers_of,
    span_features,
)
from stiltwalk.features.text import TextEncoder, load_text_encoder
from stiltwalk.records import Answer, SpanExample
from stiltwalk.tasks import TARGETS, TASKS
from stiltwalk.tasks.sources import available_languages

pytestmark = pytest.mark.real

SPAN_TASKS = ("squad_v1", "squad_v2", "xquad", "mlqa", "tydiqa")
LIMIT = 384


@pytest.fixture(scope="module")
def source(real: Path) -> DataSource:
    return real_source(real)


@pytest.fixture(scope="module")
def encoder(real: Path) -> TextEncoder:
    return load_text_encoder(real / TOKENIZER)


def check_answers(rows: Sequence[SpanExample], encoder: TextEncoder) -> tuple[int, int]:
    """Take every gold span from text to window to span and back.

    An answer whose borders lie inside a token comes back with the rest of that token, and never
    with more: no span of tokens says less.

    Returns:
        How many spans came back, and how many of them to the letter.
    """
    features = span_features(rows, encoder, LIMIT)
    offsets, spans = encoder.ids_and_offsets([row.context for row in rows]), 0
    exact, survived = 0, set()
    for row, number in enumerate(features.example.tolist()):
        first, last = features.labels[row].tolist()
        if (first, last) == (0, 0):
            continue
        example, gold = rows[number], rows[number].answers[0]
        borders = features.offsets[row][[first, last]]  # type: ignore[index]
        found = np.array([(0.0, 0.0, 0.0), (1.0, borders[0, 0], borders[1, 1])])
        window = replace(features.between(0, 1), example=np.zeros(1, np.int64))
        text = answers_of([found], window, [example])[0][example.id]
        wanted = gold.text.strip()
        start = gold.start + gold.text.index(wanted)
        assert wanted in text, example.id
        if text != wanted:
            assert borders[0, 0] <= start < borders[0, 1], example.id
            assert borders[1, 0] < start + len(wanted) <= borders[1, 1], example.id
        survived.add(number)
        spans, exact = spans + 1, exact + (text == wanted)
    room = LIMIT - MAX_QUESTION_TOKENS - encoder.num_special_in_pair - WINDOW_STEP_TOKENS
    for number, (example, (_, covered)) in enumerate(zip(rows, offsets, strict=True)):
        if example.answers and number not in survived:
            gold = example.answers[0]
            end = gold.start + len(gold.text)
            touched = np.count_nonzero((covered[:, 1] > gold.start) & (covered[:, 0] < end))
            assert touched > room, f"{example.id} lies inside a window and was lost"
    return spans, exact


@pytest.mark.parametrize("name", SPAN_TASKS)
def test_every_gold_span_survives_text_window_span_text(
    source: DataSource, encoder: TextEncoder, name: str
) -> None:
    for language in THREE_SCRIPTS.get(name, "en").split():
        rows = rows_of(source, name, [language], A_FEW_ROWS)
        spans, exact = check_answers(rows, encoder)  # type: ignore[arg-type]
        assert spans > 0
        assert exact > 0.75 * spans


def in_form(example: SpanExample, form: Literal["NFC", "NFD"]) -> SpanExample:
    """Return a question whose text is composed, or decomposed."""
    context = normalize(form, example.context)
    answers = tuple(
        Answer(normalize(form, each.text), len(normalize(form, example.context[: each.start])))
        for each in example.answers
    )
    assert all(context.startswith(each.text, each.start) for each in answers)
    return replace(example, context=context, answers=answers)


@pytest.mark.parametrize("language", ["ko", "bn", "te"])
def test_as_many_answers_come_back_decomposed_as_composed(
    source: DataSource, encoder: TextEncoder, language: str
) -> None:
    rows = rows_of(source, "tydiqa", [language], A_FEW_ROWS)
    composed = [in_form(row, "NFC") for row in rows]  # type: ignore[arg-type]
    decomposed = [in_form(row, "NFD") for row in rows]  # type: ignore[arg-type]
    assert check_answers(decomposed, encoder) == check_answers(composed, encoder)


@pytest.mark.slow
@pytest.mark.parametrize("name", SPAN_TASKS)
def test_every_gold_span_survives_in_every_language(
    source: DataSource, encoder: TextEncoder, name: str
) -> None:
    languages = available_languages(TASKS[name], source) if name in TARGETS else ("en",)
    for language in languages:
        spans, exact = check_answers(rows_of(source, name, [language], None), encoder)  # type: ignore[arg-type]
        print(f"{name} {language}: {spans} spans, {exact} to the letter")  # noqa: T201 - figures


@pytest.mark.parametrize("limit", [128, 32])
@pytest.mark.parametrize("name", ["panx", "udpos"])
def test_tags_in_are_tags_out_in_every_language(
    source: DataSource, encoder: TextEncoder, name: str, limit: int
) -> None:
    task = TASKS[name]
    tag_ids = {tag: number for number, tag in enumerate(task.labels)}
    for language in available_languages(task, source):
        rows = rows_of(source, name, [language], None)
        features = tagging_features(rows, encoder, tag_ids, limit)  # type: ignore[arg-type]
        assert features.words is not None
        assert features.ids.lengths.max() <= limit
        assert features.words.lengths.tolist() == features.labels.lengths.tolist()
        out = joined_tags(
            [[task.labels[tag] for tag in row] for row in features.labels], features, len(rows)
        )
        assert out == [row.tags for row in rows]  # type: ignore[union-attr]
