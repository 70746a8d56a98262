"""Multiple-choice tasks, English only: a prompt, and which of several continuations fits."""

from __future__ import annotations

from stiltwalk.data import readers
from stiltwalk.data.hub import HubFiles
from stiltwalk.records import Metric, Split, TaskType
from stiltwalk.tasks.task import Task, means

HELLASWAG = Task(
    name="hellaswag",
    task_type=TaskType.CHOICE,
    languages=("en",),
    metric=Metric.ACCURACY,
    labels=tuple("0123"),
    paper="https://aclanthology.org/P19-1472",
    licence="MIT",
    template="continuation",
    num_rows={Split.TRAIN: 39_905, Split.DEV: 10_042},
    mean_tokens=means("en=218.8"),
    hub=(
        HubFiles(
            repository="Rowan/hellaswag",
            config="default",
            train="train",
            dev="validation",
            read=readers.hellaswag,
        ),
    ),
)

COSMOS_QA = Task(
    name="cosmos_qa",
    task_type=TaskType.CHOICE,
    languages=("en",),
    metric=Metric.ACCURACY,
    labels=tuple("0123"),
    paper="https://aclanthology.org/D19-1243",
    licence="CC BY 4.0",
    template="answer",
    num_rows={Split.TRAIN: 25_262, Split.DEV: 2_985},
    mean_tokens=means("en=463.0"),
    hub=(
        HubFiles(
            repository="allenai/cosmos_qa",
            config="default",
            train="train",
            dev="validation",
            read=readers.cosmos_qa,
        ),
    ),
)

COMMONSENSE_QA = Task(
    name="commonsense_qa",
    task_type=TaskType.CHOICE,
    languages=("en",),
    metric=Metric.ACCURACY,
    labels=tuple("01234"),
    paper="https://aclanthology.org/N19-1421",
    licence="MIT",
    template="question",
    num_rows={Split.TRAIN: 9_741, Split.DEV: 1_221},
    mean_tokens=means("en=111.0"),
    hub=(
        HubFiles(
            repository="tau/commonsense_qa",
            config="default",
            train="train",
            dev="validation",
            read=readers.commonsense_qa,
        ),
    ),
)
