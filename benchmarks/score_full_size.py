"""Time `stiltwalk score` on random answers of XTREME's full size, and on a mock set of ten rows.

python benchmarks/score_full_size.py [--quick] [--json]
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from stiltwalk.data.xtreme_files import Form, answers_path, write_answers, write_gold
from stiltwalk.tasks.scoring import XTREME

ROWS = {
    "xnli": (5_010, 5_010),
    "pawsx": (2_000, 2_000),
    "udpos": (47, 20_436),
    "panx": (100, 10_000),
    "xquad": (1_190, 1_190),
    "mlqa": (4_517, 11_590),
    "tydiqa": (440, 921),
    "bucc2018": (1_899, 14_435),
    "tatoeba": (205, 1_000),
}
"""Test rows of each task's smallest and largest language; the others lie evenly between."""

WORDS = "the a der ال 北京 1999 river, city; Haus при นคร दिल्ली of and von de".split()
TAGS = {"udpos": "NOUN VERB CCONJ SCONJ INTJ DET X".split(), "panx": "O B-PER I-PER B-LOC".split()}


def answers(rng: random.Random, name: str, form: Form, count: int) -> Any:  # noqa: ANN401
    """Return random answers of one file."""
    match form:
        case Form.TAGS:
            return [rng.choices(TAGS[name], k=rng.randint(5, 25)) for _ in range(count)]
        case Form.TEXTS:
            return {f"q{i}": " ".join(rng.choices(WORDS, k=3)) for i in range(count)}
        case Form.PAIRS:
            return [(f"f{i}", f"e{rng.randrange(count)}") for i in range(count)]
        case _:
            return rng.choices("01", k=count)


def fill(folder: Path, limit: int) -> None:
    """Write predictions and labels of every task and language, at most `limit` rows each."""
    rng = random.Random(0)  # noqa: S311 - a benchmark
    for name, task in XTREME.tasks.items():
        least, most = ROWS[name]
        for place, language in enumerate(task.languages):
            rows = least + (most - least) * place // (len(task.languages) - 1)
            gold = answers(rng, name, task.form, min(limit, rows))
            predicted = (
                {q: " ".join(rng.choices(WORDS, k=3)) for q in gold}
                if isinstance(gold, dict)
                else gold
            )
            write_answers(
                answers_path(folder / "predictions", name, language, task.form),
                task.form,
                predicted,
            )
            accepted = {q: [text] for q, text in gold.items()} if isinstance(gold, dict) else gold
            write_gold(
                answers_path(folder / "labels", name, language, task.form), task.form, accepted
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the mock set alone")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    sizes = {"mock": 10} if options.quick else {"mock": 10, "full size": 10**9}
    code = (
        "from stiltwalk.tasks.scoring import score_folder; from pathlib import Path; import sys; "
    )
    code += "score_folder(Path(sys.argv[1]) / 'predictions', Path(sys.argv[1]) / 'labels')"
    rows = []
    for name, limit in sizes.items():
        with tempfile.TemporaryDirectory() as folder:
            fill(Path(folder), limit)
            times = []
            for _ in range(3):
                started = time.perf_counter()
                subprocess.run([sys.executable, "-c", code, folder], check=True)  # noqa: S603
                times.append(time.perf_counter() - started)
        spread = max(times) - min(times)
        rows.append(
            {
                "workload": name,
                "variant": "score_folder, with the start of Python",
                "time_s": sorted(times)[1],
                "repeats": 3,
                "spread_s": spread,
            }
        )
    if options.json:
        print(json.dumps({"machine": platform.platform(), "rows": rows}, indent=1))
    else:
        for row in rows:
            print(f"{row['workload']:10} {row['time_s']:7.2f} s ± {row['spread_s']:.2f}")


if __name__ == "__main__":
    main()
