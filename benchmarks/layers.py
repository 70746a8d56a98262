"""Retrieval at every block of an encoder, all blocks read in one pass: Tatoeba and BUCC.

    python benchmarks/layers.py DATA FOLDER… --pairs 200 --bucc FOLDER --out layers.csv

DATA is a folder in the hub's layout with Tatoeba, each FOLDER an encoder. Tatoeba is XTREME's
accuracy, BUCC its F1 with dev's threshold. `--pairs` limits the gold pairs of a language, which is
an easier task: fewer lines compete.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from stiltwalk.data.source import DataSource
from stiltwalk.heads.head import Batch
from stiltwalk.inference.predictor import Settings, load_predictor
from stiltwalk.metrics.bitext import (
    Duplicates,
    accept,
    best_threshold,
    expand,
    ids_by_text,
    mine,
    nearest,
    pair_f1,
)
from stiltwalk.models.checkpoint import Model
from stiltwalk.recipe.types import RetrievalSettings
from stiltwalk.records import Bitext, Sentence, Split
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import bitext
from stiltwalk.tasks.sources import available_languages

Vectors = Mapping[str, NDArray[np.float32]]
"""By line, a vector per block, shape (blocks, D)."""


def main() -> None:
    """Write a row per encoder, task, language and block."""
    asked = _arguments()
    torch.set_num_threads(asked.threads)
    source = DataSource(source=str(asked.data), bucc=asked.bucc and str(asked.bucc))
    names = ["tatoeba", *(["bucc2018"] if asked.bucc else [])]
    with asked.out.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["encoder", "task", "language", "block", "num_pairs", "value"])
        for folder in asked.folders:
            for name in names:
                began = time.perf_counter()
                for row in _scores(name, folder, source, asked):
                    rows.writerow([folder.name, name, *row])
                file.flush()
                print(f"{folder.name}, {name}: {time.perf_counter() - began:.0f} s")


def _scores(
    name: str, folder: Path, source: DataSource, asked: argparse.Namespace
) -> list[tuple[str, int, int, float]]:
    """Return language, block, gold pairs and score."""
    task = TASKS[name]
    languages = available_languages(task, source)
    texts = {
        (language, split): bitext(task, source, split, language, asked.pairs)
        for language in languages
        for split in task.asked_splits
    }
    vectors = _embedded(name, folder, list(texts.values()), asked.prefix)
    num_blocks = len(next(iter(vectors.values())))
    found = []
    for language in languages:
        dev, test = texts.get((language, Split.DEV)), texts[language, Split.TEST]
        for block in range(num_blocks):
            value = _mined(dev, test, vectors, block) if dev else _matched(test, vectors, block)
            found.append((language, block + 1, len(test.gold), value))
    return found


def _embedded(name: str, folder: Path, texts: Sequence[Bitext], prefix: str) -> Vectors:
    """Return the mean vectors of every distinct line at every block."""
    task = TASKS[name]
    settings = Settings(
        task=task,
        max_length_tokens=task.max_length_tokens,
        retrieval=RetrievalSettings(prefix=prefix, relative_depth=1.0),
    )
    predictor = load_predictor(folder, settings)
    lines = list(
        dict.fromkeys(
            line for each in texts for side in (each.foreign, each.english) for line in _lines(side)
        )
    )
    vectors: dict[int, NDArray[np.float32]] = {}

    def embed(model: Model, batch: Batch, rows: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        states = model(**batch.inputs(), output_hidden_states=True).hidden_states[1:]
        mask_RT1 = batch.attention_mask_RT[..., None].to(torch.float32)
        pooled = [(state.float() * mask_RT1).sum(dim=1) / mask_RT1.sum(dim=1) for state in states]
        of_RBD = torch.stack(pooled, dim=1).cpu().numpy()
        vectors.update(zip(rows.tolist(), of_RBD, strict=True))
        return list(of_RBD)

    predictor.engine.map_rows(predictor.features(lines), embed)
    return {line: vectors[row] for row, line in enumerate(lines)}


def _lines(side: Sequence[Sentence]) -> list[str]:
    return [sentence.text.strip() for sentence in side]


def _matched(asked: Bitext, vectors: Vectors, block: int) -> float:
    """Return Tatoeba's accuracy, from English to the other language as XTREME has it."""
    foreign, english = (
        np.stack([vectors[line][block] for line in _lines(side)])
        for side in (asked.foreign, asked.english)
    )
    place = {sentence.id: at for at, sentence in enumerate(asked.foreign)}
    there = {sentence.id: at for at, sentence in enumerate(asked.english)}
    gold = np.array([(place[a], there[b]) for a, b in asked.gold])
    return float((nearest(english, foreign)[gold[:, 1]] == gold[:, 0]).mean())


def _mined(dev: Bitext, asked: Bitext, vectors: Vectors, block: int) -> float:
    """Return BUCC's F1."""
    candidates = []
    for texts in (dev, asked):
        foreign, english = ids_by_text(texts.foreign), ids_by_text(texts.english)
        sides = (np.stack([vectors[line][block] for line in side]) for side in (foreign, english))
        candidates.append(expand(mine(*sides), foreign, english, Duplicates.ALL))
    pairs = accept(candidates[1], best_threshold(candidates[0], dev.gold))
    return float(pair_f1(pairs, asked.gold)["f1"])


def _arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--bucc", type=Path)
    parser.add_argument("--prefix", default="")
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
