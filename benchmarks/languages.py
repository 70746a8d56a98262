"""What one text costs in every language: fertility, tokens and milliseconds at equal content.

    python benchmarks/languages.py [--quick] [--json] [--real ../shared/real]

XLM-R's tokenizer, and an encoder of its base size (12 x 768, random weights, fp32, one thread), on
the sample's parallel sets: XNLI in 15 languages, PAWS-X in 7, XQuAD in 11, and lines in 39, with
Javanese lines of other content beside them. Tokens are counted over all rows. Times are of the
first rows of XNLI and of the lines, one at a time, each in all languages before the next, medians
over repeats; `ratio` is the mean of a row's time to that of the English row, `timed_tokens_ratio`
the same of their tokens, `spread` from the smallest repeat's ratio to the largest. Burmese is in an
old encoding: it and Javanese take no part in the disparity.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import XLMRobertaConfig, XLMRobertaModel

from stiltwalk.data.source import DataSource
from stiltwalk.features.rows import Features
from stiltwalk.features.sentences import line_features
from stiltwalk.features.text import TextEncoder, load_text_encoder
from stiltwalk.heads import head_of
from stiltwalk.inference.engine import Engine, sentence_vectors
from stiltwalk.metrics.efficiency import disparity, variance_shares
from stiltwalk.records import Sentence, Split
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import examples
from stiltwalk.timing.attribution import text_cost

MAX_TOKENS = {"xnli": 128, "pawsx": 128, "xquad": 384, "lines": 256}
TIMED = ("xnli", "lines")
OTHER_CONTENT = {"jv", "my"}
BLOCKS = 12

Row = dict[str, Any]


def rows_of(real: Path, name: str) -> dict[str, Sequence[Any]]:
    """Return language to examples; those at the same place say the same."""
    if name != "lines":
        task, source = TASKS[name], DataSource(source=str(real / "hub"))
        return {code: examples(task, source, Split.TEST, code) for code in task.languages}
    return {
        file.name.split(".")[1]: [
            Sentence("", line) for line in file.read_text(encoding="utf-8").strip("\n").split("\n")
        ]
        for file in (real / "text").glob("*.txt")
    }


def features_of(name: str, rows: Sequence[Any], encoder: TextEncoder) -> Features:
    """Return what a model is fed."""
    if name == "lines":
        return line_features([row.text for row in rows], encoder, MAX_TOKENS[name])
    task = TASKS[name]
    return head_of(task.task_type).features(rows, encoder, task.labels, MAX_TOKENS[name])


def count(name: str, rows: Mapping[str, Sequence[Any]], encoder: TextEncoder) -> list[Row]:
    """Return what each language takes in tokens."""
    costs = [
        text_cost(code, each, features_of(name, each, encoder), encoder)
        for code, each in sorted(rows.items())
    ]
    english = next(cost for cost in costs if cost.language == "en")
    return [
        {
            "workload": name,
            "variant": cost.language,
            "subwords_per_character": cost.subwords_per_character,
            "subwords_per_word": cost.subwords_per_word,
            "tokens_per_example": cost.tokens_per_example,
            "tokens_ratio": cost.tokens_per_example / english.tokens_per_example,
        }
        for cost in costs
    ]


def clock(engine: Engine, fed: Mapping[str, Features], repeats: int) -> dict[str, Row]:
    """Return what each language takes in time; rows that say the same are run one after another."""
    num_rows = fed["en"].num_rows
    ms = {code: np.zeros((repeats + 1, num_rows)) for code in fed}
    for repeat in range(repeats + 1):  # the first time is slower, and left out
        for row in range(num_rows):
            for code, features in fed.items():
                _, costs = sentence_vectors(engine, features.between(row, row + 1, row), BLOCKS)
                ms[code][repeat, row] = 1000 * costs.time_s.sum()
    lengths = {code: features.ids.lengths for code, features in fed.items()}
    ratios = {code: each[1:] / ms["en"][1:] for code, each in ms.items()}
    return {
        code: {
            "ms_per_example": float(np.median(each[1:], axis=0).mean()),
            "ratio": float(np.median(ratios[code], axis=0).mean()),
            "timed_tokens_ratio": float((lengths[code] / lengths["en"]).mean()),
            "repeats": repeats,
            "spread": float(np.ptp(ratios[code].mean(axis=1))),
        }
        for code, each in ms.items()
    }


def summary(rows: Sequence[Row]) -> list[Row]:
    """Return how uneven each workload is, and what the tokens of the tasks depend on."""
    found: list[Row] = []
    for name in MAX_TOKENS:
        own = [r for r in rows if r["workload"] == name and r["variant"] not in OTHER_CONTENT]
        for figure in ("tokens_per_example", "ms_per_example"):
            if figure in own[0]:
                uneven = disparity({row["variant"]: row[figure] for row in own})
                text = f"{uneven.most_expensive} / {uneven.cheapest}"
                found.append(
                    {"workload": name, "of": figure, "ratio": uneven.ratio, "gini": uneven.gini}
                    | {"variant": text}
                )
    tasks = [row for row in rows if row["workload"] != "lines"]
    factors = {"language": [r["variant"] for r in tasks], "task": [r["workload"] for r in tasks]}
    shares = variance_shares([row["tokens_per_example"] for row in tasks], factors)
    return [*found, {"workload": "tasks", "of": "variance of log tokens_per_example", **shares}]


def table(rows: Sequence[Row]) -> None:
    """Print rows of one form, figures with three digits."""
    head = list(rows[0])
    print(" | ".join(head))
    for row in rows:
        print(" | ".join(f"{v:.3g}" if isinstance(v, float) else str(v) for v in row.values()))
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rows, one repeat")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--real", type=Path, default=Path(__file__).parents[2] / "shared" / "real")
    options = parser.parse_args()
    timed, repeats, counted = (4, 1, 50) if options.quick else (8, 5, None)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    encoder = load_text_encoder(options.real / "models" / "xlm-roberta-tokenizer")
    config = XLMRobertaConfig(vocab_size=250_002, max_position_embeddings=514, type_vocab_size=1)
    engine = Engine(model=XLMRobertaModel(config), pad_id=encoder.pad_id)
    rows: list[Row] = []
    for name in MAX_TOKENS:
        texts = {code: each[:counted] for code, each in rows_of(options.real, name).items()}
        found = count(name, texts, encoder)
        if name in TIMED:
            fed = {code: features_of(name, each[:timed], encoder) for code, each in texts.items()}
            times = clock(engine, fed, repeats)
            found = [row | times[row["variant"]] for row in found]
        rows += found
    if options.json:
        machine = platform.platform()
        print(json.dumps({"machine": machine, "rows": rows, "summary": summary(rows)}, indent=1))
        return
    for name in MAX_TOKENS:
        table([row for row in rows if row["workload"] == name])
    *uneven, shares = summary(rows)
    table(uneven)
    table([shares])


if __name__ == "__main__":
    main()
