"""Time training steps against `transformers.Trainer`, on the same data and weights.

    OMP_NUM_THREADS=2 python benchmarks/training.py [--workload NAME] [--variants ours_bf16,…]
        [--turns N] [--keep FILE] [--quick] [--json]

`pairs` and `questions` train an encoder of XLM-R base's shape (12 x 768, 250,002 ids, random
weights) on random ids: as long as MNLI's rows and SQuAD's windows, and of 20,000 different ids,
about as many as the whole of MNLI has. `learning` trains the miniature's base encoder on the
miniature's MNLI to the end, and shows that all variants learn the same.

The Trainer's variants have its defaults (fp32, random batches), or are tuned: batches grouped by
length, bf16. They run in a process as users start it; ours in another that takes huge pages, as
`stiltwalk run` does. All have the same examples per step, AdamW, warm-up, and clipping. The
variants take turns, and in each every one makes the batches of an epoch in its own way and runs as
many of them: those from short to long that stand for all. A ratio is taken within a turn. With
`--keep` what is measured is added to a file, so that several calls make one table. `--quick` takes
two blocks of the encoder, which are little beside its table of embeddings.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import accelerate
import numpy as np
import torch
import transformers
from huge_pages import started
from training_variants import PAD_ID, PRECISIONS, VARIANTS, Problem, train
from transformers import XLMRobertaConfig
from transformers.utils import logging as transformers_logging

from stiltwalk.data.source import DataSource
from stiltwalk.features.rows import Features, Ragged
from stiltwalk.features.text import load_text_encoder
from stiltwalk.heads import head_of
from stiltwalk.inference.engine import Engine
from stiltwalk.models import checkpoint
from stiltwalk.models.locate import MINI_BASE, locate
from stiltwalk.recipe.schema import ModelSettings, TrainSettings
from stiltwalk.records import Split, TaskType
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import examples
from stiltwalk.training.data import TaskRows, dev_score, task_rows

WORKLOADS = ("pairs", "questions", "learning")
COUNTED_STEPS = 4
BASELINE, TUNED = VARIANTS[:2]

SPEED = "tokens_per_s"
Row = dict[str, Any]

transformers_logging.set_verbosity_error()


def base_size(workload: str, num_blocks: int) -> Problem:
    """Return an encoder of XLM-R base's shape, and rows as long as real ones."""
    config = XLMRobertaConfig(
        vocab_size=250_002,
        num_hidden_layers=num_blocks,
        max_position_embeddings=514,
        type_vocab_size=1,
        pad_token_id=PAD_ID,
    )
    torch.manual_seed(0)
    encoder = transformers.XLMRobertaModel(config)
    rng = np.random.default_rng(0)
    if workload == "pairs":  # as long as MNLI's rows: mean 44 tokens, 5 to 95 %: 17 to 80
        task, batch, count, longest = TASKS["mnli"], 32, 6400, 256
        lengths = rng.lognormal(np.log(40), 0.48, count)
        gold = rng.integers(0, 3, (count, 1))
    else:  # as SQuAD's windows: mean 221 tokens, 8 % of them full
        task, batch, count, longest = TASKS["squad_v1"], 16, 3200, 384
        lengths = rng.lognormal(np.log(205), 0.38, count)
        gold = rng.integers(0, 30, (count, 2))
    lengths = np.clip(lengths, 8, longest).round().astype(np.int64)
    ids = [np.concatenate([[0], rng.integers(5, 20_000, n - 2), [2]]) for n in lengths]
    features = Features(
        ids=Ragged.of(ids), second=lengths // 2, example=np.arange(count), labels=Ragged.of(gold)
    )
    rows = TaskRows(
        name=task.name,
        task=task,
        head=head_of(task.task_type),
        labels=task.labels,
        train=features,
        dev_examples=(),
        dev=features,
    )
    settings = TrainSettings(effective_batch_size=batch)
    return Problem(encoder=encoder, rows=rows, settings=settings)


def speed(workload: str, options: argparse.Namespace) -> Iterator[Row]:
    """Yield a row per variant, with real tokens per second."""
    num_blocks = 2 if options.quick else 12
    processes = {
        is_ours: started(_start, workload, num_blocks, huge_pages=is_ours)
        for is_ours in (False, True)
    }
    for process in processes.values():
        process.submit(os.getpid).result()  # both are ready
    found: list[Row] = []
    if options.keep and options.keep.is_file():
        found = [json.loads(line) for line in options.keep.read_text("utf-8").splitlines()]
        found = [each for each in found if each["workload"] == workload]
    first = 1 + max((each["turn"] for each in found), default=0)
    for turn in range(first, first + options.turns):
        for variant in options.variants if turn % 2 else reversed(options.variants):
            process = processes[variant in PRECISIONS]
            tokens_per_s = process.submit(_tokens_per_s, variant, turn).result()
            print(f"{workload} {turn} {variant} {tokens_per_s:,.0f} tokens/s", file=sys.stderr)
            found.append(
                {"workload": workload, "turn": turn, "variant": variant, SPEED: tokens_per_s}
            )
            if options.keep:
                with options.keep.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(found[-1]) + "\n")
    for process in processes.values():
        process.shutdown()
    yield from table(found)


_problem: Problem


def _start(workload: str, num_blocks: int) -> None:
    global _problem  # noqa: PLW0603 - a process's own
    _problem = base_size(workload, num_blocks)


def _tokens_per_s(variant: str, turn: int) -> float:
    return train(_problem, variant, turn, COUNTED_STEPS).tokens_per_s()


def table(found: Sequence[Row]) -> Iterator[Row]:
    """Yield a row per variant: medians over turns, of ratios over the turns that both took."""
    by_variant: dict[str, dict[int, float]] = {}
    for each in found:
        by_variant.setdefault(each["variant"], {})[each["turn"]] = each[SPEED]
    for variant, speeds in by_variant.items():
        row: Row = {"workload": found[0]["workload"], "variant": variant}
        row |= {SPEED: statistics.median(speeds.values()), "repeats": len(speeds)}
        row["spread"] = max(speeds.values()) - min(speeds.values())
        for name, other in (("ratio", BASELINE), ("ratio_to_tuned", TUNED)):
            others = by_variant.get(other, {})
            ratios = [speeds[turn] / others[turn] for turn in speeds if turn in others]
            row[name] = statistics.median(ratios) if ratios else None
        yield row


def learning(options: argparse.Namespace) -> Iterator[Row]:
    """Yield a row per variant, with the loss over the last epoch and the dev score in the end."""
    folder, task = locate(ModelSettings(name=MINI_BASE), fetch=False).folder, TASKS["mnli"]
    assert folder is not None
    settings = TrainSettings(
        learning_rate=5e-4,
        num_epochs=4,
        effective_batch_size=16,
        max_length_tokens=200,
        max_rows=400 if options.quick else 1600,
        eval_rows=1000,
    )
    parts = [
        examples(task, DataSource(source="mini"), split, "en", settings.max_rows)
        for split in (Split.TRAIN, Split.DEV)
    ]
    rows = task_rows(task, *parts, load_text_encoder(folder), settings)
    problem = Problem(
        encoder=checkpoint.load(TaskType.RETRIEVAL, folder), rows=rows, settings=settings
    )
    baseline = None
    for variant in options.variants:
        losses, scores = [], []
        for seed in range(1, options.turns + 1):
            run = train(problem, variant, seed)
            losses.append(statistics.mean(run.losses[-len(run.losses) // settings.num_epochs :]))
            scores.append(dev_score(rows, Engine(model=run.model, pad_id=PAD_ID)))
        baseline = baseline or statistics.mean(losses)
        yield {
            "workload": "learning",
            "variant": variant,
            "loss_nats": statistics.mean(losses),
            "dev_accuracy": statistics.mean(scores),
            "ratio": statistics.mean(losses) / baseline,
            "repeats": len(losses),
            "spread": max(losses) - min(losses),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workload", choices=WORKLOADS)
    parser.add_argument("--variants", default=",".join(VARIANTS))
    parser.add_argument("--turns", type=int, default=3, help="of every variant; one seed each")
    parser.add_argument("--keep", type=Path, help="JSON lines of earlier calls, and of this one")
    parser.add_argument("--quick", action="store_true", help="two blocks, one turn")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    options.variants = options.variants.split(",")
    if options.quick:
        options.turns = 1
    rows = []
    for workload in [options.workload] if options.workload else WORKLOADS:
        for row in learning(options) if workload == "learning" else speed(workload, options):
            rows.append(row)
            if not options.json:
                print("  ".join(f"{name} {_shown(row[name])}" for name in row), flush=True)
    versions = {each.__name__: each.__version__ for each in (torch, transformers, accelerate)}
    machine = {"name": platform.platform(), "threads": torch.get_num_threads(), **versions}
    if options.json:
        print(json.dumps({"machine": machine, "rows": rows}, indent=1))


def _shown(value: str | float | None) -> str:
    return f"{value:,.3f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
