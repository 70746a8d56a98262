"""Tests for stiltwalk.features.spans."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal
from unicodedata import normalize

import numpy as np
import pytest
import regex  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

import tiny
from stiltwalk.errors import RecipeError
from stiltwalk.features.rows import Features
from stiltwalk.features.spans import (
    MAX_ANSWER_TOKENS,
    MAX_QUESTION_TOKENS,
    NUM_BEST,
    WINDOW_STEP_TOKENS,
    answers_of,
    best_spans,
    most_context,
    span_features,
)
from stiltwalk.features.text import TextEncoder
from stiltwalk.records import Answer, SpanExample

XLMR = TextEncoder(tiny.xlmr_tokenizer())
BERT = TextEncoder(tiny.bert_tokenizer())
GRAPHEMES = (
    "한 국 각 কো মৌ கொ ஸ்ரீ ｶﾞ ﾊﾟ ガ é ấ ạ̇ ą̊ k͏̈ x⃣ क्षि கௌ กำ သို့ שָּׁ ﷺ ﬁ ½ ศ "
    "가\u200c a\u0307\u0323 👩\u200d👩\u200d👧 🇫🇷 ❤️ 👍🏽"
).split()
"""One seen letter each, in one character or several."""
PIECES = "Paris Tokyo 韩国、 德国 Россия километров الاثنين، สวัสดี 84 hours, 😀 é e\u0301 ﬁ".split()
contexts = st.lists(st.sampled_from(PIECES), min_size=1, max_size=30).map(" ".join)
long_contexts = st.lists(st.sampled_from(PIECES), max_size=400).map(" ".join)
either = st.sampled_from([XLMR, BERT])


def asked(context: str, *answers: Answer, question: str = "Which country?") -> SpanExample:
    return SpanExample("q", question, context, answers)


def best_of(start_T: Any, end_T: Any, features: Features) -> Any:  # noqa: ANN401
    """Return the best spans of the first window."""
    assert features.offsets is not None
    assert features.answer_starts is not None
    return best_spans(start_T, end_T, features.offsets[0], features.answer_starts[0])


@given(long_contexts, either, st.integers(40, 300))
def test_windows_cover_every_token_and_start_128_after_one_another(
    context: str, encoder: TextEncoder, limit: int
) -> None:
    features = span_features([asked(context)], encoder, limit)
    assert features.offsets is not None
    whole, offsets = encoder.ids_and_offsets([context])[0]
    question = encoder.ids(["Which country?"])[0]
    room = limit - len(question) - encoder.num_special_in_pair
    step = min(WINDOW_STEP_TOKENS, room)
    for row, ids in enumerate(features.ids):
        start = row * step
        window = whole[start : start + room]
        assert ids.tolist() == encoder.pair(question, window).tolist()
        inside = features.offsets[row][features.offsets[row][:, 0] >= 0]
        assert inside.tolist() == offsets[start : start + room].tolist()
    last = (features.num_rows - 1) * step
    assert last + room >= len(whole)
    assert features.num_rows == 1 or last - step + room < len(whole)
    assert features.ids.lengths.max() <= limit


def test_a_question_is_cut_at_64_tokens() -> None:
    features = span_features([asked("Paris", question="hours " * 200)], XLMR, 384)
    assert features.second[0] == 1 + MAX_QUESTION_TOKENS + 2


@given(contexts, st.data(), either)
def test_a_gold_span_s_characters_hold_the_answer_and_no_token_too_many(
    context: str, data: st.DataObject, encoder: TextEncoder
) -> None:
    start = data.draw(st.integers(0, len(context) - 1))
    end = data.draw(st.integers(start + 1, len(context)))
    example = asked(context, Answer(context[start:end], start))
    features = span_features([example], encoder, 1000)
    assert features.offsets is not None
    first, last = features.labels[0]
    whole = encoder.ids_and_offsets([context])[0][1]
    touched = [(b, e) for b, e in whole.tolist() if e > start and b < end]
    if not touched:
        assert (first, last) == (0, 0)
        return
    assert features.offsets[0][first : last + 1].tolist() == [list(pair) for pair in touched]
    covered = context[touched[0][0] : touched[-1][1]]
    assert set(context[start:end].strip()) <= set(covered) | {" "}


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=12), st.data(), either)
def test_an_answer_of_whole_words_comes_back_as_it_was(
    pieces: list[str], data: st.DataObject, encoder: TextEncoder
) -> None:
    first = data.draw(st.integers(0, len(pieces) - 1))
    last = data.draw(st.integers(first, len(pieces) - 1))
    context = " ".join(pieces)
    text = " ".join(pieces[first : last + 1])
    start = len(" ".join(pieces[:first])) + (1 if first else 0)
    features = span_features([asked(context, Answer(text, start))], encoder, 1000)
    assert features.offsets is not None
    begin_token, end_token = features.labels[0]
    if end_token - begin_token >= MAX_ANSWER_TOKENS:
        return
    width = features.ids.lengths[0]
    starts, ends = np.zeros(width, np.float32), np.zeros(width, np.float32)
    starts[begin_token], ends[end_token] = 9, 9
    found = [best_of(starts, ends, features)]
    assert answers_of(found, features, [asked(context)])[0] == {"q": text}


def read_back(example: SpanExample, encoder: TextEncoder) -> str:
    """Return the answer of a model that points at the gold tokens."""
    features = span_features([example], encoder, 2000)
    assert features.offsets is not None
    first, last = features.offsets[0][features.labels[0]].tolist()
    spans = [np.array([[0.0, 0, 0], [1.0, first[0], last[1]]])]
    return answers_of(spans, features, [example])[0]["q"]


words = st.lists(
    st.sampled_from(GRAPHEMES) | st.text(st.characters(categories="LMN"), min_size=1, max_size=3),
    min_size=1,
    max_size=4,
).map("".join)
Form = Literal["NFC", "NFD"]
forms: st.SearchStrategy[Form] = st.sampled_from(["NFC", "NFD"])


@given(st.lists(words, min_size=1, max_size=6), st.data(), forms, either)
def test_gold_words_come_back_to_the_letter_composed_or_not(
    pieces: list[str], data: st.DataObject, form: Form, encoder: TextEncoder
) -> None:
    pieces = [normalize(form, f"a{piece}") for piece in pieces]
    at = data.draw(st.integers(0, len(pieces) - 1))
    start = sum(len(piece) + 1 for piece in pieces[:at])
    gold = Answer(pieces[at], start)
    assert read_back(asked(" ".join(pieces), gold), encoder) == gold.text


@given(st.lists(st.sampled_from(GRAPHEMES), min_size=1, max_size=8), st.data(), forms, either)
def test_an_answer_never_ends_within_a_grapheme(
    pieces: list[str], data: st.DataObject, form: Form, encoder: TextEncoder
) -> None:
    context = normalize(form, "".join(pieces))
    start = data.draw(st.integers(0, len(context) - 1))
    end = data.draw(st.integers(start + 1, len(context)))
    found = read_back(asked(context, Answer(context[start:end], start)), encoder)
    borders = {0, *(each.end() for each in regex.finditer(r"\X", context))}
    assert found in {context[a:b] for a in borders for b in borders if a <= b}


def test_an_answer_outside_a_window_points_at_the_first_token() -> None:
    context = "hours " * 300 + "Paris"
    features = span_features([asked(context, Answer("Paris", len(context) - 5))], XLMR, 200)
    assert features.num_rows > 1
    labels = [tuple(row.tolist()) for row in features.labels]
    assert labels[0] == (0, 0)
    assert labels[-1] != (0, 0)


def test_an_answer_that_a_window_cuts_in_two_is_outside_it() -> None:
    one, question = len(XLMR.ids(["hours"])[0]), len(XLMR.ids(["Which country?"])[0])
    answer_len = len(XLMR.ids(["Paris Tokyo"])[0])
    before = 150 // one
    context = "hours " * before + "Paris Tokyo" + " hours" * 100
    limit = question + 4 + before * one + answer_len - 1  # the first window ends inside the answer
    features = span_features([asked(context, Answer("Paris Tokyo", before * 6))], XLMR, limit)
    assert features.labels[0].tolist() == [0, 0]
    assert any(row.tolist() != [0, 0] for row in features.labels)


def test_a_question_without_an_answer_points_at_the_first_token() -> None:
    assert span_features([asked("Paris")], XLMR, 64).labels[0].tolist() == [0, 0]


def test_the_first_gold_answer_alone_is_learned() -> None:
    features = span_features(
        [asked("Paris Tokyo", Answer("Tokyo", 6), Answer("Paris", 0))], XLMR, 64
    )
    assert features.offsets is not None
    assert features.offsets[0][features.labels[0][1]].tolist()[1] == len("Paris Tokyo")


def test_windows_of_several_questions_name_their_example() -> None:
    features = span_features([asked("hours " * 300), asked("Paris")], XLMR, 200)
    assert features.example.tolist() == sorted(features.example.tolist())
    assert features.example[-1] == 1
    assert all(b - a in (0, 1) for a, b in pairwise(features.example.tolist()))


def test_an_empty_context_is_one_window_without_an_answer() -> None:
    features = span_features([asked("")], XLMR, 64)
    assert features.offsets is not None
    width = features.ids.lengths[0]
    found = [best_of(np.zeros(width), np.zeros(width), features)]
    assert answers_of(found, features, [asked("")])[0] == {"q": ""}


@given(st.integers(0, 900), st.integers(129, 400))
def test_an_answer_starts_in_the_window_that_shows_most_around_it(
    num_tokens: int, room: int
) -> None:
    starts = [0]
    while starts[-1] + room < num_tokens:
        starts.append(starts[-1] + WINDOW_STEP_TOKENS)
    found = most_context(starts, room, num_tokens).tolist()
    counted = [window for window, (first, end) in enumerate(found) for _ in range(first, end)]
    assert counted == [window_of(at, starts, room, num_tokens) for at in range(num_tokens)]


def window_of(at: int, starts: Sequence[int], room: int, num_tokens: int) -> int:
    """Return where a token has its maximum context, window by window as in the scripts."""
    best, best_context = -1, -1.0
    for window, start in enumerate(starts):
        length = min(room, num_tokens - start)
        if start <= at < start + length:
            context = min(at - start, start + length - 1 - at) + 0.01 * length
            if context > best_context:
                best, best_context = window, context
    return best


@given(long_contexts, either, st.integers(180, 384))
def test_every_token_of_a_context_counts_in_one_window(
    context: str, encoder: TextEncoder, limit: int
) -> None:
    features = span_features([asked(context)], encoder, limit)
    assert features.answer_starts is not None
    assert features.offsets is not None
    counted = [
        tuple(features.offsets[row][at].tolist())
        for row, (first, end) in enumerate(features.answer_starts)
        for at in range(first, end)
    ]
    assert counted == [tuple(pair) for pair in encoder.ids_and_offsets([context])[0][1].tolist()]


def test_a_better_span_is_skipped_where_another_window_shows_its_start_better() -> None:
    offsets = np.array([(-1, -1), (0, 5), (6, 11), (12, 17)], np.int32)
    start, end = np.array([0, 9, 1, 2], np.float32), np.array([0, 9, 1, 2], np.float32)
    assert best_spans(start, end, offsets, np.array([1, 4]))[1].tolist() == [18, 0, 5]
    assert best_spans(start, end, offsets, np.array([2, 4]))[1].tolist() == [4, 12, 17]
    assert len(best_spans(start, end, offsets, np.array([1, 1]))) == 1


@given(st.integers(0, 2**32 - 1), st.integers(1, 50), st.integers(5, 30), st.integers(0, 50))
def test_the_best_span_is_the_best_allowed_one(
    seed: int, tokens: int, from_token: int, num_starts: int
) -> None:
    rng = np.random.default_rng(seed)
    start, end = rng.normal(size=(2, tokens + 6)).astype(np.float32)
    offsets = np.full((tokens + 6, 2), -1, np.int32)
    offsets[5:-1] = [(2 * at, 2 * at + 2) for at in range(tokens)]
    best_starts = sorted(range(5, tokens + 5), key=lambda at: -start[at])[:NUM_BEST]
    best_ends = sorted(range(5, tokens + 5), key=lambda at: -end[at])[:NUM_BEST]
    allowed = [
        (float(start[s] + end[e]), s, e)
        for s in best_starts
        for e in best_ends
        if 0 <= e - s < MAX_ANSWER_TOKENS and from_token <= s < from_token + num_starts
    ]
    found = best_spans(start, end, offsets, np.array([from_token, from_token + num_starts]))
    assert found[0].tolist() == [float(start[0] + end[0]), 0, 0]
    if not allowed:
        assert len(found) == 1
        return
    score, first, last = max(allowed)
    assert found[1].tolist() == [score, offsets[first][0], offsets[last][1]]


def test_the_best_window_gives_the_answer_and_the_worst_window_the_lead_of_nothing() -> None:
    example = asked("Paris Tokyo")
    features = span_features([asked("hours " * 300)], XLMR, 200)
    features = features.between(0, 2)
    spans = [np.array([[1.0, 0, 0], [5.0, 0, 5]]), np.array([[-2.0, 0, 0], [7.0, 6, 11]])]
    texts, lead = answers_of(spans, features, [example])
    assert texts == {"q": "Tokyo"}
    assert lead == {"q": -2.0 - 7.0}


def test_a_question_that_leaves_no_room_for_its_context_is_refused() -> None:
    with pytest.raises(RecipeError, match="max_length_tokens = 60 leaves no room"):
        span_features([asked("Paris", question="hours " * 200)], XLMR, 60)
