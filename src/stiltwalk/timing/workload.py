"""What is asked while a clock runs: requests, drawn from test rows language by language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stiltwalk.data.source import DataSource
from stiltwalk.records import Split, TaskType
from stiltwalk.tasks.load import bitext, examples
from stiltwalk.tasks.task import Task


@dataclass(frozen=True, slots=True)
class Request:
    """One example, or one line of a retrieval task, and its language."""

    language: str
    row: Any


@dataclass(frozen=True)
class Workload:
    """The rows that requests are drawn from, language by language."""

    rows: Mapping[str, Sequence[Any]]

    def draw(self, per_language: int, rng: np.random.Generator) -> list[Request]:
        """Return requests in random order, the same number of every language.

        All languages give the rows at the same relative positions: in parallel test sets (XNLI,
        XQuAD, PAWS-X) that is the same content in every language.
        """
        places = [rng.random() for _ in range(per_language)]
        drawn = [
            Request(language, rows[int(place * len(rows))])
            for language, rows in self.rows.items()
            for place in places
        ]
        rng.shuffle(drawn)
        return drawn

    def only(self, language: str) -> Workload:
        """Return the requests of one language."""
        return Workload({language: self.rows[language]})


def load_workload(
    task: Task, source: DataSource, languages: Sequence[str], max_rows: int | None
) -> Workload:
    """Read the test rows of a task; of a retrieval task the lines that are not English.

    Raises:
        DataError: if the rows are not there or one cannot be used.
    """
    if task.task_type is TaskType.RETRIEVAL:
        return Workload(
            {
                language: [
                    line.text
                    for line in bitext(task, source, Split.TEST, language, max_rows).foreign
                ]
                for language in languages
            }
        )
    return Workload(
        {language: examples(task, source, Split.TEST, language, max_rows) for language in languages}
    )
