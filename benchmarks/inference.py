"""Time zero-shot inference against what users run today, interleaved.

    python benchmarks/inference.py [--quick] [--json] [--workloads xnli,xquad,tatoeba]
        [--variants trainer,ours_fp32,…] [--shape base|large|FOLDER] [--rows 1050] [--tokens 10000]
        [--repeats 5] [--checked 64] [--threads 2] [--keep FILE]

What users run today runs in a process of its own, as they start it; ours and the runtimes in
another that takes huge pages, as `stiltwalk run` does. Every repeat times about `--tokens` real
tokens of a set of `--rows` rows, every n-th of the batches that a variant makes of the whole set,
others each time: 32 rows that follow one another, or ours, which are sorted. With `--keep` what is
measured is added to a file, so that several calls make one table. `ratio` is in real tokens/s to
`trainer`, `ceiling` the share of the fastest matrix product of that format in the same repeat. The
text is that of $STILTWALK_REAL, ../shared/real by default.

    padded_max   32 rows, each padded to the task's maximum (as jiant does)
    trainer      Trainer.predict, 32 rows, its default collator
    pipeline     transformers' text-classification pipeline, 32 rows; it tokenises, too
    onnxruntime_fp32, openvino_fp32, openvino_bf16   model and head in that runtime, in our batches
    ours_fp32, ours_bf16, ours_int8                  torch
    ours_openvino_fp32, …_bf16, …_int8, ours_onnxruntime_fp32   the encoder there, the head in torch
    ours_auto    what `engine = "auto"` chooses

For retrieval the stock variants run all blocks, ours those that are read.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"

import inference_variants as variants
import numpy as np
import torch
import transformers
from huge_pages import started
from inference_limits import ceiling, peak_bytes
from inference_workloads import Workload, workload

from stiltwalk.features.batches import inference_batches
from stiltwalk.models.device import CPU_BATCH_TOKENS as BATCH_TOKENS

Measured = dict[str, Any]
IN_ORDER = ("padded_max", "trainer", "pipeline")
VARIANTS: Mapping[str, Callable[[Workload], variants.Variant]] = {
    "trainer": variants.trainer,
    "padded_max": variants.padded_max,
    "pipeline": variants.pipeline,
    "onnxruntime_fp32": variants.onnxruntime_fp32,
    "openvino_fp32": lambda given: variants.openvino(given, "f32"),
    "openvino_bf16": lambda given: variants.openvino(given, "bf16"),
    "ours_fp32": lambda given: variants.ours(given, "fp32"),
    "ours_bf16": lambda given: variants.ours(given, "bf16"),
    "ours_int8": lambda given: variants.ours(given, "int8"),
    "ours_openvino_fp32": lambda given: variants.ours(given, "fp32", "openvino"),
    "ours_openvino_bf16": lambda given: variants.ours(given, "bf16", "openvino"),
    "ours_openvino_int8": lambda given: variants.ours(given, "int8", "openvino"),
    "ours_onnxruntime_fp32": lambda given: variants.ours(given, "fp32", "onnxruntime"),
    "ours_auto": lambda given: variants.ours(given, "fp32", "auto"),
}


def has(variant: str, name: str) -> bool:
    """Tell whether a variant can run here on a workload."""
    if variant == "pipeline":
        return name == "xnli"
    package = variant.removeprefix("ours_").partition("_")[0]
    return package not in ("onnxruntime", "openvino") or find_spec(package) is not None


def part(given: Workload, tokens: int, variant: str, number: int) -> variants.Rows:
    """Return the rows of every n-th batch of a set, about so many real tokens."""
    if variant in IN_ORDER:
        rows = np.arange(len(given.lengths))
        batches = [rows[at : at + variants.BATCH_ROWS] for at in rows[:: variants.BATCH_ROWS]]
    else:
        batches = inference_batches(given.lengths, BATCH_TOKENS)
    count = min(len(batches), max(1, round(int(given.lengths.sum()) / tokens)))
    return np.concatenate(batches[number % count :: count])


class Runs:
    """Variants of one workload, in the process that runs them."""

    def __init__(self, name: str, options: argparse.Namespace, names: Sequence[str]) -> None:
        """Make rows, model and variants; call each once, since first calls are slow."""
        torch.set_num_threads(options.threads)
        transformers.logging.set_verbosity_error()
        warnings.simplefilter("ignore")
        self.given, self.options = workload(name, options.shape, options.rows), options
        self.run = {each: VARIANTS[each](self.given) for each in names}
        for run in self.run.values():
            run(np.arange(16))

    def ceilings(self) -> dict[str, float]:
        """Return the fastest matrix product of each format, in FLOP/s."""
        width = self.given.model.config.hidden_size
        return {
            "fp32": ceiling(torch.float32, width),
            "bf16": ceiling(torch.bfloat16, width),
        }

    def differences(self) -> list[Measured]:
        """Return how each variant's outputs differ from those of rows run one by one."""
        last, one_by_one = len(self.given.lengths) - 1, variants.trainer(self.given)
        rows = np.linspace(0, last, self.options.checked).astype(int)
        alone = [one_by_one(rows[at : at + 1])[0] for at in range(len(rows))]
        return [{"variant": name, **difference(run(rows), alone)} for name, run in self.run.items()]

    def timed(self, name: str, repeat: int) -> Measured:
        """Run a part of the rows through one variant; return what it took."""
        rows = part(self.given, self.options.tokens, name, repeat)
        peak_bytes(reset=True)
        began = time.perf_counter()
        self.run[name](rows)
        return {
            "variant": name,
            "took_s": time.perf_counter() - began,
            "tokens": int(self.given.lengths[rows].sum()),
            "rows": len(rows),
            "flops": self.given.flops(rows),
            "peak_gib": peak_bytes() / 2**30,
        }


_runs: Runs


def _start(name: str, options: argparse.Namespace, names: Sequence[str]) -> None:
    global _runs  # noqa: PLW0603 - a process's own
    _runs = Runs(name, options, names)


def _call(method: str, *given: Any) -> Any:  # noqa: ANN401
    return getattr(_runs, method)(*given)


def measure(
    name: str, options: argparse.Namespace, before: Sequence[Measured]
) -> Iterator[Measured]:
    """Yield how each variant's outputs differ, then what each repeat took."""
    names = [each for each in VARIANTS if has(each, name) and each in options.variants]
    about = {"workload": name, "shape": options.shape}
    stock = [each for each in names if each in IN_ORDER]
    groups = [group for group in (stock, names[len(stock) :]) if group]
    processes = {
        id(group): started(_start, name, options, group, huge_pages=not set(group) <= set(IN_ORDER))
        for group in groups
    }
    where = {each: processes[id(group)] for group in groups for each in group}
    for process in processes.values():
        process.submit(os.getpid).result()  # both are ready
    if options.checked:
        for process in processes.values():
            for found in process.submit(_call, "differences").result():
                yield {**about, **found}
    done = [each["variant"] for each in before if {**each, **about} == each and "took_s" in each]
    first = max((done.count(each) for each in names), default=0)
    for repeat in range(first, first + options.repeats):
        fastest = where[names[-1]].submit(_call, "ceilings").result()
        for each in names if repeat % 2 == 0 else reversed(names):
            found = where[each].submit(_call, "timed", each, repeat).result()
            format_ = each.rpartition("_")[2]
            none = math.nan if format_ in ("int8", "auto") else fastest["fp32"]
            yield {**about, **found, "fastest": fastest.get(format_, none)}
    for process in processes.values():
        process.shutdown()


def difference(found: variants.Outputs, alone: variants.Outputs) -> Measured:
    """Return how outputs compare with rows run one by one through the stock model."""
    pairs = list(zip(found, alone, strict=True))
    same = [(one.argmax(0) == other.argmax(0)).all() for one, other in pairs]
    return {
        "max_difference": float(max(np.abs(one - other).max() for one, other in pairs)),
        "same_argmax": float(np.mean(same)),
    }


def table(measured: list[Measured]) -> list[Measured]:
    """Return one row per workload, shape and variant: medians over all that was measured."""
    keys = dict.fromkeys((e["workload"], e["shape"], e["variant"]) for e in measured)
    rows = []
    for key in sorted(keys, key=lambda key: (key[0], key[1], list(VARIANTS).index(key[2]))):
        own = [e for e in measured if (e["workload"], e["shape"], e["variant"]) == key]
        timed = [each for each in own if "took_s" in each]
        if not timed:
            continue
        speeds = [each["tokens"] / each["took_s"] for each in timed]
        row: Measured = dict(zip(("workload", "shape", "variant"), key, strict=True))
        for each in own:
            row |= {name: each[name] for name in each if name in ("max_difference", "same_argmax")}
        row["tokens_per_s"] = statistics.median(speeds)
        row["spread"] = [min(speeds), max(speeds)]
        row["examples_per_s"] = statistics.median(each["rows"] / each["took_s"] for each in timed)
        row["ceiling"] = statistics.median(
            each["flops"] / each["took_s"] / each["fastest"] for each in timed
        )
        row["peak_gib"] = max(each["peak_gib"] for each in timed)
        row["tokens"] = sum(each["tokens"] for each in timed)
        row["repeats"] = len(timed)
        rows.append(row)
    base = {(row["workload"], row["shape"]): row for row in rows if row["variant"] == "trainer"}
    for row in rows:
        stock = base.get((row["workload"], row["shape"]))
        row["ratio"] = row["tokens_per_s"] / stock["tokens_per_s"] if stock else None
    return rows


def asked() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two repeats of few tokens, no ONNX")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--workloads", default="xnli,xquad,tatoeba")
    parser.add_argument("--variants", default=",".join(VARIANTS))
    parser.add_argument("--shape", default="base", help="base, large, or an encoder's folder")
    parser.add_argument("--rows", type=int, default=1050)
    parser.add_argument("--tokens", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--checked", type=int, default=64, help="rows whose outputs are compared")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="JSON lines of earlier calls, and of this one")
    options = parser.parse_args()
    if options.quick:
        options.repeats, options.tokens, options.checked = 2, 1_500, 8
        options.workloads, options.variants = "xnli", "trainer,ours_fp32,ours_bf16"
    options.variants = options.variants.split(",")
    return options


def main() -> None:
    options = asked()
    measured: list[Measured] = []
    if options.keep and options.keep.is_file():
        measured += map(json.loads, options.keep.read_text(encoding="utf-8").splitlines())
    for name in filter(None, options.workloads.split(",")):
        for each in measure(name, options, measured):
            measured.append(each)
            if options.keep:
                with options.keep.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(each) + "\n")
    rows = table(measured)
    if options.json:
        machine = f"{platform.platform()}, {options.threads} threads, torch {torch.__version__}"
        print(json.dumps({"machine": machine, "rows": rows}, indent=1))
    else:
        show(rows)


def show(rows: list[Measured]) -> None:
    """Print the table, ready for a page."""
    print("| workload | variant | tokens/s | range | rows/s | ratio | ceiling |", end="")
    print(" max diff | same argmax | peak GiB | repeats |\n" + "|---" * 11 + "|")
    for row in rows:
        name = row["workload"] + ("" if row["shape"] == "base" else f", {row['shape']}")
        low, high = row["spread"]
        figures = [
            f"{row['tokens_per_s']:,.0f}",
            f"{low:,.0f}-{high:,.0f}",
            f"{row['examples_per_s']:.1f}",
            f"{row['ratio'] or math.nan:.2f}",
            f"{row['ceiling']:.0%}",
            f"{row.get('max_difference', math.nan):.0e}",
            f"{row.get('same_argmax', math.nan):.1%}",
            f"{row['peak_gib']:.2f}",
            str(row["repeats"]),
        ]
        print(" | ".join([f"| {name} | `{row['variant']}`", *figures]), "|")


if __name__ == "__main__":
    main()
