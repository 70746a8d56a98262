"""Time the demo's predictions: sorted batches of all languages against a loop as users write it.

    python benchmarks/inference_demo.py [--quick] [--json] [--rows 200] [--tasks xnli,…]

The nine targets of the recipe `mini` in all their languages, the shipped encoder with fresh heads:
speed does not depend on what they learned. Both variants answer with the same code but for

    plain       language by language, 32 rows in their own order, padded to the longest; tokenised
                anew each time; retrieval runs every block
    ours        what `stiltwalk run` does the first time: features are made and kept
    ours_again  the same for every further model: features are read

`ratio` is the time of `plain` over a variant's.
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from stiltwalk.data.source import MINI, DataSource
from stiltwalk.features.cache import kept_features
from stiltwalk.features.rows import Features
from stiltwalk.features.sentences import line_features
from stiltwalk.features.text import load_text_encoder
from stiltwalk.heads import head_of
from stiltwalk.heads.head import make_batch
from stiltwalk.inference.engine import Engine, block_at, sentence_vectors
from stiltwalk.inference.predictor import outputs
from stiltwalk.models import checkpoint
from stiltwalk.models.locate import MINI_BASE, locate
from stiltwalk.recipe.schema import ModelSettings
from stiltwalk.records import Split, TaskType
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import bitext, examples
from stiltwalk.tasks.task import Task

TARGETS = "xnli pawsx udpos panx xquad mlqa tydiqa bucc2018 tatoeba".split()
MAX_TOKENS = 200
BATCH_ROWS = 32
DEPTH = 14 / 24
SOURCE = DataSource(source=MINI)


class Asked:
    """A task's rows in all languages, and the model that answers them."""

    def __init__(self, task: Task, num_rows: int) -> None:
        """Read the rows, so that no variant's time holds it."""
        folder = locate(ModelSettings(name=MINI_BASE), fetch=False).folder
        assert folder is not None
        self.encoder = load_text_encoder(folder)
        self.model = checkpoint.load(TaskType.RETRIEVAL, folder)
        self.is_retrieval = task.task_type is TaskType.RETRIEVAL
        if self.is_retrieval:
            self.block = block_at(DEPTH, self.model.config.num_hidden_layers)
            self.cut = checkpoint.load(TaskType.RETRIEVAL, folder, num_blocks=self.block)
            splits = (Split.DEV, Split.TEST) if task.name == "bucc2018" else (Split.TEST,)
            texts = [
                bitext(task, SOURCE, split, language, num_rows)
                for language in task.languages
                for split in splits
            ]
            self.parts = [[line.text for line in (*t.english, *t.foreign)] for t in texts]
            return
        self.kind, self.labels = head_of(task.task_type), task.labels
        self.model = checkpoint.with_head(self.model, task.task_type, task.labels, seed=1)
        self.parts = [
            list(examples(task, SOURCE, Split.TEST, language, num_rows))
            for language in task.languages
        ]

    def features(self, parts: Sequence[Sequence[Any]]) -> list[Features]:
        """Return each part's rows."""
        if self.is_retrieval:
            return [line_features(part, self.encoder, MAX_TOKENS) for part in parts]
        return [self.kind.features(part, self.encoder, self.labels, MAX_TOKENS) for part in parts]

    def plain(self) -> None:
        """Answer language after language, 32 rows at a time in their own order."""
        pad_id = self.encoder.pad_id
        for features in self.features(self.parts):
            rows = np.arange(features.num_rows)
            for start in range(0, len(rows), BATCH_ROWS):
                some = rows[start : start + BATCH_ROWS]
                batch = make_batch(features, some, pad_id, with_types=False)
                with torch.inference_mode():
                    if self.is_retrieval:
                        found = self.model(**batch.inputs(), output_hidden_states=True)
                        mask = batch.attention_mask_RT[..., None].float()
                        (found.hidden_states[self.block] * mask).sum(1) / mask.sum(1)
                    else:
                        self.kind.outputs(self.model, batch, features, some)

    def ours(self, folder: Path) -> None:
        """Answer all languages at once, as the pipeline does."""
        parts = self.parts
        if self.is_retrieval:
            parts = [list(dict.fromkeys(line for part in parts for line in part))]
        rows = kept_features(folder, {}, lambda: self.features(parts)).whole
        model = self.cut if self.is_retrieval else self.model
        engine = Engine(model=model, pad_id=self.encoder.pad_id)
        if self.is_retrieval:
            sentence_vectors(engine, rows, self.block)
        else:
            outputs(engine, self.kind, rows)


def measure(task: Task, num_rows: int) -> Iterator[dict[str, Any]]:
    """Yield a row per variant."""
    asked, folder = Asked(task, num_rows), Path(tempfile.mkdtemp())
    with torch.inference_mode():  # warm
        asked.model(input_ids=torch.full((32, 100), 5), attention_mask=torch.ones(32, 100).long())
    plain_s = 0.0
    for variant in ("plain", "ours", "ours_again"):
        began = time.perf_counter()
        if variant == "plain":
            asked.plain()
        else:
            asked.ours(folder)
        took_s = time.perf_counter() - began
        plain_s = plain_s or took_s
        about = {"workload": task.name, "variant": variant, "repeats": 1}
        yield {**about, "time_s": took_s, "ratio": plain_s / took_s}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="10 rows a language")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--rows", type=int, default=200, help="per task and language")
    parser.add_argument("--tasks", default=",".join(TARGETS))
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    list(measure(TASKS["xnli"], 2))  # first calls are slow
    rows: list[dict[str, Any]] = []
    for name in options.tasks.split(","):
        rows += measure(TASKS[name], 10 if options.quick else options.rows)
    sums = {
        variant: sum(row["time_s"] for row in rows if row["variant"] == variant)
        for variant in ("plain", "ours", "ours_again")
    }
    for variant, took_s in sums.items():
        about = {"workload": "all", "variant": variant, "repeats": 1}
        rows.append({**about, "time_s": took_s, "ratio": sums["plain"] / took_s})
    if options.json:
        machine = f"{platform.platform()}, {options.threads} threads, torch {torch.__version__}"
        print(json.dumps({"machine": machine, "rows": rows}, indent=1))
        return
    print("| task | plain, s | ours, s | ratio | features kept, s | ratio |\n" + "|---" * 6 + "|")
    for at in range(0, len(rows), 3):
        plain, ours, again = rows[at : at + 3]
        print(
            f"| {plain['workload']} | {plain['time_s']:.2f} | {ours['time_s']:.2f} | "
            f"{ours['ratio']:.2f} | {again['time_s']:.2f} | {again['ratio']:.2f} |"
        )


if __name__ == "__main__":
    main()
