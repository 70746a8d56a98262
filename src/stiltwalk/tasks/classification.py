"""Classification: one text or two in, one label out; or which of several continuations fits.

The English tasks and the XTREME tasks they can help sit side by side, so a difference in labels
or columns shows on one screen.
"""

from __future__ import annotations

from dataclasses import replace

from stiltwalk.data.hub import HubFiles
from stiltwalk.data.readers import commonsense_qa, cosmos_qa, hellaswag, pairs, topics
from stiltwalk.languages import CONFIGURATIONS, sib200_configuration
from stiltwalk.records import Metric, Split, TaskType
from stiltwalk.tasks.task import Task, counts, means

NLI_LABELS = ("entailment", "neutral", "contradiction")
PARAPHRASE_LABELS = ("0", "1")
"""As XTREME's files for PAWS-X spell them; 1 is a paraphrase."""
DUPLICATE_LABELS = ("not_duplicate", "duplicate")

_read_nli = pairs(("premise", "hypothesis", "label"), NLI_LABELS)
_read_snli = pairs(("premise", "hypothesis", "label"), NLI_LABELS, unlabelled=-1)

_MNLI_FILES = HubFiles("nyu-mll/multi_nli", "default", _read_nli, dev="validation_matched")

MNLI = Task(
    name="mnli",
    task_type=TaskType.PAIR,
    metric=Metric.ACCURACY,
    labels=NLI_LABELS,
    paper="https://aclanthology.org/N18-1101",
    licence="OANC and others, free to use (see the paper, section 2)",
    template="nli",
    num_rows={Split.TRAIN: 392_702, Split.DEV: 9_815},
    mean_tokens={"en": 44.7},
    hub=(_MNLI_FILES,),
)

ANLI_PLUS = Task(
    name="anli_plus",
    task_type=TaskType.PAIR,
    metric=Metric.ACCURACY,
    labels=NLI_LABELS,
    paper="https://aclanthology.org/2020.acl-main.441",
    licence="ANLI CC BY-NC 4.0, SNLI CC BY-SA 4.0, MultiNLI see mnli",
    template="nli",
    num_rows={Split.TRAIN: 1_104_934, Split.DEV: 22_857},
    mean_tokens={"en": 65.8},
    hub=(
        *(
            HubFiles(
                "facebook/anli",
                "plain_text",
                _read_nli,
                train=f"train_r{number}",
                dev=f"dev_r{number}",
                part="anli",
            )
            for number in (1, 2, 3)
        ),
        replace(_MNLI_FILES, part="mnli"),
        HubFiles("stanfordnlp/snli", "plain_text", _read_snli, part="snli"),
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
    template="nli",
    num_rows={Split.DEV: 2_490, Split.TEST: 5_010},
    mean_tokens=means(
        "ar=38.2 bg=39.0 de=39.8 el=42.8 en=37.2 es=37.8 fr=44.6 hi=41.6 ru=39.3 sw=36.8 th=34.5 "
        "tr=34.0 ur=41.0 vi=40.8 zh=31.7"
    ),
    hub=(
        HubFiles(
            "google/xtreme",
            "XNLI",
            pairs(("sentence1", "sentence2", "gold_label"), NLI_LABELS, language_column="language"),
            test="test",
            train=None,
        ),
    ),
)

QQP = Task(
    name="qqp",
    task_type=TaskType.PAIR,
    metric=Metric.ACCURACY_AND_F1,
    labels=DUPLICATE_LABELS,
    paper="https://quoradata.quora.com/First-Quora-Dataset-Release-Question-Pairs",
    licence="Quora's terms of service, non-commercial",
    template="duplicates",
    num_rows={Split.TRAIN: 363_846, Split.DEV: 40_430},
    mean_tokens={"en": 32.9},
    hub=(
        HubFiles(
            "nyu-mll/glue", "qqp", pairs(("question1", "question2", "label"), DUPLICATE_LABELS)
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
    template="paraphrases",
    num_rows={
        Split.TRAIN: 49_175,
        Split.DEV: counts("de=2000 en=2000 es=1961 fr=1988 ja=2000 ko=2000 zh=2000"),
        Split.TEST: counts("de=2000 en=2000 es=2000 fr=2000 ja=2000 ko=1999 zh=2000"),
    },
    mean_tokens=means("de=62.3 en=63.3 es=63.9 fr=69.9 ja=78.1 ko=65.8 zh=64.1"),
    hub=(
        HubFiles(
            "google/xtreme",
            "PAWS-X.{code}",
            pairs(("sentence1", "sentence2", "label"), PARAPHRASE_LABELS),
            test="test",
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
    template="topics",
    num_rows={Split.TRAIN: 701, Split.DEV: 99, Split.TEST: 204},
    mean_tokens=means(
        "af=38.4 ar=38.2 bg=38.9 bn=43.2 de=37.4 el=45.4 en=32.5 es=36.9 et=36.8 eu=38.2 fa=37.0 "
        "fi=35.8 fr=40.8 he=37.6 hi=41.9 hu=38.9 id=31.8 it=37.4 ja=34.7 ka=41.5 kk=38.9 ko=36.9 "
        "ml=46.5 mr=39.8 ms=30.0 nl=37.6 pt=37.4 ru=38.7 sw=38.3 ta=40.5 te=40.8 th=36.8 tl=40.6 "
        "tr=34.4 ur=37.8 vi=37.6 yo=88.9 zh=33.2"
    ),
    hub=(
        HubFiles(
            "Davlan/sib200",
            "{code}",
            topics(("text", "category"), TOPIC_LABELS),
            test="test",
            code_of=sib200_configuration,
        ),
    ),
)

HELLASWAG = Task(
    name="hellaswag",
    task_type=TaskType.CHOICE,
    metric=Metric.ACCURACY,
    labels=tuple("0123"),
    paper="https://aclanthology.org/P19-1472",
    licence="MIT",
    template="continuation",
    num_rows={Split.TRAIN: 39_905, Split.DEV: 10_042},
    mean_tokens={"en": 218.8},
    hub=(HubFiles("Rowan/hellaswag", "default", hellaswag),),
)

COSMOS_QA = Task(
    name="cosmos_qa",
    task_type=TaskType.CHOICE,
    metric=Metric.ACCURACY,
    labels=tuple("0123"),
    paper="https://aclanthology.org/D19-1243",
    licence="CC BY 4.0",
    template="answer",
    num_rows={Split.TRAIN: 25_262, Split.DEV: 2_985},
    mean_tokens={"en": 463.0},
    hub=(HubFiles("allenai/cosmos_qa", "default", cosmos_qa),),
)

COMMONSENSE_QA = Task(
    name="commonsense_qa",
    task_type=TaskType.CHOICE,
    metric=Metric.ACCURACY,
    labels=tuple("01234"),
    paper="https://aclanthology.org/N19-1421",
    licence="MIT",
    template="question",
    num_rows={Split.TRAIN: 9_741, Split.DEV: 1_221},
    mean_tokens={"en": 111.0},
    hub=(HubFiles("tau/commonsense_qa", "default", commonsense_qa),),
)
