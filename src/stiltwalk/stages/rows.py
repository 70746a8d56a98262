"""What a stage reads besides its parents, and how a decoder is asked: parts of its lineage."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from stiltwalk.data.by_language import ByLanguage
from stiltwalk.data.source import DataSource
from stiltwalk.recipe.types import LATER, Answering, MaskedText
from stiltwalk.records import Example, Split
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import HELD_OUT_ONE_IN, examples
from stiltwalk.tasks.own import OwnTask
from stiltwalk.tasks.sources import LEARNED, revision
from stiltwalk.tasks.task import Dev


@dataclass(frozen=True, kw_only=True)
class InputData(ABC):
    """Data of one revision: a commit, a checksum, or the miniature's version."""

    revision: str

    @property
    @abstractmethod
    def title(self) -> str:
        """What they are, for people."""

    def revision_in(self, _source: DataSource) -> str:
        """The revision that this machine has of them; theirs, where they are not looked for."""
        return self.revision


@dataclass(frozen=True, kw_only=True)
class StageRows(InputData):
    """A task's rows; `dev` of rows to learn, `own` the declaration of a user's own task."""

    task: str
    dev: Dev | None = field(default=None, metadata=LATER)
    own: OwnTask | None = field(default=None, metadata=LATER)

    @property
    def title(self) -> str:
        return f"the data of {self.task}"

    def revision_in(self, source: DataSource) -> str:
        task = TASKS[self.task].chosen_on(self.dev)
        return revision(task, source, LEARNED if self.dev else task.asked_splits)

    @property
    def few(self) -> str:
        """How few they are, for people; nothing where they are all."""
        return ""

    def num_learned(self, num_rows: int, max_rows: int | None) -> int:
        """How many of a task's training rows are learned, at most `max_rows`."""
        if self.dev == "held-out":
            num_rows -= num_rows // HELD_OUT_ONE_IN
        return min(num_rows, max_rows or num_rows)


@dataclass(frozen=True, kw_only=True)
class DrawnRows(StageRows):
    """Some of a task's English training rows: so many of every class, drawn by a stage's seed."""

    per_class: int

    @property
    def few(self) -> str:
        return f", {self.per_class} rows a class"

    def num_learned(self, _num_rows: int, _max_rows: int | None) -> int:
        """So many of every class, however many there are."""
        return len(TASKS[self.task].labels) * self.per_class


@dataclass(frozen=True, kw_only=True)
class TranslatedRows(InputData):
    """A task's rows in other languages, for a part of its steps; `where` is for reading alone."""

    task: str
    where: ByLanguage = field(compare=False)
    languages: tuple[str, ...]
    weight: float

    @property
    def title(self) -> str:
        return f"the data of {self.task} ({self.where.place})"


@dataclass(frozen=True, kw_only=True)
class Text(InputData):
    """Text for masked language modelling; `where` is for reading alone, `settings` lacks it."""

    where: ByLanguage = field(compare=False)
    languages: tuple[str, ...]
    settings: MaskedText

    @property
    def title(self) -> str:
        return f"text ({self.where.place})"


class Learned(NamedTuple):
    """The English rows that a head was trained on, `max_rows` of them at most."""

    rows: StageRows
    max_rows: int | None

    def examples(self, source: DataSource) -> Sequence[Example]:
        """Return the rows themselves."""
        task = TASKS[self.rows.task].chosen_on(self.rows.dev)
        return examples(task, source, Split.TRAIN, "en", self.max_rows)


@dataclass(frozen=True, kw_only=True)
class Asking:
    """How a decoder is asked one task: digest of its text, ways of answering, solved rows.

    `shots` is the revision of the rows that `seed` draws them from, empty where none are read.
    """

    template: str
    answering: Answering
    shots: str = ""
    seed: int = 0
