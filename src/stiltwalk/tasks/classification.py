"""Classification: one text or two in, one label out.

Sentence-pair tasks: two texts in, one label out.

The English tasks and the XTREME tasks they can help sit side by side, so a difference in labels
or columns shows on one screen.
"""

from __future__ import annotations

from dataclasses import replace

from stiltwalk.data.hub import HubFiles
from stiltwalk.data.readers import pairs, topics
from stiltwalk.languages import CONFIGURATIONS, sib200_configuration
from stiltwalk.records import Metric, TaskType
from stiltwalk.tasks.task import Task

NLI_LABELS = ("entailment", "neutral", "contradiction")
PARAPHRASE_LABELS = ("0", "1")
"""As XTREME's files for PAWS-X spell them; 1 is a paraphrase."""
DUPLICATE_LABELS = ("not_duplicate", "duplicate")

_read_nli = pairs(("premise", "hypothesis", "label"), NLI_LABELS)
_read_snli = pairs(("premise", "hypothesis", "label"), NLI_LABELS, unlabelled=-1)

_MNLI_FILES = HubFiles(
    repository="nyu-mll/multi_nli",
    config="default",
    train="train",
    dev="validation_matched",
    read=_read_nli,
)

MNLI = Task(
    name="mnli",
    task_type=TaskType.PAIR,
    languages=("en",),
    metric=Metric.ACCURACY,
    labels=NLI_LABELS,
    paper="https://aclanthology.org/N18-1101",
    licence="OANC and others, free to use (see the paper, section 2)",
    hub=(_MNLI_FILES,),
)

ANLI_PLUS = Task(
    name="anli_plus",
    task_type=TaskType.PAIR,
    languages=("en",),
    metric=Metric.ACCURACY,
    labels=NLI_LABELS,
    paper="https://aclanthology.org/2020.acl-main.441",
    licence="ANLI CC BY-NC 4.0, SNLI CC BY-SA 4.0, MultiNLI see mnli",
    hub=(
        *(
            HubFiles(
                repository="facebook/anli",
                config="plain_text",
                train=f"train_r{number}",
                dev=f"dev_r{number}",
                read=_read_nli,
                part="anli",
            )
            for number in (1, 2, 3)
        ),
        replace(_MNLI_FILES, part="mnli"),
        HubFiles(
            repository="stanfordnlp/snli",
            config="plain_text",
            train="train",
            dev="validation",
            read=_read_snli,
            part="snli",
        ),
    ),
)

XNLI = Task(
    name="xnli",
    task_type=TaskType.PAIR,
    languages=tuple("ar bg de el en es fr hi ru sw th tr ur vi zh".split()),
    metric=Metric.ACCURACY,
    labels=NLI_LABELS,
    paper="https://aclanthology.org/D18-1269",
    licence="CC BY-NC 4.0",
    trained_on="mnli",  # XNLI itself has no training split
    hub=(
        HubFiles(
            repository="google/xtreme",
            config="XNLI",
            dev="validation",
            test="test",
            read=pairs(
                ("sentence1", "sentence2", "gold_label"), NLI_LABELS, language_column="language"
            ),
        ),
    ),
)

QQP = Task(
    name="qqp",
    task_type=TaskType.PAIR,
    languages=("en",),
    metric=Metric.ACCURACY_AND_F1,
    labels=DUPLICATE_LABELS,
    paper="https://quoradata.quora.com/First-Quora-Dataset-Release-Question-Pairs",
    licence="Quora's terms of service, non-commercial",
    hub=(
        HubFiles(
            repository="nyu-mll/glue",
            config="qqp",
            train="train",
            dev="validation",
            read=pairs(("question1", "question2", "label"), DUPLICATE_LABELS),
        ),
    ),
)

PAWSX = Task(
    name="pawsx",
    task_type=TaskType.PAIR,
    languages=tuple("de en es fr ja ko zh".split()),
    metric=Metric.ACCURACY,
    labels=PARAPHRASE_LABELS,
    paper="https://aclanthology.org/D19-1382",
    licence="free for any purpose (Google)",
    hub=(
        HubFiles(
            repository="google/xtreme",
            config="PAWS-X.{code}",
            train="train",
            dev="validation",
            test="test",
            read=pairs(("sentence1", "sentence2", "label"), PARAPHRASE_LABELS),
        ),
    ),
)


TOPIC_LABELS = (
    "science/technology",
    "travel",
    "politics",
    "sports",
    "health",
    "entertainment",
    "geography",
)

SIB200 = Task(
    name="sib200",
    task_type=TaskType.TEXT,
    languages=tuple(CONFIGURATIONS),
    metric=Metric.ACCURACY,
    labels=TOPIC_LABELS,
    paper="https://aclanthology.org/2024.eacl-long.14",
    licence="CC BY-SA 4.0",
    hub=(
        HubFiles(
            repository="Davlan/sib200",
            config="{code}",
            train="train",
            dev="validation",
            test="test",
            read=topics(("text", "category"), TOPIC_LABELS),
            code_of=sib200_configuration,
        ),
    ),
)
