"""F1 over chunks of tags, as XTREME scores PAN-X and UDPOS."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from stiltwalk.errors import MetricError
from stiltwalk.metrics.classification import f1_of_counts, require_equal_words, token_accuracy
from stiltwalk.metrics.score import Scorer, Share
from stiltwalk.records import Scores, TagLists

Chunk = tuple[str, int, int]
"""Type, first word, last word; words are counted through a whole file."""

_OUTSIDE = "O"


def chunk_f1(predicted: Sequence[Sequence[str]], gold: Sequence[Sequence[str]]) -> Scores:
    """Return micro-averaged f1, precision and recall over the chunks of one language's file.

    Raises:
        MetricError: if sentences or words are not equally many, or a tag is empty.

    Source:
        seqeval 0.0.12 (`f1_score`), as `evaluate.py` of XTREME calls it.

    Example:
        >>> chunk_f1([["B-PER", "O"]], [["B-PER", "I-PER"]])["f1"]
        0.0
    """
    require_equal_words(predicted, gold)
    found, wanted = set(chunks(predicted)), set(chunks(gold))
    return f1_of_counts(len(found & wanted), len(found), len(wanted))


def chunks(sentences: Sequence[Sequence[str]]) -> Iterator[Chunk]:
    """Yield the chunks of a file, reading any tag as PREFIX-TYPE in the lenient IOBES way.

    A tag's first letter is its prefix and what stands behind its last hyphen is its type, so a
    tag without a hyphen is its own type, whole: NOUN is a chunk "NOUN" with the prefix N, and
    neighbours with the same tag merge. This is what makes the published UDPOS figures.

    Raises:
        MetricError: if a tag is empty.
    """
    previous, start = "", 0
    for position, tag in enumerate(_joined(sentences)):
        ends, starts = _border(previous, tag)
        if ends:
            yield _parts(previous)[1], start, position - 1
        if starts:
            start = position
        previous = tag


@lru_cache(maxsize=1 << 16)
def _border(previous: str, tag: str) -> tuple[bool, bool]:
    """Tell whether a chunk ends between two tags, and whether one starts.

    Kept, because a file has millions of words, but few different pairs of tags.
    """
    if not tag:
        raise MetricError("A word has an empty tag; every word needs one.")
    (before, old), (after, new) = _parts(previous), _parts(tag)
    ends = before in "ES" or (before in "BI" and after in "BSO")
    starts = after in "BS" or (before in "ESO" and after in "EI")
    changes = old != new
    return ends or (changes and before not in "O."), starts or (changes and after not in "O.")


@lru_cache(maxsize=1 << 16)
def _parts(tag: str) -> tuple[str, str]:
    """Return a tag's prefix and type; nothing is before a file, which is outside of all chunks."""
    return (tag[0], tag.rpartition("-")[2]) if tag else (_OUTSIDE, "")


def _joined(sentences: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a file's tags with an outside tag behind each sentence, so that no chunk crosses."""
    for tags in sentences:
        yield from tags
        yield _OUTSIDE


def _figures(predicted: TagLists, gold: TagLists, _language: str) -> Scores:
    return {**chunk_f1(predicted, gold), "accuracy": token_accuracy(predicted, gold)}


def _shares(predicted: TagLists, gold: TagLists, _language: str) -> list[Share]:
    pairs = zip(predicted, gold, strict=True)
    sides = [(set(chunks([ours])), set(chunks([right]))) for ours, right in pairs]
    return [(2.0 * len(found & wanted), float(len(found) + len(wanted))) for found, wanted in sides]


CHUNK_F1 = Scorer(figures=_figures, shares=_shares)
"""F1, precision and recall over chunks, and accuracy over words."""
