"""Span questions: a question, a context, and the characters that answer it."""

from __future__ import annotations

from stiltwalk.data.hub import HubFiles
from stiltwalk.data.readers import questions
from stiltwalk.languages import tydiqa_prefix
from stiltwalk.records import Metric, Split, TaskType
from stiltwalk.tasks.task import XTREME, XTREME_R, Task, counts, means

_MAX_LENGTH_TOKENS = 384
_read = questions()

SQUAD_V1 = Task(
    name="squad_v1",
    task_type=TaskType.SPAN,
    metric=Metric.SQUAD,
    paper="https://aclanthology.org/D16-1264",
    licence="CC BY-SA 4.0",
    max_length_tokens=_MAX_LENGTH_TOKENS,
    dev_overlaps_test=True,  # XQuAD's English paragraphs come from its dev set
    template="reading",
    num_rows={Split.TRAIN: 87_599, Split.DEV: 10_570},
    mean_tokens={"en": 243.5},
    hub=(HubFiles("rajpurkar/squad", "plain_text", _read),),
)

SQUAD_V2 = Task(
    name="squad_v2",
    task_type=TaskType.SPAN,
    metric=Metric.SQUAD,
    paper="https://aclanthology.org/P18-2124",
    licence="CC BY-SA 4.0",
    max_length_tokens=_MAX_LENGTH_TOKENS,
    template="reading_or_none",
    num_rows={Split.TRAIN: 130_319, Split.DEV: 11_873},
    mean_tokens={"en": 267.4},
    hub=(HubFiles("rajpurkar/squad_v2", "squad_v2", _read),),
)

_XQUAD_LANGUAGES = tuple("ar de el en es hi ru th tr vi zh".split())

XQUAD = Task(
    name="xquad",
    task_type=TaskType.SPAN,
    languages=_XQUAD_LANGUAGES,
    metric=Metric.SQUAD,
    paper="https://aclanthology.org/2020.acl-main.421",
    licence="CC BY-SA 4.0",
    trained_on="squad_v1",
    max_length_tokens=_MAX_LENGTH_TOKENS,
    template="reading",
    num_rows={Split.TEST: 1_190},  # the hub has it under the name "validation" only
    mean_tokens=means(
        "ar=222.7 de=199.7 el=265.4 en=170.7 es=213.2 hi=244.8 ru=215.4 th=210.8 tr=184.1 vi=211.2 "
        "zh=167.9"
    ),
    benchmarks=(XTREME, XTREME_R),
    more_languages={XTREME_R: ("ro",)},
    hub=(
        HubFiles(
            "google/xtreme",
            "XQuAD.{code}",
            _read,
            test="validation",
            train=None,
            dev=None,
            languages=_XQUAD_LANGUAGES,
        ),
        HubFiles(
            "google/xquad",
            "xquad.{code}",
            _read,
            test="validation",
            train=None,
            dev=None,
            languages=("ro",),
            untested=True,
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
    template="reading",
    num_rows={
        Split.DEV: counts("ar=517 de=512 vi=511 zh=504 en=1148 es=500 hi=507"),
        Split.TEST: counts("ar=5335 de=4517 vi=5495 zh=5137 en=11590 es=5253 hi=4918"),
    },
    mean_tokens=means("ar=445.2 de=258.8 en=401.8 es=198.4 hi=409.7 vi=382.6 zh=232.0"),
    benchmarks=(XTREME, XTREME_R),
    hub=(HubFiles("google/xtreme", "MLQA.{code}.{code}", _read, test="test", train=None),),
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
    template="reading",
    num_rows={
        Split.TRAIN: 3_696,
        Split.DEV: counts("en=440"),
        Split.TEST: counts("ar=921 bn=113 en=440 fi=782 id=565 ko=276 ru=812 sw=499 te=669"),
    },
    mean_tokens=means(
        "ar=171.8 bn=281.6 en=174.4 fi=149.0 id=136.1 ko=201.9 ru=210.2 sw=94.0 te=231.2"
    ),
    benchmarks=(XTREME, XTREME_R),
    hub=(HubFiles("google/xtreme", "tydiqa", questions(tydiqa_prefix), test="validation"),),
)
