"""Tagging tasks: one tag per word."""

from __future__ import annotations

from stiltwalk.data.hub import HubFiles
from stiltwalk.data.readers import tagged
from stiltwalk.languages import udpos_name
from stiltwalk.records import Metric, TaskType
from stiltwalk.tasks.task import OwnFiles, Task

UPOS = tuple(
    "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X".split()
)
ENTITIES = tuple("O B-PER I-PER B-ORG I-ORG B-LOC I-LOC".split())

CCG = Task(
    name="ccg",
    task_type=TaskType.TAGGING,
    languages=("en",),
    metric=Metric.ACCURACY,  # of tokens; supertags are no chunks
    paper="https://aclanthology.org/J07-3004",
    licence="LDC user agreement (CCGbank, LDC2005T13)",
    own_files=OwnFiles.CCG,
)

UDPOS = Task(
    name="udpos",
    task_type=TaskType.TAGGING,
    languages=tuple(
        "af ar bg de el en es et eu fa fi fr he hi hu id it ja kk ko mr nl pt ru ta te th tl tr ur "
        "vi yo zh".split()
    ),
    metric=Metric.CHUNK_F1,
    labels=UPOS,
    paper="https://aclanthology.org/2020.lrec-1.497",
    licence="per treebank, most CC BY-SA or CC BY-NC-SA",
    own_files=OwnFiles.UD,
    hub=(
        HubFiles(
            repository="google/xtreme",
            config="udpos.{code}",
            train="train",
            dev="validation",
            test="test",
            read=tagged("tokens", "pos_tags", UPOS),
            code_of=udpos_name,
        ),
    ),
)

PANX = Task(
    name="panx",
    task_type=TaskType.TAGGING,
    languages=tuple(
        "af ar bg bn de el en es et eu fa fi fr he hi hu id it ja jv ka kk ko ml mr ms my nl pt ru "
        "sw ta te th tl tr ur vi yo zh".split()
    ),
    metric=Metric.CHUNK_F1,
    labels=ENTITIES,
    paper="https://aclanthology.org/P17-1178",
    licence="ODC-BY, text from Wikipedia CC BY-SA",
    hub=(
        HubFiles(
            repository="google/xtreme",
            config="PAN-X.{code}",
            train="train",
            dev="validation",
            test="test",
            read=tagged("tokens", "ner_tags", ENTITIES),
        ),
    ),
)
