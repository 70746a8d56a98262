"""Retrieval tasks, without training: which sentences are translations of each other."""

from __future__ import annotations

from stiltwalk.data.hub import HubFiles
from stiltwalk.languages import tatoeba_code
from stiltwalk.records import Metric, TaskType
from stiltwalk.tasks.task import OwnFiles, Task

BUCC2018 = Task(
    name="bucc2018",
    task_type=TaskType.RETRIEVAL,
    languages=tuple("de fr ru zh".split()),
    metric=Metric.PAIR_F1,
    paper="https://aclanthology.org/W17-2512",
    licence="for research; text from Wikipedia CC BY-SA and News Commentary",
    own_files=OwnFiles.BUCC,  # the hub's `bucc18.*` lacks the unpaired sentences
)

TATOEBA = Task(
    name="tatoeba",
    task_type=TaskType.RETRIEVAL,
    languages=tuple(
        "af ar bg bn de el es et eu fa fi fr he hi hu id it ja jv ka kk ko ml mr nl pt ru sw ta te "
        "th tl tr ur vi zh".split()
    ),
    metric=Metric.ACCURACY,
    paper="https://aclanthology.org/Q19-1038",
    licence="CC BY 2.0 FR",
    hub=(
        HubFiles(
            repository="google/xtreme",
            config="tatoeba.{code}",
            test="validation",  # the hub has it under this name only
            code_of=tatoeba_code,
        ),
    ),
)
