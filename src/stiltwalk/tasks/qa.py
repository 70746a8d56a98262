"""Span questions: a question, a context, and the characters that answer it."""

from __future__ import annotations

from stiltwalk.data.hub import HubFiles
from stiltwalk.data.readers import questions
from stiltwalk.languages import tydiqa_prefix
from stiltwalk.records import Metric, TaskType
from stiltwalk.tasks.task import Task

_MAX_LENGTH_TOKENS = 384
_read = questions()

SQUAD_V1 = Task(
    name="squad_v1",
    task_type=TaskType.SPAN,
    languages=("en",),
    metric=Metric.SQUAD,
    paper="https://aclanthology.org/D16-1264",
    licence="CC BY-SA 4.0",
    max_length_tokens=_MAX_LENGTH_TOKENS,
    dev_overlaps_test=True,  # XQuAD's English paragraphs come from its dev set
    hub=(
        HubFiles(
            repository="rajpurkar/squad",
            config="plain_text",
            train="train",
            dev="validation",
            read=_read,
        ),
    ),
)

SQUAD_V2 = Task(
    name="squad_v2",
    task_type=TaskType.SPAN,
    languages=("en",),
    metric=Metric.SQUAD,
    paper="https://aclanthology.org/P18-2124",
    licence="CC BY-SA 4.0",
    max_length_tokens=_MAX_LENGTH_TOKENS,
    hub=(
        HubFiles(
            repository="rajpurkar/squad_v2",
            config="squad_v2",
            train="train",
            dev="validation",
            read=_read,
        ),
    ),
)

XQUAD = Task(
    name="xquad",
    task_type=TaskType.SPAN,
    languages=tuple("ar de el en es hi ru th tr vi zh".split()),
    metric=Metric.SQUAD,
    paper="https://aclanthology.org/2020.acl-main.421",
    licence="CC BY-SA 4.0",
    trained_on="squad_v1",
    max_length_tokens=_MAX_LENGTH_TOKENS,
    hub=(
        HubFiles(
            repository="google/xtreme",
            config="XQuAD.{code}",
            test="validation",  # the hub has it under this name only
            read=_read,
        ),
    ),
)

MLQA = Task(
    name="mlqa",
    task_type=TaskType.SPAN,
    languages=tuple("ar de en es hi vi zh".split()),
    metric=Metric.MLQA,
    paper="https://aclanthology.org/2020.acl-main.653",
    licence="CC BY-SA 3.0",
    trained_on="squad_v1",
    max_length_tokens=_MAX_LENGTH_TOKENS,
    hub=(
        HubFiles(
            repository="google/xtreme",
            config="MLQA.{code}.{code}",  # context and question in the same language
            dev="validation",
            test="test",
            read=_read,
        ),
    ),
)

TYDIQA = Task(
    name="tydiqa",
    task_type=TaskType.SPAN,
    languages=tuple("ar bn en fi id ko ru sw te".split()),
    metric=Metric.SQUAD,
    paper="https://aclanthology.org/2020.tacl-1.30",
    licence="Apache 2.0",
    max_length_tokens=_MAX_LENGTH_TOKENS,
    dev_overlaps_test=True,  # its English dev set is its English test set
    hub=(
        HubFiles(
            repository="google/xtreme",
            config="tydiqa",
            train="train",
            dev="validation",
            test="validation",
            read=questions(tydiqa_prefix),
        ),
    ),
)
