"""Multiple-choice tasks, English only: a prompt, and which of several continuations fits."""

from __future__ import annotations

from stiltwalk.data import readers
from stiltwalk.data.hub import HubFiles
from stiltwalk.records import Metric, TaskType
from stiltwalk.tasks.task import Task

HELLASWAG = Task(
    name="hellaswag",
    task_type=TaskType.CHOICE,
    languages=("en",),
    metric=Metric.ACCURACY,
    labels=tuple("0123"),
    paper="https://aclanthology.org/P19-1472",
    licence="MIT",
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
