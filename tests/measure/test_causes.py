"""How unequally languages pay, from a comparison with known times."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_comparison import cells, comparison, trial

from stiltwalk.measure.causes import shares_of_time, uneven_costs
from stiltwalk.measure.profiles import Figure
from stiltwalk.measure.speed import LanguageText, LanguageTime, Speed

TIMES_S = {("xnli", "en"): 1.0, ("xnli", "th"): 2.0, ("panx", "en"): 4.0, ("panx", "th"): 8.0}


def language_time(task: str, language: str, a_s: float, b_s: float) -> LanguageTime:
    return LanguageTime(
        task=task,
        language=language,
        scenario="SingleStream",
        a_s=a_s,
        b_s=b_s,
        ratio=b_s / a_s,
        low=1.0,
        high=1.0,
    )


def language_text(task: str, language: str, model: str, tokens: float) -> LanguageText:
    return LanguageText(
        task=task,
        language=language,
        model=model,
        tokens_per_example=tokens,
        subwords_per_character=0.3,
        subwords_per_word=None,
    )


@pytest.fixture
def speed() -> Speed:
    return replace(
        comparison(),
        languages=tuple(language_time(*cell, time_s, time_s) for cell, time_s in TIMES_S.items()),
        texts=tuple(
            language_text(task, language, model, 10 if language == "en" else 15)
            for task, language in TIMES_S
            for model in "ab"
        ),
    )


def test_only_where_all_say_the_same_are_languages_held_against_each_other(speed: Speed) -> None:
    found = [(each.task, each.model, each.cost, each.found.ratio) for each in uneven_costs(speed)]
    assert found == [
        ("xnli", "a", "tokens", 1.5),
        ("xnli", "a", "p50 latency", 2.0),
        ("xnli", "b", "tokens", 1.5),
        ("xnli", "b", "p50 latency", 2.0),
    ]


def test_shares_of_the_variance_are_those_that_the_times_were_made_with(speed: Speed) -> None:
    shares = shares_of_time(speed)  # the task makes 4 of the times, the language 2
    assert shares["task"] == pytest.approx(0.8)
    assert shares["language"] == pytest.approx(0.2)
    assert shares["model"] == pytest.approx(0.0)
    assert shares["rest"] == pytest.approx(0.0)


def test_cells_of_single_languages_count_once_whatever_their_figures(speed: Speed) -> None:
    own = tuple(
        replace(cell, language=language, a_s=1.0, b_s=3.0)
        for language in ("en", "th")
        for cell in cells(trial("xnli", 1.0))
    )
    assert {cell.figure for cell in own} == {Figure.P50, Figure.P90}
    shares = shares_of_time(replace(speed, languages=(), cells=own))
    assert shares["model"] == pytest.approx(1.0)


def test_nothing_is_said_where_no_language_was_timed() -> None:
    assert shares_of_time(comparison()) == {}
    assert not list(uneven_costs(comparison()))
