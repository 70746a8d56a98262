"""What is asked of a system: read, refused, and turned into demands."""

from __future__ import annotations

import pytest

from stiltwalk.errors import DataError
from stiltwalk.selection.requirements import Requirements, read_floors

TESTED = {"xnli": ("ar", "bg", "sw", "ur"), "xquad": ("ar", "de")}


def test_a_floor_without_a_language_holds_in_each() -> None:
    needs = Requirements(floors={"xnli": 60, "xnli.sw": 50}, languages=["sw", "ur"])
    assert needs.demands(TESTED).floors == {("xnli", "sw"): 0.5, ("xnli", "ur"): 0.6}
    served = Requirements(floors={"xnli.sw": 50}, languages=["sw", "ur"])
    assert served.demands(TESTED).floors == {("xnli", "sw"): 0.5, ("xnli", "ur"): 0.0}
    every = Requirements(floors={"xquad": 50}).demands(TESTED)
    assert set(every.floors) == {("xquad", "ar"), ("xquad", "de")}


def test_limits_are_in_seconds_and_bytes() -> None:
    def limits(latency: str, memory: str) -> object:
        needs = Requirements(floors={"xnli": 1}, max_latency_p95=latency, max_memory=memory)
        return needs.demands(TESTED).limits

    assert limits("20ms", "1GB") == {"p95": 0.02, "memory": 1e9}
    assert limits(" .5 s", "2 MiB") == {"p95": 0.5, "memory": 2.0**21}
    assert limits("", "") == {}


@pytest.mark.parametrize(
    ("needs", "said"),
    [
        (Requirements(floors={}), "No floor was given"),
        (Requirements(floors={"xnlj": 60}), "on 'xnlj'. Did you mean xnli?"),
        (Requirements(floors={"xnli.sv": 60}), "on xnli in 'sv'. There is: ar, bg"),
        (Requirements(floors={"xquad": 60}, languages=["sw"]), "on xquad in 'sw'"),
        (Requirements(floors={"xnli": 101}), "must be from 0 to 100"),
        (Requirements(floors={"xnli": float("nan")}), "must be from 0 to 100"),
        (Requirements(floors={"xnli": 60}, max_latency_p95="20"), "one of the units us, ms, s"),
        (Requirements(floors={"xnli": 60}, max_latency_p95="0ms"), "a number above 0"),
        (Requirements(floors={"xnli": 60}, max_memory="1 TB"), "kb, mb, gb"),
        (Requirements(floors={"xnli": 60}, max_memory="9" * 400 + "GB"), "a number above 0"),
    ],
)
def test_needs_that_make_no_sense_are_refused(needs: Requirements, said: str) -> None:
    with pytest.raises(DataError, match=said.replace("?", r"\?")):
        needs.demands(TESTED)


@pytest.mark.parametrize("text", ["xnli", "xnli=", "xnli=a", "=", "xnli=60,xnli=50"])
def test_a_floor_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="floor"):
        read_floors([text])
    assert read_floors(["a.b=1, c=2%", "d=3"]) == {"a.b": 1, "c": 2, "d": 3}
