"""What explains times: work and languages, from comparisons with known times."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console
from test_compare import cells, comparison, measurement

from stiltwalk.reports.pair_page import print_speed
from stiltwalk.timing.attribution import (
    language_attribution,
    shares_of_time,
    told_work,
    uneven_costs,
    work_ratios,
)
from stiltwalk.timing.record import LanguageText, LanguageTime, Speed
from stiltwalk.timing.sample_size import Figure
from stiltwalk.timing.structure import Difference

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


def language_text(
    task: str, language: str, model: str, tokens: float, flops: int | None = None
) -> LanguageText:
    return LanguageText(
        task=task,
        language=language,
        model=model,
        tokens_per_example=tokens,
        subwords_per_character=0.3,
        subwords_per_word=None,
        flops=flops,
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
        for cell in cells(measurement("xnli", 1.0))
    )
    assert {cell.figure for cell in own} == {Figure.P50, Figure.P90}
    shares = shares_of_time(replace(speed, languages=(), cells=own))
    assert shares["model"] == pytest.approx(1.0)


def counted(*flops: tuple[str, int, int]) -> list[LanguageText]:
    """Return the texts of xnli: per language the operations of A and of B."""
    return [
        language_text("xnli", language, model, 10 if model == "a" else 15, number)
        for language, *both in flops
        for model, number in zip("ab", both, strict=True)
    ]


def test_more_work_is_told_with_its_range_and_its_reasons() -> None:
    longer = Difference(what="a row runs longer", flops_share=0.2, row_tokens=5)
    free = Difference(what="architecture A → B")
    texts = counted(("en", 100, 140), ("th", 50, 80), ("de", 100, 150))
    (sentence,) = told_work(texts, {"xnli": (free, longer)}, "none", "soft")
    assert sentence == (
        "xnli: for a request soft does 1.40 (en) to 1.60 (th) times the operations of none as "
        "the engine runs them, on 15.0 tokens against 10.0. By structure: a row runs longer: "
        "+20.00 % FLOPs, +5 tokens a row."
    )


def test_the_same_work_and_work_that_was_not_counted_need_no_words() -> None:
    assert not list(told_work(counted(("en", 100, 100)), {}, "none", "soft"))
    written = [language_text("xnli", "en", model, 10) for model in "ab"]
    assert work_ratios(written) == {}
    assert not list(told_work(written, {}, "none", "soft"))


def test_a_language_s_time_stands_beside_its_work(speed: Speed) -> None:
    known = replace(speed, texts=tuple(counted(("en", 100, 140))))
    found = {(each.time.task, each.time.language): each for each in language_attribution(known)}
    assert (found["xnli", "en"].work, found["xnli", "en"].tokens) == (1.4, (10, 15))
    assert (found["panx", "th"].work, found["panx", "th"].tokens) == (None, None)
    judged = replace(cells(measurement("xnli", 1.2))[0], language="en")
    (own,) = language_attribution(replace(known, languages=(), cells=(judged,)))
    assert (own.verdict, own.work) == ("SLOWER", 1.4)
    output = io.StringIO()
    print_speed(known, Console(file=output, width=200))
    assert re.search(r"1\.400 +10\.0 +15\.0", output.getvalue())


def test_nothing_is_said_where_no_language_was_timed() -> None:
    assert shares_of_time(comparison()) == {}
    assert not list(uneven_costs(comparison()))
