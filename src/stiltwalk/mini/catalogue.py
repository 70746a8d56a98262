"""What the embedded benchmark holds, without reading it: tasks, languages, rows, lengths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stiltwalk.errors import DataError
from stiltwalk.records import Split

VERSION = 1
"""Raised by hand whenever a row changes."""

ROWS: Mapping[Split, int] = {Split.TRAIN: 4000, Split.DEV: 200, Split.TEST: 500}
"""Rows per language of every task with examples."""

NUM_LINES = 4000
"""Unlabelled lines per language."""

MEAN_TOKENS: Mapping[str, float] = {
    "mnli": 11.4,
    "anli_plus": 17.2,
    "qqp": 18.6,
    "squad_v1": 31.4,
    "squad_v2": 31.4,
    "hellaswag": 62.7,
    "ccg": 13.8,
    "cosmos_qa": 87.0,
    "commonsense_qa": 60.3,
    "xnli": 12.0,
    "pawsx": 22.8,
    "udpos": 14.2,
    "panx": 14.5,
    "xquad": 32.3,
    "mlqa": 39.1,
    "tydiqa": 30.0,
    "bucc2018": 9.8,
    "tatoeba": 9.9,
    "sib200": 11.0,
}
"""Tokens of a row with the shipped vocabulary, special ones and every choice included, as a mean
over the task's languages; of retrieval a sentence's."""

LANGUAGES = tuple(
    "af ar bg bn de el en es et eu fa fi fr he hi hu id it ja jv "
    "ka kk ko ml mr ms my nl pt ru sw ta te th tl tr ur vi yo zh".split()
)
"""All forty languages of XTREME."""

_ALL = tuple(Split)
_EVALUATED = (Split.DEV, Split.TEST)


@dataclass(frozen=True, kw_only=True)
class Contents:
    """The languages and splits of one task; TRAIN is in English only."""

    languages: tuple[str, ...]
    splits: tuple[Split, ...] = _ALL
    trained_on: str | None = None


def _without(codes: str) -> tuple[str, ...]:
    return tuple(code for code in LANGUAGES if code not in codes.split())


_ENGLISH = Contents(languages=("en",))

CONTENTS: Mapping[str, Contents] = {
    "mnli": _ENGLISH,
    "anli_plus": _ENGLISH,
    "qqp": _ENGLISH,
    "squad_v1": _ENGLISH,
    "squad_v2": _ENGLISH,
    "hellaswag": _ENGLISH,
    "ccg": _ENGLISH,
    "cosmos_qa": _ENGLISH,
    "commonsense_qa": _ENGLISH,
    "xnli": Contents(
        languages=tuple("ar bg de el en es fr hi ru sw th tr ur vi zh".split()),
        splits=_EVALUATED,
        trained_on="mnli",
    ),
    "pawsx": Contents(languages=tuple("de en es fr ja ko zh".split())),
    "udpos": Contents(languages=_without("bn jv ka ml ms my sw")),
    "panx": Contents(languages=LANGUAGES),
    "xquad": Contents(
        languages=tuple("ar de el en es hi ru th tr vi zh".split()),
        splits=_EVALUATED,
        trained_on="squad_v1",
    ),
    "mlqa": Contents(
        languages=tuple("ar de en es hi vi zh".split()),
        splits=_EVALUATED,
        trained_on="squad_v1",
    ),
    "tydiqa": Contents(languages=tuple("ar bn en fi id ko ru sw te".split())),
    "bucc2018": Contents(languages=tuple("de fr ru zh".split()), splits=_EVALUATED),
    "tatoeba": Contents(languages=_without("en ms my yo"), splits=(Split.TEST,)),
    "sib200": Contents(languages=LANGUAGES),
}
"""XTREME's tasks, topic classification, and the nine intermediate ones."""

BITEXTS = ("bucc2018", "tatoeba")


def check_language(language: str) -> None:
    """Refuse a language that the embedded benchmark does not speak.

    Raises:
        DataError: with those that there are.
    """
    if language not in LANGUAGES:
        raise DataError(
            f"The embedded benchmark has no language {language!r}, only {', '.join(LANGUAGES)}. "
            "Ask for one of these."
        )


def check(task: str, split: Split, language: str) -> None:
    """Refuse what the embedded benchmark does not hold.

    Raises:
        DataError: if there is no such task, or no such split or language of it.
    """
    if task not in CONTENTS:
        raise DataError(
            f"The embedded benchmark has no task {task!r}. It has {', '.join(CONTENTS)}: "
            "choose one of these, or another data source."
        )
    contents = CONTENTS[task]
    languages = ("en",) if split is Split.TRAIN else contents.languages
    if split not in contents.splits:
        advice = f" It trains on {contents.trained_on}." if contents.trained_on else ""
        raise DataError(
            f"{task} of the embedded benchmark has no {split} split, only "
            f"{', '.join(contents.splits)}.{advice} Ask for one of these."
        )
    if language not in languages:
        raise DataError(
            f"The {split} split of {task} in the embedded benchmark has no language "
            f"{language!r}, only {', '.join(languages)}. Ask for one of these."
        )
