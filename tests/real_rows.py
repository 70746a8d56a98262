"""The sample of real data: where it is, and its rows in some languages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stiltwalk.data.source import DataSource
from stiltwalk.records import Example, Split
from stiltwalk.tasks import TARGETS, TASKS
from stiltwalk.tasks.load import examples

TOKENIZER = "models/xlm-roberta-tokenizer"
THREE_SCRIPTS = {
    "xnli": "en ar th",
    "pawsx": "de ja ko",
    "udpos": "el ta zh",
    "panx": "ru he my",
    "xquad": "es hi zh",
    "mlqa": "vi ar zh",
    "tydiqa": "fi bn ko",
    "bucc2018": "zh",  # the sample has no other; its English side makes two scripts
    "tatoeba": "fr ka ml",
}
"""Three languages of each target in scripts of their own; intermediate tasks have English only."""
A_FEW_ROWS = 300


def real_source(real: Path) -> DataSource:
    """Return the whole sample as a recipe's `[data]` would name it."""
    return DataSource(
        source=str(real / "hub"),
        bucc=str(real / "files" / "bucc2018"),
        ccg=str(real / "files" / "ccg"),
    )


def rows_of(
    source: DataSource, name: str, languages: Sequence[str], most: int | None
) -> list[Example]:
    """Return the rows of a task: test rows of a target, training rows of an intermediate task."""
    split = Split.TEST if name in TARGETS else Split.TRAIN
    return [
        row
        for language in languages
        for row in examples(TASKS[name], source, split, language, most)
    ]
