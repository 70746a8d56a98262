"""How often verdicts are wrong, by drawing whole measurements of profile quick.

    python benchmarks/verdict_errors.py [--quick] [--json] [--noise FILE]

A measurement is a pilot, its sizing, blocks, a verdict. Noise is normal or heavy-tailed (Student's
t with 5 degrees of freedom), each block correlated with the one before it by 0, 0.3 or 0.6 (an
autoregression), or a slow drift under half as much again of white noise, which no autoregression
of first order describes; with `--noise` also stretches of recorded block log-ratios of a model
against itself: a JSON list of numbers, centred here.

`equal_on_margin` is the rate of EQUIVALENT where the true ratio lies on the margin, on either side
(promised: 5 %), `equal_at_1` where it is 1 (wanted: 99 % of those that count), `differs_at_1` that
of FASTER, SLOWER and "small but real" there (promised: 5 %), `slower_at_5` that of SLOWER at a true
ratio of 1.05, `void_at_1` that of too few independent blocks, `blocks` their mean number at 1.
`unwidened` is `equal_on_margin` of the same blocks where they are taken as independent. `ratio` is
`equal_on_margin` to 5 %.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable
from functools import cache
from math import log1p, sqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.special import stdtrit

from stiltwalk.timing.sample_size import (
    FEWEST_BLOCKS,
    MOST_BLOCKS,
    QUICK,
    blocks_needed,
    cautious_spread,
)
from stiltwalk.timing.tost import (
    ALPHA,
    HIGHEST,
    Judged,
    Verdict,
    effective_number,
    judge,
    lag_1,
)

PILOT_BLOCKS = 16
DEGREES = 5
CORRELATIONS = (0.0, 0.3, 0.6)
SETTLING = 60
DRIFT = 0.9

Floats = NDArray[np.float64]
Noise = Callable[[int], Floats]


def noises(rng: np.random.Generator, recorded: Path | None) -> dict[str, Noise]:
    """Return name to a source of consecutive block log-ratios with mean 0."""

    def normal(count: int) -> Floats:
        return rng.standard_normal(count)

    def heavy(count: int) -> Floats:
        return rng.standard_t(DEGREES, count) / sqrt(DEGREES / (DEGREES - 2))

    def repeating(draw: Noise, spread: float, correlation: float) -> Noise:
        def noise(count: int) -> Floats:
            drawn = spread * sqrt(1 - correlation**2) * draw(count + SETTLING)
            return np.asarray(lfilter([1.0], [1.0, -correlation], drawn))[SETTLING:]

        return noise

    found: dict[str, Noise] = {}
    for correlation in CORRELATIONS:
        for spread in (0.005, 0.02):
            name = f"normal {spread:.1%}, correlation {correlation:g}"
            found[name] = repeating(normal, spread, correlation)
        found[f"heavy-tailed 2.0%, correlation {correlation:g}"] = repeating(
            heavy, 0.02, correlation
        )
    slow, white = repeating(normal, 0.02 * sqrt(0.4), DRIFT), 0.02 * sqrt(0.6)
    found["slow drift 2.0%"] = lambda count: slow(count) + white * normal(count)
    if recorded:
        blocks = np.array(json.loads(recorded.read_text(encoding="utf-8")), dtype=np.float64)
        blocks -= blocks.mean()
        found[f"recorded {blocks.std(ddof=1):.1%}"] = lambda count: np.roll(
            np.resize(blocks, max(count, len(blocks))), rng.integers(len(blocks))
        )[:count]
    return found


@cache
def size(spread_permille: float, correlation: float, margin: float) -> int:
    """Return profile quick's number of blocks, for rounded pilots so that few are computed."""
    trusted = FEWEST_BLOCKS**2 / effective_number(FEWEST_BLOCKS, correlation)
    wanted = max(blocks_needed(spread_permille / 1000, margin, 1, correlation), trusted)
    return int(min(max(wanted, QUICK.least_blocks), MOST_BLOCKS))


def experiment(noise: Noise, shift: float, margin: float) -> tuple[Judged, bool]:
    """Return one measurement at a true log-ratio, and whether independent blocks showed equality.

    The pilot's blocks come right before those that are judged, as in a measurement.
    """
    drawn = noise(PILOT_BLOCKS + MOST_BLOCKS)
    pilot = drawn[:PILOT_BLOCKS].tolist()
    correlation = min(max(round(lag_1(pilot), 1), 0.0), HIGHEST)
    count = size(round(1000 * cautious_spread(pilot)), correlation, margin)
    blocks = shift + drawn[PILOT_BLOCKS : PILOT_BLOCKS + count]
    half_width = stdtrit(count - 1, 1 - ALPHA) * blocks.std(ddof=1) / sqrt(count)
    unwidened = bool(abs(blocks.mean()) + half_width < log1p(margin))
    return judge(blocks.tolist(), margin), unwidened


def rates(noise: Noise, margin: float, repeats: int) -> dict[str, float]:
    """Return how often each verdict comes out where the truth is known."""

    def drawn(shift: float) -> list[tuple[Judged, bool]]:
        return [experiment(noise, shift, margin) for _ in range(repeats)]

    border = [each for sign in (-1, 1) for each in drawn(sign * log1p(margin))]
    at_1 = [judged for judged, _ in drawn(0)]
    at_5 = [judged for judged, _ in drawn(log1p(0.05))]
    return {
        "equal_on_margin": share(each.verdict is Verdict.EQUIVALENT for each, _ in border),
        "unwidened": share(unwidened for _, unwidened in border),
        "equal_at_1": share(each.verdict is Verdict.EQUIVALENT for each in at_1),
        "differs_at_1": share(each.differs and each.is_trusted for each in at_1),
        "slower_at_5": share(each.verdict is Verdict.SLOWER for each in at_5),
        "void_at_1": share(not each.is_trusted for each in at_1),
        "blocks": float(np.mean([each.num_blocks for each in at_1])),
    }


def share(told: Any) -> float:  # noqa: ANN401 - any iterable of truth values
    return float(np.mean(list(told)))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="100 measurements in place of 1,000")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--noise", type=Path, help="recorded block log-ratios")
    options = parser.parse_args()
    repeats = 100 if options.quick else 1_000
    rows: list[dict[str, Any]] = []
    for name, noise in noises(np.random.default_rng(0), options.noise).items():
        margin = 0.03
        found = rates(noise, margin, repeats)
        rows.append({"workload": name, "variant": f"margin {margin:.0%}", **found})
        rows[-1]["ratio"] = found["equal_on_margin"] / ALPHA
        rows[-1] |= {"repeats": repeats, "spread": sqrt(ALPHA * (1 - ALPHA) / (2 * repeats))}
    if options.json:
        print(json.dumps({"machine": platform.platform(), "rows": rows}, indent=1))
        return
    print(" | ".join(rows[0]))
    for row in rows:
        print(" | ".join(f"{v:.4g}" if isinstance(v, float) else str(v) for v in row.values()))


if __name__ == "__main__":
    main()
