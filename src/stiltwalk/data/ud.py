"""Raw Universal Dependencies treebanks, with multi-word tokens put back to their surface form.

Source:
    XTREME's preparation of udpos: `conllu_to_conll.py --replace_subtokens_with_fused_forms`
    (coastalcph/ud-conversion-tools), then `utils_preprocess.py`, on UD 2.5.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stiltwalk.data.source import Place, bad_line, lines, one_each
from stiltwalk.records import Example, Split, TaggedExample

_DEFAULT = tuple(
    "VERB NOUN PROPN PRON ADJ NUM ADV INTJ AUX ADP DET PART CCONJ SCONJ X PUNCT".split()
)
_PRECEDENCE = {
    "es": tuple("VERB AUX PRON ADP DET".split()),
    "fr": tuple("VERB AUX PRON NOUN ADJ ADV ADP DET PART SCONJ".split()),
    "it": tuple("VERB AUX ADV PRON ADP DET INTJ".split()),
}
_COLUMNS = 10
_RELEASE = re.compile(r"(?i)(ud[-_])?(treebanks[-_])?v?\d+\.\d+")
_PART = re.compile(r"(-[a-z0-9])+")
"""What stands behind the split where a treebank's file is cut: `de_hdt-ud-train-a-1`."""
_NUMBER = re.compile(r"[0-9]{1,9}")
_NO_FORM = "_"
UNRANKED = "multi-word tokens with a tag outside the precedence list at a tie"
DROPPED = "sentences left out because their words are not given"


@dataclass(slots=True)
class _Tree:
    """One sentence: its words by index, and the spans that are one token on the surface."""

    forms: dict[int, str] = field(default_factory=dict)
    tags: dict[int, str] = field(default_factory=dict)
    heads: dict[int, int] = field(default_factory=dict)
    fused: dict[int, tuple[int, str]] = field(default_factory=dict)


def examples(
    folder: Path, split: Split, language: str, tags: tuple[str, ...], counts: Counter[str]
) -> Iterator[Example]:
    """Yield the sentences of a language, treebank by treebank in sorted file order.

    Raises:
        DataError: if there is no such file, or a line cannot be used.
    """
    place = Place("udpos", f"raw UD, {language}", split.value)
    number = 0
    for path in split_files(folder, split, language, place):
        for line, tree in _trees(path, place):
            words, found = surface(tree, language, counts)
            if _is_withheld(words):
                counts[DROPPED] += 1
                continue
            unknown = sorted(set(found) - set(tags))
            if unknown:
                raise bad_line(
                    place,
                    path,
                    line,
                    f"the sentence that ends here has the tag '{unknown[0]}', needed one of "
                    f"{', '.join(tags)}.",
                    "Use UD 2.5, which XTREME is made from.",
                )
            yield TaggedExample(str(number), words, found)
            number += 1
    if not number:
        raise place.error(f"the files in {folder} hold no sentence.", "Unpack them again.")


def split_files(folder: Path, split: Split, language: str, place: Place) -> list[Path]:
    """Return the treebanks' files of a split, sorted by file name."""
    pattern = f"{language}_*-ud-{split}*.conllu"
    files = sorted(folder.rglob(pattern), key=lambda path: path.name)
    one_each(files, place)
    below = [str(file.relative_to(folder).parent) for file in files]
    releases = {found[0] for path in below if (found := _RELEASE.search(path))}
    if len(releases) > 1:
        raise place.error(
            f"{folder} holds {' and '.join(sorted(releases))}.", "Give the folder of one release."
        )
    for file in files:
        treebank, _, part = file.stem.partition(f"-ud-{split}")
        whole = f"{treebank}-ud-{split}.conllu"
        if part and (not _PART.fullmatch(part) or whole in {each.name for each in files}):
            raise place.error(f"{file} is no part of {whole}.", "Remove what is a copy.")
    if not files:
        raise place.error(
            f"{folder} has no {pattern}.",
            "Add the language's treebanks (docs/data.md), or leave data.ud out to read the hub's.",
        )
    return files


def surface(
    tree: _Tree, language: str, counts: Counter[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return words as they are written, and the tags that XTREME's preparation gives them."""
    words, tags = [], []
    last = 0
    for index in sorted(tree.forms):
        if index <= last:
            continue
        head, form = index, tree.forms[index]
        if index in tree.fused:
            last, form = tree.fused[index]
            span = [one for one in range(index, last + 1) if one in tree.forms]
            head = _highest(tree, span, language, counts)
        words.append(form.replace("\u200c", "").replace(" ", ""))
        tags.append(tree.tags[head])
    return tuple(words), tuple(tags)


def _highest(tree: _Tree, span: list[int], language: str, counts: Counter[str]) -> int:
    """Return the word of a span with the fewest ancestors; tags decide between equals."""
    depths = {index: _num_ancestors(tree.heads, index) for index in span}
    highest = [index for index in span if depths[index] == min(depths.values())]
    if len(highest) == 1:
        return highest[0]
    order = _PRECEDENCE.get(language, _DEFAULT)
    counts[UNRANKED] += any(tree.tags[index] not in order for index in highest)
    ranks = {tag: rank for rank, tag in enumerate(order)}
    return min(highest, key=lambda index: ranks.get(tree.tags[index], len(order)))


def _num_ancestors(heads: Mapping[int, int], index: int) -> int:
    seen: set[int] = set()
    while (index := heads.get(index, -1)) >= 0 and index not in seen:
        seen.add(index)
    return len(seen)


def _is_withheld(words: tuple[str, ...]) -> bool:
    """Tell whether a treebank without its text leaves all words but one, or all, as `_`."""
    missing = words.count(_NO_FORM)
    return missing > 0 and missing >= len(words) - 1


def _trees(path: Path, place: Place) -> Iterator[tuple[int, _Tree]]:
    tree, number = _Tree(), 0
    for number, line in lines(path, place):
        if line.startswith("#"):
            continue
        if line.strip():
            _add(tree, line.split("\t"), path, place, number)
        elif tree.forms:
            yield number, tree
            tree = _Tree()
    if tree.forms:
        yield number, tree


def _add(tree: _Tree, columns: list[str], path: Path, place: Place, number: int) -> None:
    """Put one line into the sentence; empty nodes such as 8.1 are no words."""
    if len(columns) != _COLUMNS:
        raise bad_line(
            place, path, number, f"{len(columns)} columns, needed {_COLUMNS}.", "Unpack it again."
        )
    key, form = columns[0], columns[1].strip()
    if "." in key:
        return
    first, dash, last = key.partition("-")
    known = all(map(_NUMBER.fullmatch, (first, last) if dash else (first,)))
    if not known or (dash and int(last) < int(first)):
        raise bad_line(place, path, number, f"'{key[:20]}' is no index.", "Unpack it again.")
    if int(first) in (tree.fused if dash else tree.forms):
        raise bad_line(
            place, path, number, f"'{key}' is there twice.", "Put a blank line between sentences."
        )
    if dash:
        tree.fused[int(first)] = (int(last), form)
        return
    tree.forms[int(key)] = form
    tree.tags[int(key)] = columns[3].strip()
    if _NUMBER.fullmatch(columns[6]):
        tree.heads[int(key)] = int(columns[6])
