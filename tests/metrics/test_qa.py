"""Tests for stiltwalk.metrics.qa."""

from __future__ import annotations

import json
from pathlib import Path
from string import punctuation
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stiltwalk.errors import MetricError
from stiltwalk.metrics.qa import (
    best_no_answer,
    mlqa_scores,
    mlqa_tokens,
    squad_scores,
    squad_tokens,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "answers.json"
WORDS = st.lists(st.sampled_from("the a cat Cat, dog · 龙 ال $5".split()), max_size=5).map(" ".join)


@pytest.mark.parametrize(
    "case",
    json.loads(GOLDEN.read_text(encoding="utf-8"))["cases"],
    ids=lambda case: f"{case['language']}: {case['predicted']}",
)
def test_figures_are_those_of_torchmetrics(case: dict[str, Any]) -> None:
    scores = squad_scores({"q": case["predicted"]}, {"q": case["gold"]})
    assert scores == pytest.approx(case["squad"], abs=1e-6)


def test_trap_2_english_articles_go_in_every_language() -> None:
    assert squad_tokens("a Paris") == squad_tokens("PARIS")
    assert squad_tokens("die Katze") == ["die", "katze"]


def test_trap_2_only_ascii_punctuation_goes() -> None:
    assert squad_tokens("U.S. $5,000!") == ["us", "5000"]
    assert squad_tokens("«Мир»。") == ["«мир»。"]


def test_trap_2_chinese_and_thai_are_cut_at_white_space_only() -> None:
    assert squad_tokens("北京 市") == ["北京", "市"]
    assert squad_scores({"q": "北京市"}, {"q": ["北京"]})["f1"] == 0.0
    assert squad_tokens("กรุงเทพมหานคร") == ["กรุงเทพมหานคร"]


def test_trap_2_the_best_gold_counts_for_each_figure_by_itself() -> None:
    golds = ["big brown cat", "cat"]
    assert squad_scores({"q": "brown cat"}, {"q": golds}) == {"f1": 0.8, "exact_match": 0.0}


def test_trap_2_empty_against_empty_has_f1_zero_and_matches_exactly() -> None:
    assert squad_scores({"q": ""}, {"q": ["the"]}) == {"f1": 0.0, "exact_match": 1.0}


def test_punctuation_goes_before_articles() -> None:
    assert squad_tokens("t.h.e end; a-n") == ["end"]


def test_a_missing_id_scores_zero_and_an_extra_id_is_ignored() -> None:
    gold = {"q1": ["cat"], "q2": ["dog"]}
    half = {"f1": 0.5, "exact_match": 0.5}
    assert squad_scores({"q1": "cat"}, gold) == half
    assert squad_scores({"q1": "cat", "q7": "dog", "q8": "dog", "q9": "dog"}, gold) == half


def test_no_question_is_refused() -> None:
    with pytest.raises(MetricError, match="no question"):
        squad_scores({"q": "cat"}, {})


def test_a_question_without_answer_wants_an_empty_one() -> None:
    gold: dict[str, list[str]] = {"q1": [], "q2": []}
    assert squad_scores({"q1": "", "q2": "cat"}, gold) == {"f1": 0.5, "exact_match": 0.5}


@given(WORDS, WORDS)
def test_f1_of_two_texts_is_symmetric(one: str, other: str) -> None:
    there = squad_scores({"q": one}, {"q": [other]})
    back = squad_scores({"q": other}, {"q": [one]})
    assert there == pytest.approx(back, abs=1e-15)


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from("abcdef"), st.tuples(WORDS, st.lists(WORDS, min_size=1))))
def test_the_order_of_questions_and_golds_changes_nothing(
    rows: dict[str, tuple[str, list[str]]],
) -> None:
    predicted = {question: text for question, (text, _) in rows.items()}
    gold = {"z": ["cat"], **{question: texts for question, (_, texts) in rows.items()}}
    turned = {question: texts[::-1] for question, texts in reversed(gold.items())}
    assert squad_scores(predicted, gold) == pytest.approx(squad_scores(predicted, turned))


def test_the_best_threshold_withholds_what_is_wrong() -> None:
    predicted = {"q1": "cat", "q2": "dog", "q3": "dog"}
    gold: dict[str, list[str]] = {"q1": ["cat"], "q2": [], "q3": []}
    best = best_no_answer(predicted, gold, {"q1": -3.0, "q2": 1.0, "q3": 2.0})
    assert (best.f1, best.exact_match, best.f1_threshold) == (1.0, 1.0, -3.0)


def test_each_figure_has_its_own_threshold() -> None:
    predicted = {"q1": "cat", "q2": "big brown dog"}
    gold = {"q1": ["cat"], "q2": ["brown dog"]}
    best = best_no_answer(predicted, gold, {"q1": 0.0, "q2": 5.0})
    assert (best.f1, best.f1_threshold) == (0.9, 5.0)
    assert (best.exact_match, best.exact_match_threshold) == (0.5, 0.0)


def test_equal_scores_are_withheld_together() -> None:
    predicted = {"q1": "cat", "q2": "dog"}
    gold: dict[str, list[str]] = {"q1": ["cat"], "q2": []}
    assert best_no_answer(predicted, gold, {"q1": 1.0, "q2": 1.0}).f1 == 0.5


def test_withholding_all_may_be_best() -> None:
    best = best_no_answer({"q": "dog"}, {"q": []}, {"q": -9.0})
    assert (best.f1, best.f1_threshold) == (1.0, float("-inf"))


def test_an_answer_without_a_score_is_named() -> None:
    with pytest.raises(MetricError, match="q7"):
        best_no_answer({"q7": "cat"}, {"q7": ["cat"]}, {})


MLQA_GOLDEN = Path(__file__).parents[1] / "golden" / "answers.json"
CASES = json.loads(MLQA_GOLDEN.read_text(encoding="utf-8"))["cases"]


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


def test_mlqa_scores_a_missing_id_zero_and_ignores_an_extra_id() -> None:
    gold = {"q1": ["Haus"], "q2": ["Hund"]}
    scores = mlqa_scores({"q1": "das Haus", "q9": "Hund"}, gold, "de")
    assert scores == {"f1": 0.5, "exact_match": 0.5}
