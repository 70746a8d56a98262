"""Tatoeba in both directions, per language, beside published figures.

    python benchmarks/tatoeba.py FOLDER DATA --prefix "query: " --published FILE

FOLDER is an encoder, DATA a folder in the hub's layout with Tatoeba; FILE is JSON whose "accuracy"
maps languages to published fractions, language to English. XTREME's direction is the other one.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from stiltwalk.data.source import DataSource
from stiltwalk.inference.predictor import Settings, load_predictor
from stiltwalk.metrics.bitext import Vectors, nearest
from stiltwalk.recipe.types import RetrievalSettings
from stiltwalk.records import Bitext, Split
from stiltwalk.tables import terminal
from stiltwalk.tables.table import Cell, Table, heads
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import bitext

TASK = TASKS["tatoeba"]


def main() -> None:
    """Embed both sides of every language, and compare."""
    asked = _arguments()
    torch.set_num_threads(asked.threads)
    settings = Settings(
        task=TASK,
        max_length_tokens=TASK.max_length_tokens,
        retrieval=RetrievalSettings(
            prefix=asked.prefix, pooling=asked.pooling, relative_depth=asked.relative_depth
        ),
    )
    predictor = load_predictor(asked.folder, settings)
    languages = asked.languages or TASK.languages
    source = DataSource(source=str(asked.data))
    published = (
        json.loads(asked.published.read_text("utf-8"))["accuracy"] if asked.published else {}
    )
    began = time.perf_counter()
    figures = []
    for language in languages:
        pairs = bitext(TASK, source, Split.TEST, language)
        foreign, english = (
            predictor.answers([each.text.strip() for each in side])
            for side in (pairs.foreign, pairs.english)
        )
        of = published.get(language, np.nan)
        figures.append((language, *_accuracies(foreign, english, pairs), of))
    mean = np.mean([row[1:] for row in figures], axis=0)
    terminal.show(_table([*figures, ("mean", *mean)]), Console())
    print(f"{time.perf_counter() - began:.0f} s on {asked.threads} threads")


def _accuracies(foreign: Vectors, english: Vectors, pairs: Bitext) -> tuple[float, float]:
    """Return how often the nearest line is the translation, to English and from it."""
    place = {side.id: at for at, side in enumerate(pairs.foreign)}
    there = {side.id: at for at, side in enumerate(pairs.english)}
    gold = np.array([(place[a], there[b]) for a, b in pairs.gold])
    to_english, from_english = nearest(foreign, english), nearest(english, foreign)
    return (
        float((to_english[gold[:, 0]] == gold[:, 1]).mean()),
        float((from_english[gold[:, 1]] == gold[:, 0]).mean()),
    )


def _table(figures: list[tuple[str, float, float, float]]) -> Table:
    """Return a row per language: to English, as published, from English."""
    return Table(
        name="tatoeba",
        title="Tatoeba, accuracy in %",
        note="",
        columns=heads("language", "to English", "published", "difference", "from English"),
        rows=tuple(
            (
                Cell(code),
                *(Cell(f"{100 * each:.1f}", each) for each in (to, was)),
                Cell(f"{100 * (to - was):+.1f}", to - was),
                Cell(f"{100 * of:.1f}", of),
            )
            for code, to, of, was in figures
        ),
    )


def _arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--published", type=Path)
    parser.add_argument("--prefix", default="")
    parser.add_argument("--pooling", default="mean")
    parser.add_argument("--relative-depth", type=float, default=1.0)
    parser.add_argument("--languages", nargs="+")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
