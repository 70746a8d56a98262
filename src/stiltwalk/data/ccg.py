"""CCGbank's supertags, from its own `.auto` files or from `word TAB category` files.

In `.auto` files brackets are spelled -LRB- and so on; they become brackets again, since that is
what a pretrained vocabulary knows. (What the paper did is not published.)

Source:
    Hockenmaier and Steedman 2007; sections 02 to 21 train, 00 dev, 23 test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from stiltwalk.data.source import Place, bad_line, lines, one_each
from stiltwalk.records import Example, Split, TaggedExample

_SECTIONS = {Split.TRAIN: range(2, 22), Split.DEV: range(1), Split.TEST: range(23, 24)}
_SECTION = re.compile(r"wsj_(\d\d)")
_LEAF = re.compile(r"<L ([^ ]+) [^ ]+ [^ ]+ ([^ ]+) [^ >]+>")
_NAMES = ("tsv", "txt")
_BRACKETS = {"-LRB-": "(", "-RRB-": ")", "-LCB-": "{", "-RCB-": "}", "-LSB-": "[", "-RSB-": "]"}
NEEDED = (
    "CCGbank is licensed by the LDC (LDC2005T13) and can be fetched by nobody but its licensees. "
    "Set data.ccg to a folder with its .auto files, or with train.tsv and dev.tsv of 'word TAB "
    "category' lines and a blank line between sentences (docs/data.md); or leave 'ccg' out."
)


def examples(folder: Path, split: Split) -> Iterator[Example]:
    """Yield the sentences of a split, or raise `DataError`."""
    place = Place("ccg", folder.name, split.value)
    number = 0
    for path in split_files(folder, split, place):
        read = _from_auto if path.suffix == ".auto" else _from_columns
        for words, tags in read(path, place):
            yield TaggedExample(str(number), words, tags)
            number += 1
    if not number:
        raise place.error(f"{folder} holds no sentence.", "Unpack the archive again.")


def split_files(folder: Path, split: Split, place: Place) -> list[Path]:
    """Return the files of a split, in order."""
    columns = [file for ending in _NAMES if (file := folder / f"{split}.{ending}").is_file()]
    if len(columns) > 1:
        raise place.error(f"{columns[0]} and {columns[1]} stand beside each other.", "Remove one.")
    autos = [path for path in sorted(folder.rglob("*.auto")) if _section(path) in _SECTIONS[split]]
    files = columns or one_each(autos, place)
    if not files:
        raise place.error(
            f"{folder} has neither {split}.tsv nor .auto files of its sections.", NEEDED
        )
    return files


def _section(path: Path) -> int:
    found = _SECTION.search(path.name)
    return int(found.group(1)) if found else -1


Sentence = tuple[tuple[str, ...], tuple[str, ...]]


def _from_auto(path: Path, place: Place) -> Iterator[Sentence]:
    for number, line in lines(path, place):
        if not line.strip() or line.startswith("ID="):
            continue
        leaves = _LEAF.findall(line)
        if not line.lstrip().startswith("(") or not leaves or len(leaves) < line.count("<L "):
            raise bad_line(
                place, path, number, f"'{line[:60]}' is no derivation.", "Unpack it again."
            )
        yield (
            tuple(_BRACKETS.get(word, word) for _, word in leaves),
            tuple(category for category, _ in leaves),
        )


def _from_columns(path: Path, place: Place) -> Iterator[Sentence]:
    words: list[str] = []
    tags: list[str] = []
    for number, line in lines(path, place):
        if line.strip():
            fields = [field.strip() for field in line.split("\t")]
            if len(fields) != 2 or not all(fields):  # noqa: PLR2004 - word and category
                raise bad_line(
                    place,
                    path,
                    number,
                    f"'{line[:60]}' has {len(fields)} columns.",
                    "Needed: word, a tab, category.",
                )
            words.append(fields[0])
            tags.append(fields[1])
        elif words:
            yield tuple(words), tuple(tags)
            words, tags = [], []
    if words:
        yield tuple(words), tuple(tags)
