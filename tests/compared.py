"""Comparisons of speed made up for the tests."""

from dataclasses import replace

from stiltwalk.timing.compare import summarise
from stiltwalk.timing.record import (
    VOID,
    Cost,
    Design,
    InstrumentTest,
    KeptPass,
    Quality,
    Speed,
    TimedCell,
)
from stiltwalk.timing.sample_size import QUICK, SINGLE_STREAM, Figure
from stiltwalk.timing.tost import Judged, Verdict

BRIEF = replace(
    QUICK,
    scenarios=(SINGLE_STREAM,),
    block_s=0.001,
    pilot_blocks=2,
    least_blocks=1,
    fewest_blocks=2,
    most_s=0.0,
    load_queries=2,
    breakdown_requests=2,
    warm_up_windows=3,
    patience_s=0.0,
    look_s=0.0,
)
"""Says nothing about a model, but measures all that the quick profile measures of a scenario."""
FIGURES = {Figure.P50: "SingleStream", Figure.TIME: "Offline"}


def judged(ratio: float, verdict: Verdict) -> Judged:
    return Judged(
        verdict=verdict, ratio=ratio, low=ratio - 0.01, high=ratio + 0.01, low_95=ratio - 0.012,
        high_95=ratio + 0.012, margin=0.03, num_blocks=24, effective_blocks=20.0, spread=0.01,
        correlation=0.1, p_equivalent=0.01, p_differs=0.5, differs=False, is_trusted=True,
    )  # fmt: skip


def timed(ratio: float) -> Judged:
    """Return a ratio with an interval of the same relative width on both sides."""
    return replace(judged(ratio, Verdict.INCONCLUSIVE), low=ratio / 1.005, high=ratio * 1.005)


def passed() -> KeptPass:
    """Return tests of the instrument that serve a session: nothing so short could pass them."""
    tests = (
        InstrumentTest(
            scenario=scenario,
            figure=figure,
            aa=judged(1.0, Verdict.EQUIVALENT),
            delay_5=judged(1.05, Verdict.SLOWER),
            delay_2=judged(1.02, Verdict.INCONCLUSIVE),
        )
        for figure, scenario in FIGURES.items()
    )
    return KeptPass(tests=tuple(tests), busy=1.0, unix_s=1.8e9)


def compared(b: str, ratio: float, verdict: str, *, a_s: float = 0.01, quality: float) -> Speed:
    seen = Verdict(verdict) if verdict != VOID else Verdict.INCONCLUSIVE
    void = ("The controls failed.",) * (verdict == VOID)
    cells = tuple(
        TimedCell(
            task="xnli", language="", scenario=scenario, figure=figure, verdict=verdict, a_s=a_s,
            b_s=a_s * ratio, judged=judged(ratio, seen), wanted_blocks=24,
        )
        for figure, scenario in FIGURES.items()
    )  # fmt: skip
    test = passed().tests[-1]
    costs = tuple(
        Cost(
            task="xnli", language="", scenario="Offline", model=model, tokenise_s=0.0,
            forward_s=a_s, decode_s=0.0, real_tokens=30.0, padded_tokens=31.0,
            weight_bytes=4_000_000, peak_bytes=None,
        )
        for model in "ab"
    )  # fmt: skip
    return Speed(
        a="mini:none",
        b=b,
        question=f"What does {b} cost at inference time, against mini:none?",
        design=Design(
            profile="quick", device="cpu", num_threads=1, precision="fp32", seed=1,
            margins={Figure.P50: 0.03}, most_blocks=200, most_s=60.0,
        ),
        instrument_tests=(test,),
        void=void,
        structure={"xnli": ()},
        cells=cells,
        languages=(),
        costs=costs,
        quality=(
            Quality(task="xnli", language="de", metric="accuracy", a=0.8, b=quality),
        ),
        machine_states=(),
        time_s=100.0,
        summary=tuple(summarise(cells, void, "mini:none", b)),
    )  # fmt: skip
