"""Tests for stiltwalk.metrics.qa."""

import json
from pathlib import Path
from string import punctuation
from typing import Any

import pytest

from stiltwalk.errors import MetricError
from stiltwalk.metrics.qa import mlqa_scores, mlqa_tokens

GOLDEN = Path(__file__).parents[1] / "golden" / "answers.json"
CASES = json.loads(GOLDEN.read_text(encoding="utf-8"))["cases"]


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if "mlqa" in case],
    ids=lambda case: f"{case['language']}: {case['predicted']}",
)
def test_figures_are_those_of_the_official_rules(case: dict[str, Any]) -> None:
    scores = mlqa_scores({"q": case["predicted"]}, {"q": case["gold"]}, case["language"])
    assert scores == case["mlqa"]


@pytest.mark.parametrize(
    ("language", "articles"),
    [
        ("en", "a an the"),
        ("es", "un una unos unas el la los las"),
        ("vi", "của là cái chiếc những"),
        ("de", "ein eine einen einem eines einer der die das den dem des"),
    ],
)
def test_trap_3_each_language_has_its_own_articles(language: str, articles: str) -> None:
    inside_a_word = f"x{articles.replace(' ', '')}"
    assert mlqa_tokens(f"{articles} {inside_a_word}", language) == [inside_a_word]


@pytest.mark.parametrize("language", ["hi", "zh"])
def test_trap_3_hindi_and_chinese_have_no_articles(language: str) -> None:
    assert mlqa_tokens("the end", language) == ["the", "end"]


def test_trap_3_the_arabic_article_goes_inside_words_too() -> None:
    assert mlqa_tokens("والكتاب", "ar") == ["و", "كتاب"]


def test_trap_3_every_ascii_punctuation_character_goes() -> None:
    """The characters $+<=>^`|~ are symbols in Unicode, not punctuation."""
    assert mlqa_tokens(f"x{punctuation}y", "en") == ["xy"]


def test_trap_3_every_unicode_punctuation_character_goes_but_no_symbol() -> None:
    assert mlqa_tokens("«x»—؟।…y€", "hi") == ["xy€"]


def test_trap_3_each_chinese_character_is_a_token() -> None:
    assert mlqa_tokens("iPhone 7手机", "zh") == ["iphone", "7", "手", "机"]


def test_trap_3_the_range_of_chinese_characters_ends_at_9fa5() -> None:
    assert mlqa_tokens("一龥", "zh") == ["一", "龥"]
    assert mlqa_tokens("\u9fa6\u9fa6", "zh") == ["\u9fa6\u9fa6"]
    assert mlqa_tokens("\u4dff\u4dff", "zh") == ["\u4dff\u4dff"]


def test_trap_3_chinese_characters_stay_together_in_other_languages() -> None:
    assert mlqa_tokens("北京", "en") == ["北京"]


def test_trap_3_an_unknown_language_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(MetricError, match=r"'th'.*'zh'"):
        mlqa_scores({"q": "x"}, {"q": ["x"]}, "th")


def test_a_missing_id_scores_zero_and_an_extra_id_is_ignored() -> None:
    gold = {"q1": ["Haus"], "q2": ["Hund"]}
    scores = mlqa_scores({"q1": "das Haus", "q9": "Hund"}, gold, "de")
    assert scores == {"f1": 0.5, "exact_match": 0.5}
