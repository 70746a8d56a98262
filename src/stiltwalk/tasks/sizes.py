"""How large the full data sets are, so that a plan can be costed without opening them.

Rows: as published on the hub, or in XTREME's paper where one file mixes languages; BUCC's
sentences from the overview of the shared task (Zweigenbaum et al., 2018). Mean tokens: everything
the encoder sees of a row (special tokens, every choice, every window) at the task's own maximum
length, measured with XLM-R's vocabulary by `scripts/measure_mean_tokens.py` on up to 1,000 rows per
language of cuts of the real data sets (CCG: on automatic parses of other text, shorter than
CCGbank's newspaper sentences; SIB-200: on other news sentences, since the cuts lack it).
"""

from __future__ import annotations

from collections.abc import Mapping

from stiltwalk.records import Split
from stiltwalk.tasks.task import Task


def rows(task: Task, split: Split, language: str = "en") -> int | None:
    """Return the rows of a split in one language, None where there is none.

    Args:
        task: any; of retrieval the sentences of both sides are counted, each is embedded once.
        split: training rows are there in English only.
        language: two letters.
    """
    if language not in task.languages or (split is Split.TRAIN and language != "en"):
        return None
    number = _ROWS[task.name].get(split)
    return number.get(language) if isinstance(number, Mapping) else number


def mean_tokens(task: Task, language: str = "en") -> float:
    """Return the tokens of a row; a language that was not measured gets the task's mean."""
    known = _MEAN_TOKENS[task.name]
    return known.get(language, sum(known.values()) / len(known))


def _table(text: str) -> dict[str, int]:
    return {code: int(number) for code, _, number in (one.partition("=") for one in text.split())}


def _means(text: str) -> dict[str, float]:
    return {code: float(mean) for code, _, mean in (one.partition("=") for one in text.split())}


_ROWS: Mapping[str, Mapping[Split, int | Mapping[str, int]]] = {
    "mnli": {Split.TRAIN: 392_702, Split.DEV: 9_815},
    "anli_plus": {Split.TRAIN: 1_104_934, Split.DEV: 22_857},
    "qqp": {Split.TRAIN: 363_846, Split.DEV: 40_430},
    "squad_v1": {Split.TRAIN: 87_599, Split.DEV: 10_570},
    "squad_v2": {Split.TRAIN: 130_319, Split.DEV: 11_873},
    "hellaswag": {Split.TRAIN: 39_905, Split.DEV: 10_042},
    "ccg": {Split.TRAIN: 38_000, Split.DEV: 1_913},
    "cosmos_qa": {Split.TRAIN: 25_262, Split.DEV: 2_985},
    "commonsense_qa": {Split.TRAIN: 9_741, Split.DEV: 1_221},
    "xnli": {Split.DEV: 2_490, Split.TEST: 5_010},
    "pawsx": {
        Split.TRAIN: 49_175,
        Split.DEV: _table("de=2000 en=2000 es=1961 fr=1988 ja=2000 ko=2000 zh=2000"),
        Split.TEST: _table("de=2000 en=2000 es=2000 fr=2000 ja=2000 ko=1999 zh=2000"),
    },
    "udpos": {
        Split.TRAIN: 21_253,
        Split.DEV: _table(
            "af=194 ar=909 bg=1115 de=19233 el=2559 en=3974 es=3054 et=3125 eu=1798 fa=599 fi=3239 "
            "fr=5979 he=484 hi=1659 hu=441 id=559 it=2278 ja=511 ko=3016 mr=46 nl=1394 pt=1770 "
            "ru=9960 ta=80 te=131 tr=988 ur=552 vi=800 zh=3038"
        ),
        Split.TEST: _table(
            "af=425 ar=1680 bg=1116 de=22458 el=2809 en=5440 es=3147 et=3760 eu=1799 fa=600 "
            "fi=4422 fr=9465 he=491 hi=2684 hu=449 id=1557 it=3518 ja=2372 kk=1047 ko=4276 mr=47 "
            "nl=1471 pt=2681 ru=11336 ta=120 te=146 th=1000 tl=55 tr=4785 ur=535 vi=800 yo=100 "
            "zh=5528"
        ),
    },
    "panx": {
        Split.TRAIN: 20_000,
        Split.DEV: _table(
            "af=1000 ar=10000 bg=10000 bn=1000 de=10000 el=10000 en=10000 es=10000 et=10000 "
            "eu=10000 fa=10000 fi=10000 fr=10000 he=10000 hi=1000 hu=10000 id=10000 it=10000 "
            "ja=10000 jv=100 ka=10000 kk=1000 ko=10000 ml=1000 mr=1000 ms=1000 my=100 nl=10000 "
            "pt=10000 ru=10000 sw=1000 ta=1000 te=1000 th=10000 tl=1000 tr=10000 ur=1000 vi=10000 "
            "yo=100 zh=10000"
        ),
        Split.TEST: _table(
            "af=1000 ar=10000 bg=10000 bn=1000 de=10000 el=10000 en=10000 es=10000 et=10000 "
            "eu=10000 fa=10000 fi=10000 fr=10000 he=10000 hi=1000 hu=10000 id=10000 it=10000 "
            "ja=10000 jv=100 ka=10000 kk=1000 ko=10000 ml=1000 mr=1000 ms=1000 my=100 nl=10000 "
            "pt=10000 ru=10000 sw=1000 ta=1000 te=1000 th=10000 tl=1000 tr=10000 ur=1000 vi=10000 "
            "yo=100 zh=10000"
        ),
    },
    "xquad": {Split.TEST: 1_190},
    "mlqa": {
        Split.DEV: _table("ar=517 de=512 vi=511 zh=504 en=1148 es=500 hi=507"),
        Split.TEST: _table("ar=5335 de=4517 vi=5495 zh=5137 en=11590 es=5253 hi=4918"),
    },
    "tydiqa": {
        Split.TRAIN: 3_696,
        Split.DEV: _table("en=440"),
        Split.TEST: _table("ar=921 bn=113 en=440 fi=782 id=565 ko=276 ru=812 sw=499 te=669"),
    },
    "bucc2018": {
        Split.DEV: _table("de=72947 fr=59566 ru=118225 zh=22213"),
        Split.TEST: _table("de=813206 fr=641684 ru=1019254 zh=183497"),
    },
    "sib200": {Split.TRAIN: 701, Split.DEV: 99, Split.TEST: 204},
    "tatoeba": {
        Split.TEST: _table(
            "af=2000 ar=2000 bg=2000 bn=2000 de=2000 el=2000 es=2000 et=2000 eu=2000 fa=2000 "
            "fi=2000 fr=2000 he=2000 hi=2000 hu=2000 id=2000 it=2000 ja=2000 jv=410 ka=1492 "
            "kk=1150 ko=2000 ml=1374 mr=2000 nl=2000 pt=2000 ru=2000 sw=780 ta=614 te=468 th=1096 "
            "tl=2000 tr=2000 ur=2000 vi=2000 zh=2000"
        ),
    },
}

_MEAN_TOKENS: Mapping[str, Mapping[str, float]] = {
    "mnli": _means("en=44.7"),
    "anli_plus": _means("en=65.8"),
    "qqp": _means("en=32.9"),
    "squad_v1": _means("en=243.5"),
    "squad_v2": _means("en=267.4"),
    "hellaswag": _means("en=218.8"),
    "ccg": _means("en=13.2"),
    "cosmos_qa": _means("en=463.0"),
    "commonsense_qa": _means("en=111.0"),
    "xnli": _means(
        "ar=38.2 bg=39.0 de=39.8 el=42.8 en=37.2 es=37.8 fr=44.6 hi=41.6 ru=39.3 sw=36.8 th=34.5 "
        "tr=34.0 ur=41.0 vi=40.8 zh=31.7"
    ),
    "pawsx": _means("de=62.3 en=63.3 es=63.9 fr=69.9 ja=78.1 ko=65.8 zh=64.1"),
    "udpos": _means(
        "af=38.3 ar=46.2 bg=23.2 de=20.0 el=44.7 en=20.1 es=45.4 et=30.9 eu=22.6 fa=37.5 fi=17.5 "
        "fr=36.8 he=33.1 hi=30.5 hu=49.3 id=33.4 it=30.9 ja=52.7 kk=16.3 ko=29.1 mr=18.0 nl=26.0 "
        "pt=27.4 ru=37.2 ta=28.5 te=11.3 th=39.2 tl=10.8 tr=20.0 ur=40.2 vi=23.9 yo=68.3 zh=53.4"
    ),
    "panx": _means(
        "af=20.8 ar=13.4 bg=17.1 bn=12.3 de=18.7 el=21.0 en=14.0 es=12.3 et=17.6 eu=19.1 fa=13.6 "
        "fi=18.6 fr=13.4 he=18.9 hi=12.5 hu=17.5 id=11.9 it=14.7 ja=56.4 jv=11.6 ka=19.4 kk=18.3 "
        "ko=19.4 ml=21.0 mr=16.1 ms=11.4 my=34.4 nl=15.2 pt=12.2 ru=15.6 sw=11.0 ta=18.6 te=20.6 "
        "tl=9.4 tr=15.1 ur=13.2 vi=10.8 yo=16.5 zh=43.0"
    ),
    "xquad": _means(
        "ar=222.7 de=199.7 el=265.4 en=170.7 es=213.2 hi=244.8 ru=215.4 th=210.8 tr=184.1 vi=211.2 "
        "zh=167.9"
    ),
    "mlqa": _means("ar=445.2 de=258.8 en=401.8 es=198.4 hi=409.7 vi=382.6 zh=232.0"),
    "tydiqa": _means(
        "ar=171.8 bn=281.6 en=174.4 fi=149.0 id=136.1 ko=201.9 ru=210.2 sw=94.0 te=231.2"
    ),
    "sib200": _means(
        "af=38.4 ar=38.2 bg=38.9 bn=43.2 de=37.4 el=45.4 en=32.5 es=36.9 et=36.8 eu=38.2 fa=37.0 "
        "fi=35.8 fr=40.8 he=37.6 hi=41.9 hu=38.9 id=31.8 it=37.4 ja=34.7 ka=41.5 kk=38.9 ko=36.9 "
        "ml=46.5 mr=39.8 ms=30.0 nl=37.6 pt=37.4 ru=38.7 sw=38.3 ta=40.5 te=40.8 th=36.8 tl=40.6 "
        "tr=34.4 ur=37.8 vi=37.6 yo=88.9 zh=33.2"
    ),
    "bucc2018": _means("zh=26.4"),
    "tatoeba": _means(
        "af=10.1 ar=10.3 bg=11.8 bn=9.9 de=15.0 el=10.3 es=11.3 et=10.2 eu=10.9 fa=11.6 fi=11.6 "
        "fr=12.7 he=11.5 hi=11.6 hu=11.1 id=10.7 it=10.5 ja=12.5 jv=11.5 ka=9.9 kk=10.7 ko=11.6 "
        "ml=11.1 mr=10.1 nl=11.6 pt=11.5 ru=11.2 sw=9.5 ta=10.5 te=10.2 th=10.3 tl=11.1 tr=10.9 "
        "ur=10.8 vi=12.3 zh=10.7"
    ),
}
