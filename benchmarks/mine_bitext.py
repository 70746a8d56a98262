"""Time bitext mining at BUCC's largest size, against faiss searching in both directions.

    python benchmarks/mine_bitext.py [--quick] [--json]

20,000 x 300,000 random vectors of width 768; `--quick` takes a tenth of each. Each variant runs
in a process of its own, so that the peak of memory is its own. faiss gives the neighbours alone:
the ratio is of its two searches to all of ours. Random vectors are the hard case: few
candidates can be passed over early.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import time

import numpy as np
from numpy.typing import NDArray

WIDTH = 768
NEIGHBOURS = 4


def vectors(count: int, seed: int) -> NDArray[np.float32]:
    """Return random directions, unscaled."""
    return np.random.default_rng(seed).standard_normal((count, WIDTH), dtype=np.float32)


def measure(variant: str, num_foreign: int, num_english: int) -> dict[str, float]:
    """Run one variant in this process, and return seconds and the peak of memory in GiB."""
    foreign, english = vectors(num_foreign, 0), vectors(num_english, 1)
    started = time.perf_counter()
    if variant == "faiss":
        import faiss  # noqa: PLC0415 - only the variant that is measured

        faiss.normalize_L2(foreign)
        faiss.normalize_L2(english)
        for one, other in ((foreign, english), (english, foreign)):
            faiss.knn(one, other, NEIGHBOURS, metric=faiss.METRIC_INNER_PRODUCT)
    else:
        from stiltwalk.metrics.bitext import mine  # noqa: PLC0415

        mine(foreign, english, NEIGHBOURS)
    elapsed = time.perf_counter() - started
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"time_s": elapsed, "peak_gib": peak_gib}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="2,000 x 30,000")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--variant", help=argparse.SUPPRESS)
    options = parser.parse_args()
    size = (2_000, 30_000) if options.quick else (20_000, 300_000)
    if options.variant:
        print(json.dumps(measure(options.variant, *size)))
        return
    rows = []
    for variant in ("faiss", "stiltwalk"):
        command = [sys.executable, __file__, "--variant", variant]
        command += ["--quick"] if options.quick else []
        found = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
        row = {"workload": f"{size[0]:,} x {size[1]:,} x {WIDTH}", "variant": variant}
        rows.append({**row, **json.loads(found.stdout), "repeats": 1})
    for row in rows:
        row["ratio"] = row["time_s"] / rows[0]["time_s"]
    if options.json:
        print(json.dumps({"machine": platform.platform(), "rows": rows}, indent=1))
        return
    for row in rows:
        print(
            f"{row['workload']:24} {row['variant']:10} {row['time_s']:8.1f} s "
            f"{row['peak_gib']:5.2f} GiB  {row['ratio']:.2f} x faiss"
        )


if __name__ == "__main__":
    main()
