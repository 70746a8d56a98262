"""Duet against alternation: interval widths, A/A errors and power, quiet and beside a busy loop.

    python benchmarks/duet.py [--trials N] [--trial-s S] [--model FOLDER] [--only WORDS] [--json]

A trial asks a model, itself under a second name (A/A), and that delayed by 5 %, the same requests
in the same blocks, as `stiltwalk compare` does, for at most `--trial-s` seconds; both modes take
turns, so that all see the same machine. `half width` is that of the A/A ratio's 90 % interval, in
percent, the median over trials; `A/A errors` are trials in which its 95 % interval excludes 1;
`equal` those that show EQUIVALENT at 3 %; `delay seen` those that call the delay SLOWER.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from math import log
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from stiltwalk.data.source import MINI, DataSource
from stiltwalk.inference.predictor import Delayed, Settings, load_predictor
from stiltwalk.models.locate import MINI_BASE, locate
from stiltwalk.recipe.schema import ModelSettings
from stiltwalk.tasks import TASKS
from stiltwalk.timing.blocks import Along, Asking, controlled
from stiltwalk.timing.record import InstrumentTest
from stiltwalk.timing.sample_size import QUICK, SINGLE_STREAM
from stiltwalk.timing.session import DELAYS, Session, tests_in
from stiltwalk.timing.tost import Verdict
from stiltwalk.timing.workload import load_workload

TASK = TASKS["tatoeba"]
LANGUAGES = ("ar", "de", "es", "zh")
MODES: tuple[Asking, ...] = ("alternating", "duet")

Trial = tuple[InstrumentTest, float]


@contextmanager
def beside(what: str) -> Iterator[None]:
    """Keep a core busy, if that is asked for."""
    if what == "quiet":
        yield
        return
    loop = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        loop.kill()
        loop.wait()


def trial(folder: Path, mode: Asking, seed: int, allowed_s: float) -> Trial:
    """Return what a measurement says of a model under a second name, and the time it took."""
    settings = Settings(task=TASK, max_length_tokens=TASK.max_length_tokens)
    first, second = (load_predictor(folder, settings) for _ in range(2))
    workload = load_workload(TASK, DataSource(source=MINI), LANGUAGES, None)
    session = Session(profile=QUICK, num_threads=1, seed=seed, mode=mode)
    began = perf_counter()
    with controlled(1):
        along = Along(place="duet", allowed_s=allowed_s)
        systems = (first, Delayed(second, DELAYS))
        found = session.measure(systems, workload, SINGLE_STREAM, 1, along)
    if not found.blocks:
        raise SystemExit(f"A trial needs more than {allowed_s:.0f} s: raise --trial-s.")
    (test,) = tests_in(found, SINGLE_STREAM, 1, "cpu")
    return test, perf_counter() - began


def row(mode: str, where: str, trials: Sequence[Trial]) -> dict[str, Any]:
    tests = [test for test, _ in trials]
    return {
        "mode": mode,
        "machine": where,
        "trials": len(trials),
        "half_width_percent": median(50 * log(e.aa.high / e.aa.low) for e in tests),
        "aa_errors": sum(e.aa.differs for e in tests),
        "equal": sum(e.aa.verdict is Verdict.EQUIVALENT for e in tests),
        "delay_seen": sum(e.delay_5.verdict is Verdict.SLOWER for e in tests),
        "blocks": median(e.aa.num_blocks for e in tests),
        "spread_percent": median(100 * e.aa.spread for e in tests),
        "time_s": median(time_s for _, time_s in trials),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=int, default=20, help="of each mode, quiet and busy")
    parser.add_argument("--trial-s", type=float, default=120.0, help="the most that one may take")
    parser.add_argument("--model", type=Path, help="an encoder's folder; the miniature by default")
    parser.add_argument("--only", default="", help="quiet or busy")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    folder = options.model or locate(ModelSettings(name=MINI_BASE), fetch=False).folder
    rows = []
    for where in ("quiet", "busy"):
        if options.only not in where:
            continue
        found: dict[str, list[Trial]] = {mode: [] for mode in MODES}
        with beside(where):
            for seed, mode in product(range(1, options.trials + 1), MODES):
                found[mode].append(trial(folder, mode, seed, options.trial_s))
        rows += [row(mode, where, trials) for mode, trials in found.items()]
    if options.json:
        print(json.dumps({"platform": platform.platform(), "rows": rows}, indent=1))
        return
    print(" | ".join(rows[0]))
    for each in rows:
        values = (f"{v:.2f}" if isinstance(v, float) else str(v) for v in each.values())
        print(" | ".join(values))


if __name__ == "__main__":
    main()
