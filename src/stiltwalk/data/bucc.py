"""BUCC in its original form: two sides with unpaired sentences among them, and gold pairs.

Source:
    https://comparable.limsi.fr/bucc2018/bucc2018-task.html; XTREME uses "sample" as dev and
    "training" as test.
"""

from __future__ import annotations

from pathlib import Path

from stiltwalk.data.source import Place, bad_line, lines, one_each
from stiltwalk.records import Bitext, Sentence, Split

_SPLITS = {Split.DEV: "sample", Split.TEST: "training"}
NEEDED = (
    "BUCC 2018 must be given as a folder: the hub's 'bucc18' holds only the gold pairs, so there "
    "is nothing to mine. Set data.bucc to the folder with the original files "
    "(LL-en.sample.LL, .en, .gold and the same with 'training'); docs/data.md says where they are."
)


def bitext(folder: Path, split: Split, language: str) -> Bitext:
    """Return both sides of one split, or raise `DataError`."""
    place = Place("bucc2018", f"{language}-en", split.value)
    foreign, english, gold = split_files(folder, split, language, place)
    sides = _sentences(foreign, place), _sentences(english, place)
    pairs = tuple(_fields(gold, place))
    known = tuple({sentence.id for sentence in side} for side in sides)
    for number, (foreign_id, english_id) in enumerate(pairs, start=1):
        if foreign_id not in known[0] or english_id not in known[1]:
            raise bad_line(
                place,
                gold,
                number,
                f"the pair {foreign_id}, {english_id} names a sentence that neither side has.",
                "The files must be of one release.",
            )
    return Bitext(*sides, pairs)


def split_files(folder: Path, split: Split, language: str, place: Place) -> list[Path]:
    """Return the files of the foreign side, the English side and the gold pairs."""
    if split not in _SPLITS:
        raise place.error("BUCC has no training rows.", "Ask for dev or test.")
    stem = f"{language}-en.{_SPLITS[split]}"
    parents = (folder, folder / f"{language}-en", folder / "bucc2018" / f"{language}-en")
    endings = (language, "en", "gold")
    found = [
        file
        for parent in parents
        for ending in endings
        if (file := parent / f"{stem}.{ending}").is_file()
    ]
    if len(one_each(found, place)) == len(endings):
        return found
    raise place.error(
        f"{folder} lacks {stem}.{language}, {stem}.en or {stem}.gold.",
        "data.bucc must hold BUCC 2018's original files; docs/data.md says where they are.",
    )


def _sentences(path: Path, place: Place) -> tuple[Sentence, ...]:
    return tuple(Sentence(key, text) for key, text in _fields(path, place))


def _fields(path: Path, place: Place) -> list[tuple[str, str]]:
    rows = []
    for number, line in lines(path, place):
        if not line.strip():
            continue
        key, tab, rest = line.partition("\t")
        if not tab:
            raise bad_line(
                place, path, number, f"no tab in '{line[:60]}'.", "Needed: id, a tab, the rest."
            )
        rows.append((key.strip(), rest.strip()))
    if not rows:
        raise place.error(f"{path} is empty.", "Unpack the archive again.")
    return rows
