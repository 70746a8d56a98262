"""Where a change of written answers' time comes from, measured on systems that are written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from stiltwalk.inference.predictor import Spent
from stiltwalk.metrics.efficiency import RequestTime
from stiltwalk.timing.breakdown import splits
from stiltwalk.timing.record import breakdown_of, told
from stiltwalk.timing.workload import Workload


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
    whole, english, thai = splits((a, b), WORKLOAD, "xquad", 4, seed=1)
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
    for split in splits((a, b), WORKLOAD, "xquad", 6, seed=2):
        product = split.prefill.ratio * split.tokens.ratio * split.token_time.ratio
        assert product == pytest.approx(split.whole.ratio)


def test_answers_of_one_token_have_no_time_per_token_and_do_no_harm() -> None:
    a, b = Writer({"en": 1, "th": 1}), Writer({"en": 1, "th": 1}, prefill_s=0.03)
    for split in splits((a, b), WORKLOAD, "xquad", 3, seed=3):
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
    (said,) = told([many], "mnli")
    assert "mnli: slower because it says more" in said


def test_requests_that_repeat_one_another_widen_the_interval() -> None:
    """The same times by turns and in stretches, as on a machine that is slow at times."""
    slow = [(RequestTime(0.1, 5, 0.01), RequestTime(each, 5, 0.01)) for each in (0.1, 0.12)]
    by_turns = breakdown_of("t", "", slow * 32, 9.0).prefill
    in_stretches = breakdown_of("t", "", [slow[at // 8 % 2] for at in range(64)], 9.0).prefill
    assert in_stretches.ratio == pytest.approx(by_turns.ratio)
    assert in_stretches.high - in_stretches.low > 2 * (by_turns.high - by_turns.low)
