"""Show that inference grows linearly with the set, and what is spent beside the model.

    python benchmarks/inference_growth.py [--quick] [--json] [--rows 60] [--threads 2]

XNLI's test rows in 15 languages, a base-size encoder: 1, 2, 4 and 8 times `--rows` through the
engine in fp32, with the peak of memory; then, on the largest set, each step as a share of the
whole. `ratio` is time per real token to that of the smallest set, or the share. The text is that
of ../shared/real.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["THP_MEM_ALLOC_ENABLE"] = "1"  # as `stiltwalk run` does

import torch
from inference_limits import peak_bytes
from inference_workloads import LABELS, MAX_TOKENS, REAL, workload

from stiltwalk.data.source import DataSource
from stiltwalk.data.xtreme_files import form_of, write_answers
from stiltwalk.features.cache import kept_features
from stiltwalk.features.text import TextEncoder
from stiltwalk.heads import head_of
from stiltwalk.inference.engine import Engine
from stiltwalk.inference.predictor import outputs
from stiltwalk.metrics.score import score
from stiltwalk.records import Example, Metric, Split, TaskType, gold_answers
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import examples

TASK = TASKS["xnli"]


def rows_of(count: int) -> list[Example]:
    """Return so many test rows, the languages evenly."""
    source = DataSource(source=str(REAL / "hub"))
    each = -(-count // len(TASK.languages))
    return [
        row
        for language in TASK.languages
        for row in examples(TASK, source, Split.TEST, language, each)
    ]


@contextmanager
def timed(steps: dict[str, float], name: str) -> Iterator[None]:
    """Note how many seconds a block took."""
    began = time.perf_counter()
    yield
    steps[name] = time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="15 rows at first")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--rows", type=int, default=60)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows = measure(15 if options.quick else options.rows)
    if options.json:
        machine = f"{platform.platform()}, {options.threads} threads, torch {torch.__version__}"
        print(json.dumps({"machine": machine, "rows": rows}, indent=1))
        return
    for row in rows:
        memory = f"{row['peak_gib']:.2f} GiB" if "peak_gib" in row else ""
        print(f"{row['workload']:12} {row['variant']:18} {row['time_s']:8.3f} s", end=" ")
        print(f"{row['ratio']:8.2%} {memory}")


def measure(smallest: int) -> list[dict[str, Any]]:
    """Return one row per size, then one per step of the largest."""
    given = workload("xnli", "base", 15)
    engine = Engine(model=given.model, pad_id=given.encoder.pad_id)
    outputs(engine, head_of(TaskType.PAIR), given.features)  # warm
    found: list[dict[str, Any]] = []
    steps: dict[str, float] = {}
    for times in (1, 2, 4, 8):
        peak_bytes(reset=True)
        steps, per_token_s = evaluate(rows_of(smallest * times), engine, given.encoder)
        row = {"workload": f"{smallest * times} rows", "variant": "ours_fp32", "repeats": 1}
        first = found[0]["per_token_s"] if found else per_token_s
        more = {"time_s": steps["model"], "per_token_s": per_token_s, "ratio": per_token_s / first}
        found.append({**row, **more, "peak_gib": peak_bytes() / 2**30})
    whole = sum(steps.values())
    return found + [
        {**row, "variant": name, "time_s": took_s, "ratio": took_s / whole}
        for name, took_s in steps.items()
    ]


def evaluate(
    asked: list[Example], engine: Engine, encoder: TextEncoder
) -> tuple[dict[str, float], float]:
    """Return the seconds of each step from text to score, and the model's per real token."""
    steps: dict[str, float] = {}
    kind, folder = head_of(TaskType.PAIR), Path(tempfile.mkdtemp())
    form = form_of(TaskType.PAIR, Metric.ACCURACY)
    with timed(steps, "tokenise"):
        made = kind.features(asked, encoder, LABELS, MAX_TOKENS["xnli"])
    with timed(steps, "keep features"):
        kept_features(folder, {}, lambda: [made])
    with timed(steps, "read features"):
        features = kept_features(folder, {}, list).whole
    with timed(steps, "model"):
        found, _ = outputs(engine, kind, features)
    with timed(steps, "decode"):
        answers = kind.decode(found, features, asked, LABELS)
    with timed(steps, "write"):
        write_answers(folder / "test-en.tsv", form, answers)
    with timed(steps, "score"):
        score(Metric.ACCURACY, answers, gold_answers(asked), "en")
    return steps, steps["model"] / int(features.ids.lengths.sum())


if __name__ == "__main__":
    main()
