"""Ranking tasks: a query, and which documents of one pool answer it, found by a dual encoder."""

from __future__ import annotations

from stiltwalk.data.hub import HubFiles
from stiltwalk.data.readers import questions
from stiltwalk.data.xquad_r import answer_sentences
from stiltwalk.records import Metric, Split, TaskType
from stiltwalk.tasks.task import OwnFiles, Task

LAREQA = Task(
    name="lareqa",
    task_type=TaskType.RANKING,
    languages=tuple("ar de el en es hi ru th tr vi zh".split()),
    metric=Metric.MAP_AT_20,
    paper="https://aclanthology.org/2020.emnlp-main.477",
    licence="CC BY-SA 4.0",
    num_rows={Split.TRAIN: 87_599, Split.DEV: 10_570, Split.TEST: 1_190},
    num_documents=13_014,
    document_tokens=210.0,
    mean_tokens={"en": 17.0},
    dev_overlaps_test=True,  # XQuAD's English paragraphs come from SQuAD's dev set
    hub=(HubFiles("rajpurkar/squad", "plain_text", answer_sentences(questions())),),
    own_files=OwnFiles.XQUAD_R,
)
