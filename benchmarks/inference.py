"""Time zero-shot inference against what users run today, in one process, interleaved.

    python benchmarks/inference.py [--quick] [--json] [--workloads xnli,xquad,tatoeba]
        [--variants all] [--shape base|large] [--rows 1050] [--tokens 10000] [--repeats 5]
        [--checked 64] [--threads 2]

Every repeat times about `--tokens` real tokens of a set of `--rows` rows, another part each time:
variants that keep the set's order get rows that follow one another, ours gets every n-th of the
batches that it makes of the whole set, since it sorts. `ratio` is in real tokens/s to `trainer`,
`ceiling` the share of the fastest matrix product of that format in the same run. The text is that
of ../shared/real.

    padded_max   32 rows, each padded to the task's maximum (as jiant does)
    trainer      Trainer.predict, 32 rows, its default collator
    pipeline     transformers' text-classification pipeline, 32 rows; it tokenises, too
    ours_fp32, ours_bf16
    onnxruntime_fp32, openvino_bf16   our batches in their runtime, where they are installed

For retrieval the stock variants run all blocks, ours those that are read.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
import warnings
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"

import inference_variants as variants
import numpy as np
import torch
import transformers
from inference_workloads import Workload, workload
from torch.nn import functional

from stiltwalk.features.batches import inference_batches
from stiltwalk.models.device import CPU_BATCH_TOKENS as BATCH_TOKENS

IN_ORDER = ("padded_max", "trainer", "pipeline")
VARIANTS: Mapping[str, Callable[[Workload], variants.Variant]] = {
    "trainer": variants.trainer,
    "padded_max": variants.padded_max,
    "pipeline": variants.pipeline,
    "ours_fp32": lambda given: variants.ours(given, "fp32"),
    "ours_bf16": lambda given: variants.ours(given, "bf16"),
    "onnxruntime_fp32": variants.onnxruntime_fp32,
    "openvino_bf16": variants.openvino_bf16,
}


def has(variant: str, given: Workload) -> bool:
    """Tell whether a variant can run here on a workload."""
    if variant == "pipeline":
        return given.name == "xnli"
    package = variant.partition("_")[0]
    return package not in ("onnxruntime", "openvino") or find_spec(package) is not None


def ceiling(dtype: torch.dtype, width: int) -> float:
    """Return the fastest matrix product of an encoder's shapes, in FLOP/s."""
    best, tokens = 0.0, BATCH_TOKENS
    setting = torch.backends.mkldnn.matmul
    before = setting.fp32_precision
    for width_in, width_out in ((width, width), (width, 4 * width), (4 * width, width)):
        x, weight = torch.randn(tokens, width_in), torch.randn(width_out, width_in)
        x, weight = x.to(dtype), weight.to(dtype)
        for library in ("none", "bf16"):  # on a CPU without AMX: MKL, and oneDNN in full fp32
            setting.fp32_precision = library
            for _ in range(12):
                began = time.perf_counter()
                functional.linear(x, weight)
                took_s = time.perf_counter() - began
                best = max(best, 2 * tokens * width_in * width_out / took_s)
    setting.fp32_precision = before
    return best


def parts(given: Workload, tokens: int, variant: str) -> list[variants.Rows]:
    """Return the set cut into parts of about so many real tokens, as a variant is fed them."""
    count = max(1, round(int(given.lengths.sum()) / tokens))
    if variant in IN_ORDER:
        return np.array_split(np.arange(len(given.lengths)), count)
    batches = inference_batches(given.lengths, BATCH_TOKENS)
    count = min(count, len(batches))
    return [np.concatenate(batches[first::count]) for first in range(count)]


def peak_bytes(reset: bool = False) -> int:
    """Return the peak of this process's memory since it was last reset, Linux only."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def measure(given: Workload, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return one row per variant."""
    names = [name for name in VARIANTS if has(name, given)]
    if options.variants != "all":
        names = [name for name in names if name in ("trainer", *options.variants.split(","))]
    run = {name: VARIANTS[name](given) for name in names}
    width = given.model.config.hidden_size
    fastest = {
        "fp32": ceiling(torch.float32, width),
        "bf16": ceiling(torch.bfloat16, width),
    }
    checked = np.linspace(0, len(given.lengths) - 1, options.checked).astype(int)
    alone = [variants.trainer(given)(checked[at : at + 1])[0] for at in range(len(checked))]
    rows = {name: _row(given, name, run[name](checked), alone) for name in names}
    times: dict[str, list[tuple[float, float, float]]] = {name: [] for name in names}
    for repeat in range(options.repeats):
        for name in names if repeat % 2 == 0 else reversed(names):
            cut = parts(given, options.tokens, name)
            some = cut[(repeat * max(1, len(cut) // options.repeats)) % len(cut)]
            peak_bytes(reset=True)
            began = time.perf_counter()
            run[name](some)
            took_s = time.perf_counter() - began
            tokens = float(given.lengths[some].sum())
            times[name].append((tokens / took_s, len(some) / took_s, given.flops(some) / took_s))
            rows[name]["peak_gib"] = max(rows[name].get("peak_gib", 0), peak_bytes() / 2**30)
    base = statistics.median(each[0] for each in times["trainer"])
    for name, row in rows.items():
        speeds = [each[0] for each in times[name]]
        row["tokens_per_s"] = statistics.median(speeds)
        row["spread"] = [min(speeds), max(speeds)]
        row["examples_per_s"] = statistics.median(each[1] for each in times[name])
        row["ratio"] = row["tokens_per_s"] / base
        useful = statistics.median(each[2] for each in times[name])
        row["ceiling"] = useful / fastest["bf16" if name.endswith("bf16") else "fp32"]
        row["repeats"] = options.repeats
    return list(rows.values())


def _row(
    given: Workload, name: str, found: variants.Outputs, alone: variants.Outputs
) -> dict[str, Any]:
    """Return how a variant's outputs compare with rows run one by one through the stock model."""
    pairs = list(zip(found, alone, strict=True))
    return {
        "workload": given.name,
        "variant": name,
        "max_difference": float(max(np.abs(one - other).max() for one, other in pairs)),
        "same_argmax": float(
            np.mean([(one.argmax(0) == other.argmax(0)).all() for one, other in pairs])
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two repeats of few tokens, no ONNX")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--workloads", default="xnli,xquad,tatoeba")
    parser.add_argument("--variants", default="all")
    parser.add_argument("--shape", choices=("base", "large"), default="base")
    parser.add_argument("--rows", type=int, default=1050)
    parser.add_argument("--tokens", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--checked", type=int, default=64, help="rows whose outputs are compared")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if options.quick:
        options.repeats, options.tokens, options.checked = 2, 1_500, 8
        options.workloads = "xnli"
        options.variants = "padded_max,ours_fp32,ours_bf16"
    torch.set_num_threads(options.threads)
    transformers.logging.set_verbosity_error()
    warnings.simplefilter("ignore")
    rows = []
    if not options.json:
        print(f"{'':27} tokens/s [  range  ] rows/s  ratio  ceiling  |diff|  argmax   peak")
    for name in options.workloads.split(","):
        found = measure(workload(name, options.shape, options.rows), options)
        rows += found
        if not options.json:
            show(found)
    if options.json:
        machine = f"{platform.platform()}, {options.threads} threads, torch {torch.__version__}"
        print(json.dumps({"machine": machine, "rows": rows}, indent=1))


def show(rows: list[dict[str, Any]]) -> None:
    """Print a workload's part of the table."""
    for row in rows:
        low, high = row["spread"]
        print(
            f"{row['workload']:8} {row['variant']:18} {row['tokens_per_s']:8,.0f} "
            f"[{low:,.0f}-{high:,.0f}] {row['examples_per_s']:6.1f} {row['ratio']:5.2f} x "
            f"{row['ceiling']:7.0%}  {row['max_difference']:.0e}  {row['same_argmax']:6.1%} "
            f"{row['peak_gib']:5.2f} GiB",
            flush=True,
        )


if __name__ == "__main__":
    main()
