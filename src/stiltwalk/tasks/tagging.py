"""Tagging tasks: one tag per word."""

from __future__ import annotations

from stiltwalk.data.hub import HubFiles
from stiltwalk.data.readers import tagged
from stiltwalk.languages import udpos_name
from stiltwalk.records import Metric, Split, TaskType
from stiltwalk.tasks.task import XTREME, XTREME_R, OwnFiles, Task, counts, means

UPOS = tuple(
    "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X".split()
)
ENTITIES = tuple("O B-PER I-PER B-ORG I-ORG B-LOC I-LOC".split())

CCG = Task(
    name="ccg",
    task_type=TaskType.TAGGING,
    metric=Metric.ACCURACY,  # of tokens; supertags are no chunks
    paper="https://aclanthology.org/J07-3004",
    licence="LDC user agreement (CCGbank, LDC2005T13)",
    template="supertags",
    num_rows={Split.TRAIN: 38_000, Split.DEV: 1_913},
    mean_tokens={"en": 13.2},
    own_files=OwnFiles.CCG,
)

_UDPOS_LANGUAGES = tuple(
    "af ar bg de el en es et eu fa fi fr he hi hu id it ja kk ko mr nl pt ru ta te th tl tr ur "
    "vi yo zh".split()
)

UDPOS = Task(
    name="udpos",
    task_type=TaskType.TAGGING,
    languages=_UDPOS_LANGUAGES,
    metric=Metric.CHUNK_F1,
    labels=UPOS,
    paper="https://aclanthology.org/2020.lrec-1.497",
    licence="per treebank, most CC BY-SA or CC BY-NC-SA",
    template="parts_of_speech",
    num_rows={
        Split.TRAIN: 21_253,
        Split.DEV: counts(
            "af=194 ar=909 bg=1115 de=19233 el=2559 en=3974 es=3054 et=3125 eu=1798 fa=599 fi=3239 "
            "fr=5979 he=484 hi=1659 hu=441 id=559 it=2278 ja=511 ko=3016 mr=46 nl=1394 pt=1770 "
            "ru=9960 ta=80 te=131 tr=988 ur=552 vi=800 zh=3038"
        ),
        Split.TEST: counts(
            "af=425 ar=1680 bg=1116 de=22458 el=2809 en=5440 es=3147 et=3760 eu=1799 fa=600 "
            "fi=4422 fr=9465 he=491 hi=2684 hu=449 id=1557 it=3518 ja=2372 kk=1047 ko=4276 mr=47 "
            "nl=1471 pt=2681 ru=11336 ta=120 te=146 th=1000 tl=55 tr=4785 ur=535 vi=800 yo=100 "
            "zh=5528"
        ),
    },
    mean_tokens=means(
        "af=38.3 ar=46.2 bg=23.2 de=20.0 el=44.7 en=20.1 es=45.4 et=30.9 eu=22.6 fa=37.5 fi=17.5 "
        "fr=36.8 he=33.1 hi=30.5 hu=49.3 id=33.4 it=30.9 ja=52.7 kk=16.3 ko=29.1 mr=18.0 nl=26.0 "
        "pt=27.4 ru=37.2 ta=28.5 te=11.3 th=39.2 tl=10.8 tr=20.0 ur=40.2 vi=23.9 yo=68.3 zh=53.4"
    ),
    benchmarks=(XTREME, XTREME_R),
    more_languages={XTREME_R: tuple("lt pl uk wo ro".split())},
    own_files=OwnFiles.UD,  # the only source of XTREME-R's further languages
    hub=(
        HubFiles(
            "google/xtreme",
            "udpos.{code}",
            tagged("tokens", "pos_tags", UPOS),
            test="test",
            languages=_UDPOS_LANGUAGES,
            code_of=udpos_name,
        ),
    ),
)

_PANX_LANGUAGES = tuple(
    "af ar bg bn de el en es et eu fa fi fr he hi hu id it ja jv ka kk ko ml mr ms my nl pt ru "
    "sw ta te th tl tr ur vi yo zh".split()
)
_PANX_MORE = tuple("qu pl uk az lt pa gu ro".split())
_PANX_ROWS = counts(
    "af=1000 ar=10000 bg=10000 bn=1000 de=10000 el=10000 en=10000 es=10000 et=10000 "
    "eu=10000 fa=10000 fi=10000 fr=10000 he=10000 hi=1000 hu=10000 id=10000 it=10000 "
    "ja=10000 jv=100 ka=10000 kk=1000 ko=10000 ml=1000 mr=1000 ms=1000 my=100 nl=10000 "
    "pt=10000 ru=10000 sw=1000 ta=1000 te=1000 th=10000 tl=1000 tr=10000 ur=1000 vi=10000 "
    "yo=100 zh=10000 qu=100 pl=10000 uk=10000 az=1000 lt=10000 pa=100 gu=100 ro=10000"
)

PANX = Task(
    name="panx",
    task_type=TaskType.TAGGING,
    languages=_PANX_LANGUAGES,
    metric=Metric.CHUNK_F1,
    labels=ENTITIES,
    paper="https://aclanthology.org/P17-1178",
    licence="ODC-BY, text from Wikipedia CC BY-SA",
    template="entities",
    num_rows={Split.TRAIN: 20_000, Split.DEV: _PANX_ROWS, Split.TEST: _PANX_ROWS},
    mean_tokens=means(
        "af=20.8 ar=13.4 bg=17.1 bn=12.3 de=18.7 el=21.0 en=14.0 es=12.3 et=17.6 eu=19.1 fa=13.6 "
        "fi=18.6 fr=13.4 he=18.9 hi=12.5 hu=17.5 id=11.9 it=14.7 ja=56.4 jv=11.6 ka=19.4 kk=18.3 "
        "ko=19.4 ml=21.0 mr=16.1 ms=11.4 my=34.4 nl=15.2 pt=12.2 ru=15.6 sw=11.0 ta=18.6 te=20.6 "
        "tl=9.4 tr=15.1 ur=13.2 vi=10.8 yo=16.5 zh=43.0"
    ),
    benchmarks=(XTREME, XTREME_R),
    more_languages={XTREME_R: _PANX_MORE},
    hub=(
        HubFiles(
            "google/xtreme",
            "PAN-X.{code}",
            tagged("tokens", "ner_tags", ENTITIES),
            test="test",
            languages=_PANX_LANGUAGES,
        ),
        HubFiles(
            "unimelb-nlp/wikiann",
            "{code}",
            tagged("tokens", "ner_tags", ENTITIES),
            test="test",
            train=None,
            languages=_PANX_MORE,
            untested=True,
        ),
    ),
)
