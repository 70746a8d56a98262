"""Search a million candidates exactly, and compare a part with brute force.

    python benchmarks/million.py [--quick] [--json]

1,000 queries against 1,000,000 made candidates of width 384, the 20 nearest of each. Candidates
are made in parts and searched part by part, as an evaluation of Mewsli-X does; every tenth is a
copy of an earlier one, so that there are ties. `--quick` searches 100,000 of them. Each variant
runs in a process of its own, so that the peak of memory is its own. "exact" is the share of 100
queries for which a sort of all cosines, each summed alone, gives the same rows in the same order;
"cut otherwise" searches in other parts with two threads in place of one.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from stiltwalk.metrics.bitext import Neighbours, nearest_of_many

WIDTH, NUM_QUERIES, K, CHUNK, NUM_CHECKED = 384, 1_000, 20, 10_000, 100
PARTS = {"in parts of 50,000": 50_000, "cut otherwise": 30_000}
THREADS = {"cut otherwise": "2"}
MOST_GB = 3.0


def chunk(number: int) -> NDArray[np.float32]:
    """Return 10,000 made candidates; every tenth is the first chunk's of that place."""
    drawn = np.random.default_rng(number + 1).standard_normal((CHUNK, WIDTH), dtype=np.float32)
    if number:
        drawn[::10] = chunk(0)[::10]
    return drawn


def candidates(num_candidates: int, part: int) -> Iterator[NDArray[np.float32]]:
    """Yield all of them in parts of one size."""
    for start in range(0, num_candidates, part):
        numbers = range(start // CHUNK, min(start + part, num_candidates) // CHUNK)
        yield np.concatenate([chunk(number) for number in numbers])


def queries() -> NDArray[np.float32]:
    """Return queries that are near to some candidates."""
    noise = np.random.default_rng(0).standard_normal((NUM_QUERIES, WIDTH), dtype=np.float32)
    return chunk(0)[:NUM_QUERIES] + noise


def by_brute_force(num_candidates: int) -> NDArray[np.int64]:
    """Return the rows of some queries' nearest candidates, by a sort of every cosine."""
    query_ND = queries()[:NUM_CHECKED].astype(np.float64)
    query_ND /= np.linalg.norm(query_ND, axis=1)[:, None]
    cosines = []
    for each_MD in candidates(num_candidates, CHUNK):
        unit_MD = each_MD.astype(np.float64) / np.linalg.norm(each_MD, axis=1)[:, None]
        cosines.append(np.stack([(unit_MD * query).sum(axis=1) for query in query_ND]))
    cosine_NM = np.concatenate(cosines, axis=1).astype(np.float32)
    return np.argsort(-cosine_NM, axis=1, kind="stable")[:, :K]


def measure(variant: str, num_candidates: int) -> dict[str, object]:
    """Run one variant in this process."""
    if variant == "brute force":
        return {"rows": by_brute_force(num_candidates).tolist()}
    query_ND, making_s = queries(), 0.0

    def told() -> Iterator[NDArray[np.float32]]:
        nonlocal making_s
        found = candidates(num_candidates, PARTS[variant])
        while True:
            began = time.perf_counter()
            part = next(found, None)
            making_s += time.perf_counter() - began
            if part is None:
                return
            yield part

    began = time.perf_counter()
    nearest: Neighbours = nearest_of_many(query_ND, told(), K)
    time_s = time.perf_counter() - began - making_s
    digest = hashlib.sha256(nearest.index_NK.tobytes() + nearest.score_NK.tobytes()).hexdigest()
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    rows = nearest.index_NK[:NUM_CHECKED].tolist()
    return {"time_s": time_s, "peak_gb": peak_gb, "digest": digest, "rows": rows}


def in_a_process(variant: str, options: argparse.Namespace) -> dict[str, object]:
    """Run one variant in a process of its own."""
    command = [sys.executable, __file__, "--variant", variant]
    command += ["--quick"] if options.quick else []
    threads = THREADS.get(variant, "1")
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
    found = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)  # noqa: S603
    document: dict[str, object] = json.loads(found.stdout)
    return document


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="100,000 candidates")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--variant", help=argparse.SUPPRESS)
    options = parser.parse_args()
    size = 100_000 if options.quick else 1_000_000
    if options.variant:
        print(json.dumps(measure(options.variant, size)))
        return
    brute = in_a_process("brute force", options)["rows"]
    assert isinstance(brute, list)
    rows, first = [], None
    for variant in PARTS:
        found = in_a_process(variant, options)
        mine = found.pop("rows")
        assert isinstance(mine, list)
        exact = sum(one == other for one, other in zip(mine, brute, strict=True)) / len(brute)
        digest = found.pop("digest")
        first = first or (digest, found["time_s"])
        row = {"workload": f"{NUM_QUERIES:,} x {size:,} x {WIDTH}", "variant": variant, **found}
        row |= {"exact": exact, "same_bytes": digest == first[0], "repeats": 1}
        rows.append({**row, "ratio": float(str(found["time_s"])) / float(str(first[1]))})
    if options.json:
        print(json.dumps({"machine": platform.platform(), "rows": rows}, indent=1))
        return
    for row in rows:
        print(
            f"{row['workload']:24} {row['variant']:20} {row['time_s']:8.1f} s "
            f"{row['peak_gb']:5.2f} GB (at most {MOST_GB:g})  exact {row['exact']:.0%}  "
            f"same bytes {row['same_bytes']}"
        )


if __name__ == "__main__":
    main()
