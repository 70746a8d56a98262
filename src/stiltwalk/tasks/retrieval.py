"""Retrieval tasks, without training: which sentences are translations of each other."""

from __future__ import annotations

from stiltwalk.data.hub import HubFiles
from stiltwalk.languages import tatoeba_code
from stiltwalk.records import Metric, Split, TaskType
from stiltwalk.tasks.task import XTREME, XTREME_R, OwnFiles, Task, counts, means

BUCC2018 = Task(
    name="bucc2018",
    task_type=TaskType.RETRIEVAL,
    languages=tuple("de fr ru zh".split()),
    metric=Metric.PAIR_F1,
    paper="https://aclanthology.org/W17-2512",
    licence="for research; text from Wikipedia CC BY-SA and News Commentary",
    num_rows={
        Split.DEV: counts("de=72947 fr=59566 ru=118225 zh=22213"),
        Split.TEST: counts("de=813206 fr=641684 ru=1019254 zh=183497"),
    },
    mean_tokens=means("zh=26.4"),
    benchmarks=(XTREME,),
    own_files=OwnFiles.BUCC,  # the hub's `bucc18.*` lacks the unpaired sentences
)

_TATOEBA_LANGUAGES = tuple(
    "af ar bg bn de el es et eu fa fi fr he hi hu id it ja jv ka kk ko ml mr nl pt ru sw ta te "
    "th tl tr ur vi zh".split()
)
_TATOEBA_MORE = tuple("az lt pl uk ro".split())

TATOEBA = Task(
    name="tatoeba",
    task_type=TaskType.RETRIEVAL,
    languages=_TATOEBA_LANGUAGES,
    metric=Metric.ACCURACY,
    paper="https://aclanthology.org/Q19-1038",
    licence="CC BY 2.0 FR",
    num_rows={
        Split.TEST: counts(
            "af=2000 ar=2000 bg=2000 bn=2000 de=2000 el=2000 es=2000 et=2000 eu=2000 fa=2000 "
            "fi=2000 fr=2000 he=2000 hi=2000 hu=2000 id=2000 it=2000 ja=2000 jv=410 ka=1492 "
            "kk=1150 ko=2000 ml=1374 mr=2000 nl=2000 pt=2000 ru=2000 sw=780 ta=614 te=468 th=1096 "
            "tl=2000 tr=2000 ur=2000 vi=2000 zh=2000 az=2000 lt=2000 "
            "pl=2000 uk=2000 ro=2000"
        )
    },
    mean_tokens=means(
        "af=10.1 ar=10.3 bg=11.8 bn=9.9 de=15.0 el=10.3 es=11.3 et=10.2 eu=10.9 fa=11.6 fi=11.6 "
        "fr=12.7 he=11.5 hi=11.6 hu=11.1 id=10.7 it=10.5 ja=12.5 jv=11.5 ka=9.9 kk=10.7 ko=11.6 "
        "ml=11.1 mr=10.1 nl=11.6 pt=11.5 ru=11.2 sw=9.5 ta=10.5 te=10.2 th=10.3 tl=11.1 tr=10.9 "
        "ur=10.8 vi=12.3 zh=10.7"
    ),
    benchmarks=(XTREME, XTREME_R),
    more_languages={XTREME_R: _TATOEBA_MORE},
    hub=(
        HubFiles(
            "google/xtreme",
            "tatoeba.{code}",
            test="validation",  # the hub has it under this name only
            code_of=tatoeba_code,
            train=None,
            dev=None,
            languages=_TATOEBA_LANGUAGES,
        ),
        HubFiles(
            "mteb/tatoeba-bitext-mining",
            "{code}-eng",
            test="test",
            code_of=tatoeba_code,
            train=None,
            dev=None,
            languages=_TATOEBA_MORE,
            untested=True,
        ),
    ),
)
