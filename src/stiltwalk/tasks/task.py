"""What a task is: a value that names its type, languages, labels, metric and sources."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

from stiltwalk.data.hub import HubFiles
from stiltwalk.data.textfile import LocalFiles
from stiltwalk.records import Metric, Split, TaskType
from stiltwalk.tasks.templates import Template

Benchmark = Literal["xtreme", "xtreme-r"]
XTREME: Benchmark = "xtreme"
XTREME_R: Benchmark = "xtreme-r"
Dev = Literal["held-out", "published"]
"""Where dev rows come from: cut from the English training rows, or as the data set has them."""


class OwnFiles(StrEnum):
    """What the user must fetch without the hub; the value is the key in a recipe's `[data]`."""

    BUCC = "bucc"
    CCG = "ccg"
    UD = "ud"
    XQUAD_R = "xquad_r"
    MEWSLIX = "mewslix"


ESTIMATED_TOKENS: Mapping[TaskType, float] = MappingProxyType(
    {
        TaskType.TEXT: 40.0,
        TaskType.PAIR: 50.0,
        TaskType.CHOICE: 200.0,
        TaskType.TAGGING: 30.0,
        TaskType.SPAN: 220.0,
        TaskType.RETRIEVAL: 12.0,
        TaskType.RANKING: 20.0,
    }
)
"""Of a row of a task that nobody measured: about the mean over the measured ones."""


def counts(text: str) -> dict[str, int]:
    """Return numbers by language, written as `de=2000 en=1961`."""
    return {code: int(number) for code, _, number in (one.partition("=") for one in text.split())}


def means(text: str) -> dict[str, float]:
    """Return means by language, written as `de=20.0 en=19.6`."""
    return {code: float(mean) for code, _, mean in (one.partition("=") for one in text.split())}


@dataclass(frozen=True, kw_only=True)
class Task:
    """One data set with one way to read it and one way to score it.

    `metric` is one of `stiltwalk.metrics.score.METRICS`.
    `labels` is empty where there are none (spans, retrieval) and where they are collected from
    the training rows (CCG's supertags). `trained_on` names the task whose English rows train
    this one, None for a task that trains on its own; retrieval trains on nothing.
    `first_trained_on` names one that is trained just before that, head included.
    `template` names the text that a decoder is asked in (`templates.toml`), empty for retrieval.
    `num_rows` and `mean_tokens` tell the size of the full data set, so that a plan can be costed
    without opening it, by split and by language; where they are absent they are measured or
    estimated. Rows: as published on the hub, or in XTREME's paper where one file mixes languages;
    of retrieval the sentences of both sides. Mean tokens: everything an encoder sees of a row at
    the task's own maximum length, with XLM-R's vocabulary (`scripts/measure_mean_tokens.py`).
    `hub` says where the rows are in the hub's layout, one entry per part (ANLI+ has several);
    `own_files` which folder of the user's replaces it (`ud`) or is the only source (`ccg`,
    `bucc`: `hub` is empty then), or of the splits that `hub` lacks (`xquad_r`).
    `num_documents` is the size of the pool that a ranking task searches, `document_tokens` an
    estimate of a document's length; `mean_tokens` are then those of a query.
    `dev_overlaps_test`: the published English dev rows are, or share paragraphs with, test rows of
    a target that it trains. `dev_is_held_out`: dev rows are cut from the English training rows
    instead; so it is in what `chosen_on` returns, in no declaration.
    `benchmarks` are those that count it; `more_languages` are what one of them adds to `languages`,
    which a task gets `within` that benchmark.
    `declared` makes it once more where a user declared it (`own.py`): its rows are in `files` or
    on the hub, never in the miniature, in `columns`; it is trained in English.
    """

    name: str
    task_type: TaskType
    metric: str
    paper: str
    licence: str
    languages: tuple[str, ...] = ("en",)
    labels: tuple[str, ...] = ()
    template: str | Template = field(default="", hash=False)
    num_rows: Mapping[Split, int | Mapping[str, int]] = field(
        default_factory=dict, repr=False, compare=False
    )
    mean_tokens: Mapping[str, float] = field(default_factory=dict, repr=False, compare=False)
    trained_on: str | None = None
    first_trained_on: str | None = None
    benchmarks: tuple[Benchmark, ...] = ()
    more_languages: Mapping[Benchmark, tuple[str, ...]] = field(
        default_factory=dict, repr=False, compare=False
    )
    max_length_tokens: int = 256
    hub: tuple[HubFiles, ...] = field(default=(), repr=False)
    own_files: OwnFiles | None = None
    num_documents: int = 0
    document_tokens: float = 0.0
    dev_overlaps_test: bool = False
    dev_is_held_out: bool = False
    declared: Callable[[], Task] | None = field(default=None, repr=False, compare=False)
    files: LocalFiles | None = field(default=None, repr=False)
    columns: tuple[str, ...] = ()

    @property
    def is_own(self) -> bool:
        """Whether a user declared it."""
        return self.declared is not None

    @property
    def train_task(self) -> str:
        """The name of the task whose English rows train this one."""
        return self.trained_on or self.name

    @property
    def train_tasks(self) -> tuple[str, ...]:
        """The names of all tasks whose English rows train this one, in order."""
        return (*((self.first_trained_on,) if self.first_trained_on else ()), self.train_task)

    @property
    def asked_splits(self) -> tuple[Split, ...]:
        """The splits that an evaluation reads: mining chooses its threshold on dev."""
        mines = self.metric == Metric.PAIR_F1
        return (Split.DEV, Split.TEST) if mines else (Split.TEST,)

    def languages_of(self, split: Split) -> tuple[str, ...]:
        """Return the languages that a split is read in: all that is learned from is English."""
        is_asked = split in self.asked_splits
        english = ("en",) if self.is_own or "en" in self.languages else ()
        return self.languages if is_asked else english

    def within(self, benchmark: Benchmark) -> Task:
        """Return the task with the languages that a benchmark tests it in."""
        return replace(self, languages=self.languages + self.more_languages.get(benchmark, ()))

    def has(self, split: Split) -> bool:
        """Tell whether the task is declared with rows of its own in a split."""
        if self.files is not None:
            return self.files.path_of(split, "en") is not None
        return any(files.split_named(split) is not None for files in self.hub)

    def rows_of(self, split: Split, language: str = "en") -> int | None:
        """Return the rows of a split in one language, None for none and where it is unknown."""
        english_only = split is Split.TRAIN or (self.is_own and split is Split.DEV)
        if language not in (("en",) if english_only else self.languages):
            return None
        number = self.num_rows.get(split)
        return number.get(language) if isinstance(number, Mapping) else number

    def tokens_of_row(self, language: str = "en") -> float:
        """Return the mean tokens of a row; a language that was not measured gets the task's."""
        known = self.mean_tokens
        if not known:
            return ESTIMATED_TOKENS[self.task_type]
        return known.get(language, sum(known.values()) / len(known))

    def chosen_on(self, dev: Dev | None) -> Task:
        """Return the task with its dev rows, and its training rows, as a stage takes them."""
        return replace(self, dev_is_held_out=dev == "held-out")

    @property
    def repositories(self) -> tuple[str, ...]:
        """The data sets on the hub that hold any of its languages."""
        held = (e for e in self.hub if not e.languages or {*e.languages} & {*self.languages})
        return tuple(dict.fromkeys(files.repository for files in held))

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the sources it is put together from; ids of its examples start `PART:`."""
        return tuple(dict.fromkeys(files.part for files in self.hub if files.part))


GROUPS_OF: Mapping[Benchmark, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        XTREME: {
            "classification": ("pawsx", "xnli"),
            "tagging": ("udpos", "panx"),
            "qa": ("xquad", "mlqa", "tydiqa"),
            "retrieval": ("bucc2018", "tatoeba"),
        },
        XTREME_R: {
            "classification": ("xnli", "xcopa"),
            "tagging": ("udpos", "panx"),
            "qa": ("xquad", "mlqa", "tydiqa"),
            "retrieval": ("tatoeba", "mewslix"),
            "multi_choice": ("xcopa",),
        },
    }
)
"""Benchmark to the names of its groups to their tasks, as its script averages them."""
GROUPS = GROUPS_OF[XTREME]
