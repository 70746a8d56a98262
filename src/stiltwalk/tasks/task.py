"""What a task is: a value that names its type, languages, labels, metric and sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

from stiltwalk.data.hub import HubFiles
from stiltwalk.records import Metric, Split, TaskType

Dev = Literal["held-out", "published"]
"""Where dev rows come from: cut from the English training rows, or as the data set has them."""


class OwnFiles(StrEnum):
    """What the user must fetch without the hub; the value is the key in a recipe's `[data]`."""

    BUCC = "bucc"
    CCG = "ccg"
    UD = "ud"


@dataclass(frozen=True, kw_only=True)
class Task:
    """One data set with one way to read it and one way to score it.

    `labels` is empty where there are none (spans, retrieval) and where they are collected from
    the training rows (CCG's supertags). `trained_on` names the task whose English rows train
    this one, None for a task that trains on its own; retrieval trains on nothing.
    `hub` says where the rows are in the hub's layout, one entry per part (ANLI+ has several);
    `own_files` which folder of the user's replaces it (`ud`) or is the only source (`ccg`,
    `bucc`: `hub` is empty then). `dev_overlaps_test`: the published English dev rows are, or share
    paragraphs with, test rows of a target that it trains. `dev_is_held_out`: dev rows are cut from
    the English training rows instead; so it is in what `chosen_on` returns, in no declaration.
    """

    name: str
    task_type: TaskType
    languages: tuple[str, ...]
    metric: Metric
    paper: str
    licence: str
    labels: tuple[str, ...] = ()
    trained_on: str | None = None
    max_length_tokens: int = 256
    hub: tuple[HubFiles, ...] = field(default=(), repr=False)
    own_files: OwnFiles | None = None
    dev_overlaps_test: bool = False
    dev_is_held_out: bool = False

    @property
    def train_task(self) -> str:
        """The name of the task whose English rows train this one."""
        return self.trained_on or self.name

    @property
    def asked_splits(self) -> tuple[Split, ...]:
        """The splits that an evaluation reads: mining chooses its threshold on dev."""
        mines = self.metric is Metric.PAIR_F1
        return (Split.DEV, Split.TEST) if mines else (Split.TEST,)

    def languages_of(self, split: Split) -> tuple[str, ...]:
        """Return the languages that a split is read in: all that is learned from is English."""
        is_asked = split in self.asked_splits
        return self.languages if is_asked else tuple({"en"} & set(self.languages))

    def chosen_on(self, dev: Dev | None) -> Task:
        """Return the task with its dev rows, and its training rows, as a stage takes them."""
        return replace(self, dev_is_held_out=dev == "held-out")

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the sources it is put together from; ids of its examples start `PART:`."""
        return tuple(dict.fromkeys(files.part for files in self.hub if files.part))


GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "classification": ("pawsx", "xnli"),
        "tagging": ("udpos", "panx"),
        "qa": ("xquad", "mlqa", "tydiqa"),
        "retrieval": ("bucc2018", "tatoeba"),
    }
)
"""Name of a group to its tasks, as XTREME averages them."""
