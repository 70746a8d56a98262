"""What explains times: work, languages, tokens, and the parts of written answers."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from test_compare import cells, comparison, measurement

from real_rows import TOKENIZER, real_source, rows_of
from stiltwalk.features.sentences import (
    choice_features,
    line_features,
    pair_features,
    tagging_features,
)
from stiltwalk.features.spans import span_features
from stiltwalk.features.text import TextEncoder, load_text_encoder
from stiltwalk.inference.predictor import Spent
from stiltwalk.metrics.efficiency import RequestTime
from stiltwalk.records import ChoiceExample, PairExample, Sentence, SpanExample, TaggedExample
from stiltwalk.reports.pair_page import print_speed
from stiltwalk.timing.attribution import (
    breakdown_of,
    breakdowns,
    language_attribution,
    shares_of_time,
    text_cost,
    told_breakdowns,
    told_work,
    uneven_costs,
    work_ratios,
)
from stiltwalk.timing.record import LanguageText, LanguageTime, Speed, TextCost
from stiltwalk.timing.sample_size import Figure
from stiltwalk.timing.structure import Difference
from stiltwalk.timing.workload import Workload

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


def subwords(encoder: TextEncoder, *texts: str) -> int:
    return sum(map(len, encoder.ids(texts)))


def test_characters_and_words_are_counted_without_white_space(encoder: TextEncoder) -> None:
    found, count = lines_cost(encoder), subwords(encoder, *(line.text for line in LINES))
    assert found.subwords_per_character == count / 17
    assert found.subwords_per_word == count / 6


def test_what_a_model_is_fed_has_special_tokens_too(encoder: TextEncoder) -> None:
    count = subwords(encoder, *(line.text for line in LINES))
    fed = count + 2 * encoder.num_special_in_single
    assert lines_cost(encoder).tokens_per_example == fed / 2


def test_what_is_cut_is_not_fed_but_counts_for_fertility(encoder: TextEncoder) -> None:
    found = lines_cost(encoder, lines=[Sentence("0", "Tokyo " * 200)])
    assert found.tokens_per_example == 64 < 1000 * found.subwords_per_character


def test_a_writing_without_spaces_has_no_words(encoder: TextEncoder) -> None:
    found = lines_cost(encoder, "zh", [Sentence("0", "韩国、德国")])
    assert found.subwords_per_word is None
    assert found.subwords_per_character == subwords(encoder, "韩国、德国") / 5


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
    read = [("ab", "cd"), ("ab", "c", "d"), ("ab c",), ("ab", "cde")]
    counts = [subwords(encoder, *texts) for texts in read]
    characters, words = (4, 4, 3, 5), (2, 3, 2, 2)
    wanted = [count / number for count, number in zip(counts, characters, strict=True)]
    assert [each.subwords_per_character for each in found] == wanted
    wanted = [count / number for count, number in zip(counts, words, strict=True)]
    assert [each.subwords_per_word for each in found] == wanted


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


@dataclass(frozen=True)
class Writer:
    """Writes `tokens[language]` tokens, each in the same time, behind a prefill."""

    tokens: dict[str, int]
    prefill_s: float = 0.02
    token_s: float = 0.01

    def answer(self, requests: Sequence[Any]) -> Spent:
        """Take the time that is written down for the one request, its language."""
        (language,) = requests
        written = self.tokens[language]
        return Spent(
            time_s=self.prefill_s + (written - 1) * self.token_s,
            tokenise_s=0.0,
            forward_s=0.0,
            decode_s=0.0,
            real_tokens=50,
            padded_tokens=50,
            written_tokens=written,
            first_token_s=self.prefill_s,
        )

    def move(self) -> None:
        """Lie nowhere."""


WORKLOAD = Workload({"en": ["en"] * 5, "th": ["th"] * 5})


def test_a_model_that_says_less_is_faster_because_of_that_and_of_nothing_else() -> None:
    a, b = Writer({"en": 11, "th": 21}), Writer({"en": 6, "th": 21})
    whole, english, thai = breakdowns((a, b), WORKLOAD, "xquad", 4, seed=1)
    assert (whole.language, english.language, thai.language) == ("", "en", "th")
    assert english.tokens.ratio == pytest.approx(0.07 / 0.12)
    assert english.prefill.ratio == pytest.approx(1) == english.token_time.ratio
    assert english.says == "faster because it says less"
    assert thai.says == "no part differs clearly"
    assert (english.a[1], english.b[1]) == (10, 5), "tokens behind the first"
    assert whole.num_requests == 8
    assert english.whole.ratio < whole.whole.ratio < thai.whole.ratio


def test_parts_multiply_to_the_whole_where_all_three_differ() -> None:
    a = Writer({"en": 4, "th": 9})
    b = Writer({"en": 12, "th": 3}, prefill_s=0.03, token_s=0.004)
    for split in breakdowns((a, b), WORKLOAD, "xquad", 6, seed=2):
        product = split.prefill.ratio * split.tokens.ratio * split.token_time.ratio
        assert product == pytest.approx(split.whole.ratio)


def test_answers_of_one_token_have_no_time_per_token_and_do_no_harm() -> None:
    a, b = Writer({"en": 1, "th": 1}), Writer({"en": 1, "th": 1}, prefill_s=0.03)
    for split in breakdowns((a, b), WORKLOAD, "xquad", 3, seed=3):
        assert split.prefill.ratio == pytest.approx(1.5) == split.whole.ratio
        assert split.says == "slower because its prompt is read slower"


def test_the_interval_holds_the_mean_and_shrinks_with_requests() -> None:
    pairs = [
        (RequestTime(0.1, 5, 0.01), RequestTime(0.1, 5 + number % 3, 0.01)) for number in range(60)
    ]
    few, many = breakdown_of("t", "", pairs[:6], 9.0), breakdown_of("t", "", pairs, 9.0)
    for split in (few, many):
        assert split.tokens.low < split.tokens.ratio < split.tokens.high
    assert many.tokens.high - many.tokens.low < few.tokens.high - few.tokens.low
    (said,) = told_breakdowns([many], "mnli")
    assert "mnli: slower because it says more" in said


def test_requests_that_repeat_one_another_widen_the_interval() -> None:
    """The same times by turns and in stretches, as on a machine that is slow at times."""
    slow = [(RequestTime(0.1, 5, 0.01), RequestTime(each, 5, 0.01)) for each in (0.1, 0.12)]
    by_turns = breakdown_of("t", "", slow * 32, 9.0).prefill
    in_stretches = breakdown_of("t", "", [slow[at // 8 % 2] for at in range(64)], 9.0).prefill
    assert in_stretches.ratio == pytest.approx(by_turns.ratio)
    assert in_stretches.high - in_stretches.low > 2 * (by_turns.high - by_turns.low)
