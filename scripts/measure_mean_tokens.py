"""Print the mean tokens per row of every task and language, for the declarations in `tasks/`.

    .venv/bin/python scripts/measure_mean_tokens.py FOLDER

FOLDER holds `hub/`, `files/bucc2018`, `files/ccg` and `models/xlm-roberta-tokenizer`. A row's
tokens are all that the encoder sees of it: special tokens, every choice, every window; at the
task's own maximum length.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from tokenizers import Tokenizer

from stiltwalk.data.source import DataSource
from stiltwalk.errors import DataError
from stiltwalk.records import (
    ChoiceExample,
    Example,
    PairExample,
    SpanExample,
    Split,
    TaggedExample,
    TaskType,
)
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import bitext, examples
from stiltwalk.tasks.task import Task

MAX_ROWS = 1_000
PAIR_SPECIALS, SINGLE_SPECIALS = 4, 2
MAX_QUERY_TOKENS, STEP_TOKENS = 64, 128


def main(folder: Path) -> None:
    """Print one line per task: `name en=12.3 de=13.4`."""
    tokenizer = Tokenizer.from_file(str(folder / "models/xlm-roberta-tokenizer/tokenizer.json"))
    source = DataSource(
        source=str(folder / "hub"),
        bucc=str(folder / "files/bucc2018"),
        ccg=str(folder / "files/ccg"),
    )
    for task in TASKS.values():
        means = {}
        for language in task.languages:
            counts = list(row_tokens(task, source, language, tokenizer))
            if counts:
                means[language] = sum(counts) / len(counts)
        print(task.name, *(f"{code}={mean:.1f}" for code, mean in means.items()))  # noqa: T201


def row_tokens(
    task: Task, source: DataSource, language: str, tokenizer: Tokenizer
) -> Iterator[int]:
    """Yield the tokens of each row of the first split that the sample holds."""

    def count(texts: list[str]) -> list[int]:
        return [
            len(one.ids) for one in tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        ]

    for split in (Split.TEST, Split.DEV):
        try:
            if task.task_type is TaskType.RETRIEVAL:
                sides = bitext(task, source, split, language, MAX_ROWS)
                texts = [sentence.text for sentence in chain(sides.foreign, sides.english)]
                yield from (
                    min(number + SINGLE_SPECIALS, task.max_length_tokens) for number in count(texts)
                )
            else:
                rows = examples(task, source, split, language, MAX_ROWS)
                yield from (_tokens(task, count(_texts(row)), row) for row in rows)
        except DataError:
            continue
        return


def _texts(row: Example) -> list[str]:
    match row:
        case PairExample():
            return [row.text_a, row.text_b]
        case ChoiceExample():
            return [row.prompt, *row.choices]
        case TaggedExample():
            return list(row.words)
        case SpanExample():
            return [row.question, row.context]


def _tokens(task: Task, counts: list[int], row: Example) -> int:
    longest = task.max_length_tokens
    match row:
        case PairExample():
            return min(sum(counts) + PAIR_SPECIALS, longest)
        case ChoiceExample():
            return sum(min(counts[0] + one + PAIR_SPECIALS, longest) for one in counts[1:])
        case TaggedExample():
            return sum(max(one, 1) for one in counts) + SINGLE_SPECIALS
        case SpanExample():
            around = min(counts[0], MAX_QUERY_TOKENS) + PAIR_SPECIALS
            room, total = longest - around, 0
            for start in range(0, max(counts[1], 1), STEP_TOKENS):
                total += around + min(room, counts[1] - start)
                if start + room >= counts[1]:
                    break
            return total


if __name__ == "__main__":
    main(Path(sys.argv[1]))
