"""How often verdicts are wrong, by drawing whole measurements of profile quick.

    python benchmarks/verdict_errors.py [--quick] [--json] [--noise FILE]

A measurement is a pilot, its sizing, blocks, a verdict. Noise is normal, heavy-tailed (Student's t
with 5 degrees of freedom), and, with `--noise`, drawn from recorded block log-ratios of a model
against itself: a JSON list of numbers, centred here.

`equal_on_margin` is the rate of EQUIVALENT where the true ratio lies on the margin, on either side
(promised: 5 %), `equal_at_1` where it is 1 (wanted: 99 %), `differs_at_1` that of FASTER or SLOWER
there, `slower_at_5` that of SLOWER at a true ratio of 1.05, `blocks` their mean number at 1.
`ratio` is `equal_on_margin` to 5 %.
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

from stiltwalk.measure.profiles import QUICK
from stiltwalk.measure.sizing import MOST_BLOCKS, blocks_needed, cautious_spread
from stiltwalk.measure.verdicts import ALPHA, Verdict, judge

PILOT_BLOCKS = 12
DEGREES = 5

Noise = Callable[[int], NDArray[np.float64]]


def noises(rng: np.random.Generator, recorded: Path | None) -> dict[str, Noise]:
    """Return name to a source of block log-ratios with mean 0."""
    found: dict[str, Noise] = {}
    for spread in (0.01, 0.02, 0.04):
        scale = spread / sqrt(DEGREES / (DEGREES - 2))
        found[f"normal {spread:.0%}"] = lambda n, spread=spread: rng.normal(0, spread, n)  # type: ignore[misc]
        found[f"heavy-tailed {spread:.0%}"] = (  # type: ignore[misc]
            lambda n, scale=scale: scale * rng.standard_t(DEGREES, n)
        )
    if recorded:
        blocks = np.array(json.loads(recorded.read_text(encoding="utf-8")), dtype=np.float64)
        blocks -= blocks.mean()
        found[f"recorded {blocks.std(ddof=1):.1%}"] = lambda n: rng.choice(blocks, n)
    return found


@cache
def size(spread_tenths_of_a_permille: int, margin: float) -> int:
    """Return profile quick's number of blocks, for rounded spreads so that few are computed."""
    wanted = blocks_needed(spread_tenths_of_a_permille / 10_000, margin)
    return min(max(wanted, QUICK.least_blocks), MOST_BLOCKS)


def experiment(noise: Noise, shift: float, margin: float) -> tuple[Verdict, int]:
    """Return the verdict of one measurement at a true log-ratio, and its number of blocks."""
    spread = cautious_spread(noise(PILOT_BLOCKS).tolist())
    num_blocks = size(round(10_000 * spread), margin)
    return judge((shift + noise(num_blocks)).tolist(), margin).verdict, num_blocks


def rates(noise: Noise, margin: float, repeats: int) -> dict[str, float]:
    """Return how often each verdict comes out where the truth is known."""

    def share(shift: float, *verdicts: Verdict) -> float:
        found = [experiment(noise, shift, margin)[0] for _ in range(repeats)]
        return sum(each in verdicts for each in found) / repeats

    sides = [share(sign * log1p(margin), Verdict.EQUIVALENT) for sign in (-1, 1)]
    at_1 = [experiment(noise, 0, margin) for _ in range(repeats)]
    return {
        "equal_on_margin": sum(sides) / 2,
        "equal_at_1": sum(v is Verdict.EQUIVALENT for v, _ in at_1) / repeats,
        "differs_at_1": sum(v in {Verdict.FASTER, Verdict.SLOWER} for v, _ in at_1) / repeats,
        "slower_at_5": share(log1p(0.05), Verdict.SLOWER),
        "blocks": sum(num_blocks for _, num_blocks in at_1) / repeats,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="200 measurements in place of 2,000")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--noise", type=Path, help="recorded block log-ratios")
    options = parser.parse_args()
    repeats = 200 if options.quick else 2_000
    rows: list[dict[str, Any]] = []
    for name, noise in noises(np.random.default_rng(0), options.noise).items():
        for margin in (0.02, 0.03):
            found = rates(noise, margin, repeats)
            rows.append({"workload": name, "variant": f"margin {margin:.0%}", **found})
            rows[-1]["ratio"] = found["equal_on_margin"] / ALPHA
            rows[-1] |= {"repeats": repeats, "spread": sqrt(ALPHA * (1 - ALPHA) / repeats)}
    if options.json:
        print(json.dumps({"machine": platform.platform(), "rows": rows}, indent=1))
        return
    print(" | ".join(rows[0]))
    for row in rows:
        print(" | ".join(f"{v:.4g}" if isinstance(v, float) else str(v) for v in row.values()))


if __name__ == "__main__":
    main()
