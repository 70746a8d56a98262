"""Time writing the report of ten arms, nine targets, 40 languages and three seeds, all made up.

python benchmarks/report_grid.py [--quick] [--json]
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).parents[1] / "tests" / "reports"
CODE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from synthetic import make_run
from stiltwalk.reports.write import write_report
arms = ("none", "mnli", "squad_v1", "all", *(f"arm {number}" for number in range(5, 11)))
num_arms, num_seeds = map(int, sys.argv[3:])
run = make_run(arms=arms[:num_arms], seeds=tuple(range(1, num_seeds + 1)))
write_report(run, Path(sys.argv[2]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="four arms and one seed alone")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    sizes = {"4 arms, 1 seed": (4, 1)} | ({} if options.quick else {"10 arms, 3 seeds": (10, 3)})
    rows = []
    for name, size in sizes.items():
        times, num_bytes = [], 0
        for _ in range(3):
            with tempfile.TemporaryDirectory() as folder:
                started = time.perf_counter()
                subprocess.run(  # noqa: S603 - our own program
                    [sys.executable, "-c", CODE, str(TESTS), folder, *map(str, size)], check=True
                )
                times.append(time.perf_counter() - started)
                num_bytes = (Path(folder) / "report.html").stat().st_size
        rows.append(
            {
                "workload": name,
                "variant": "write_report, with the start of Python and all figures",
                "time_s": sorted(times)[1],
                "page_bytes": num_bytes,
                "repeats": 3,
                "spread_s": max(times) - min(times),
            }
        )
    if options.json:
        print(json.dumps({"machine": platform.platform(), "rows": rows}, indent=1))
        return
    for row in rows:
        print(
            f"{row['workload']:18} {row['time_s']:6.1f} s ± {row['spread_s']:.1f}, "
            f"page {row['page_bytes'] / 1e6:.2f} MB"
        )


if __name__ == "__main__":
    main()
