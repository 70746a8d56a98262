"""Ranking tasks: a query, and which documents of one pool answer it, found by a dual encoder."""

from __future__ import annotations

from dataclasses import replace

from stiltwalk.data.hub import HubFiles
from stiltwalk.data.mewslix import SAMPLES
from stiltwalk.data.readers import questions
from stiltwalk.data.xquad_r import answer_sentences
from stiltwalk.records import Metric, Split, TaskType
from stiltwalk.tasks.task import XTREME_R, OwnFiles, Task, counts, means

LAREQA = Task(
    name="lareqa",
    task_type=TaskType.RANKING,
    languages=tuple("ar de el en es hi ru th tr vi zh".split()),
    metric=Metric.MAP_AT_20,
    paper="https://aclanthology.org/2020.emnlp-main.477",
    licence="CC BY-SA 4.0",
    num_rows={Split.TRAIN: 87_599, Split.DEV: counts("en=10570"), Split.TEST: 1_190},
    num_documents=13_014,
    document_tokens=214.0,
    mean_tokens=means(
        "ar=18.6 de=18.1 el=21.6 en=16.1 es=19.3 hi=19.7 ru=18.0 th=17.9 tr=16.8 vi=17.8 zh=15.3"
    ),
    dev_overlaps_test=True,  # XQuAD's English paragraphs come from SQuAD's dev set
    hub=(HubFiles("rajpurkar/squad", "plain_text", answer_sentences(questions())),),
    own_files=OwnFiles.XQUAD_R,
    benchmarks=(XTREME_R,),
)

MEWSLIX = Task(
    name="mewslix",
    task_type=TaskType.RANKING,
    languages=tuple("ar de en es fa ja pl ro ta tr uk".split()),
    metric=Metric.MAP_AT_20,
    paper="https://aclanthology.org/2021.emnlp-main.802",
    licence="text from Wikipedia CC BY-SA 3.0 and WikiNews CC BY 2.5",
    max_length_tokens=64,
    num_rows={
        Split.TRAIN: 167_719,
        Split.DEV: counts("en=14051"),
        Split.TEST: counts(
            "ar=1501 de=1551 en=1490 es=1552 fa=458 ja=1519 pl=1562 ro=672 ta=1567 tr=1215 uk=1537"
        ),
    },
    num_documents=1_003_893,
    document_tokens=60.0,
    mean_tokens={"en": 50.0},
    own_files=OwnFiles.MEWSLIX,
    benchmarks=(XTREME_R,),
)
MEWSLIX_DEV = replace(
    MEWSLIX,
    name="mewslix_dev",
    trained_on="mewslix",
    benchmarks=(),
    num_rows={
        Split.TEST: counts(
            "ar=318 de=326 en=316 es=311 fa=72 ja=310 pl=304 ro=145 ta=312 tr=262 uk=315"
        ),
    },
)
"""WikiNews' own dev set, which XTREME-R does not report."""
MEWSLIX_SAMPLE = replace(
    MEWSLIX_DEV,
    name="mewslix_sample",
    num_rows={Split.TEST: SAMPLES["mewslix_sample"][0]},
    num_documents=11_000,
)
"""A part of the whole for laptops; easier by far, since fewer entities can be mistaken."""
