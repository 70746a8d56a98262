"""Tests for stiltwalk.timing.attribution."""

from __future__ import annotations

from pathlib import Path

import pytest

from real_rows import TOKENIZER, real_source, rows_of
from stiltwalk.features.sentences import (
    choice_features,
    line_features,
    pair_features,
    tagging_features,
)
from stiltwalk.features.spans import span_features
from stiltwalk.features.text import TextEncoder, load_text_encoder
from stiltwalk.records import ChoiceExample, PairExample, Sentence, SpanExample, TaggedExample
from stiltwalk.timing.attribution import TextCost, text_cost

LINES = [Sentence("0", "Paris  is in France"), Sentence("1", "a\tb\n")]


@pytest.fixture
def encoder(tiny_xlmr: Path) -> TextEncoder:
    return load_text_encoder(tiny_xlmr)


def lines_cost(
    encoder: TextEncoder, language: str = "en", lines: list[Sentence] = LINES
) -> TextCost:
    return text_cost(
        language, lines, line_features([line.text for line in lines], encoder, 64), encoder
    )


def test_characters_and_words_are_counted_without_white_space(encoder: TextEncoder) -> None:
    found = lines_cost(encoder)
    assert (found.characters, found.words, found.num_examples) == (17, 6, 2)
    assert found.subwords_per_character == found.subwords / 17
    assert found.subwords_per_word == found.subwords / 6


def test_what_a_model_is_fed_has_special_tokens_too(encoder: TextEncoder) -> None:
    found = lines_cost(encoder)
    assert found.tokens == found.subwords + 2 * encoder.num_special_in_single
    assert found.tokens_per_example == found.tokens / 2


def test_what_is_cut_is_not_fed_but_counts_for_fertility(encoder: TextEncoder) -> None:
    long = [Sentence("0", "Tokyo " * 200)]
    found = lines_cost(encoder, lines=long)
    assert found.tokens == 64 < found.subwords


def test_a_writing_without_spaces_has_no_words(encoder: TextEncoder) -> None:
    found = lines_cost(encoder, "zh", [Sentence("0", "韩国、德国")])
    assert found.words is None
    assert found.subwords_per_word is None
    assert found.characters == 5


def test_every_shape_of_example_is_read_whole(encoder: TextEncoder) -> None:
    pair = [PairExample("0", "ab", "cd", "x")]
    choice = [ChoiceExample("0", "ab", ("c", "d"), "0")]
    tags = [TaggedExample("0", ("ab", "c"), ("O", "O"))]
    span = [SpanExample("0", "ab", "cde", ())]
    found = [
        text_cost("en", pair, pair_features(pair, encoder, {"x": 0}, 64), encoder),
        text_cost("en", choice, choice_features(choice, encoder, 64), encoder),
        text_cost("en", tags, tagging_features(tags, encoder, {"O": 0}, 64), encoder),
        text_cost("en", span, span_features(span, encoder, 128), encoder),
    ]
    assert [each.characters for each in found] == [4, 4, 3, 5]
    assert [each.words for each in found] == [2, 3, 2, 2]


@pytest.mark.real
def test_the_same_content_costs_more_tokens_in_greek_than_in_english(real: Path) -> None:
    encoder = load_text_encoder(real / TOKENIZER)
    found = {}
    for language in ("en", "el", "zh"):
        rows = rows_of(real_source(real), "xnli", [language], 200)
        features = pair_features(rows, encoder, {row.label: 0 for row in rows}, 128)
        found[language] = text_cost(language, rows, features, encoder)
    assert found["el"].tokens_per_example > 1.1 * found["en"].tokens_per_example
    assert found["zh"].subwords_per_character > 2 * found["en"].subwords_per_character
    assert 1 < (found["en"].subwords_per_word or 0) < (found["el"].subwords_per_word or 0)
