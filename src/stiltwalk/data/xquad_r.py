"""XQuAD-R (LAReQA): the sentences of XQuAD's paragraphs in eleven languages are one pool.

Source:
    https://github.com/google-research-datasets/lareqa; ids and gold sentences as the evaluation
    code of XTREME-R makes them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from stiltwalk.data.hub import Reader
from stiltwalk.data.source import Place, Rows
from stiltwalk.files import read_text
from stiltwalk.records import Example, PoolDocument, RankingExample, SpanExample, Split
from stiltwalk.wording import shown

NEEDED = (
    "XQuAD-R must be given as a folder: the borders of its sentences are in no data set of the hub."
    " Set data.xquad_r to the folder with LANG.json per language; docs/data.md says where they are."
)


@dataclass(frozen=True, slots=True)
class _Paragraph:
    """Its sentences, and per question its id, its text, and which sentence answers it."""

    sentences: tuple[PoolDocument, ...]
    questions: tuple[tuple[str, str, int], ...]


def split_files(folder: Path, split: Split, language: str, place: Place) -> list[Path]:
    """Return the file of a language, directly in the folder or in `xquad-r`."""
    for parent in (folder, folder / "xquad-r"):
        if split is Split.TEST and (parent / f"{language}.json").is_file():
            return [parent / f"{language}.json"]
    raise place.error(f"{folder} holds no {language}.json.", "docs/data.md says how to get it.")


def examples(
    folder: Path, language: str, languages: Sequence[str], max_rows: int | None
) -> Iterator[RankingExample]:
    """Yield the questions in a language, with the sentences of all languages that answer them."""
    right: dict[str, list[str]] = {}
    asked = []
    for code in languages:
        for paragraph in _paragraphs(folder, code, max_rows):
            for key, text, sentence in paragraph.questions:
                right.setdefault(key, []).append(paragraph.sentences[sentence].id)
                if code == language:
                    asked.append((key, text))
    for key, text in asked:
        yield RankingExample(f"{key}_{language}", text, tuple(right[key]))


def documents(
    folder: Path, languages: Sequence[str], max_rows: int | None
) -> Iterator[PoolDocument]:
    """Yield every sentence of the paragraphs that are asked about, in all languages."""
    for language in languages:
        for paragraph in _paragraphs(folder, language, max_rows):
            yield from paragraph.sentences


def _paragraphs(folder: Path, language: str, max_rows: int | None) -> Iterator[_Paragraph]:
    place = Place("lareqa", language, Split.TEST.value)
    (path,) = split_files(folder, Split.TEST, language, place)
    left = max_rows
    try:
        articles = json.loads(read_text(path))["data"]
        told = [each for article in articles for each in article["paragraphs"]]
        for number, paragraph in enumerate(told, start=1):
            if left == 0:
                return
            found = _paragraph(paragraph, f"{language}_{number}", language, left)
            left = None if left is None else left - len(found.questions)
            yield found
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise place.error(
            f"{path} is not in XQuAD-R's form (data, paragraphs, context, sentence_breaks, qas, "
            f"id, question, answers, answer_start): {type(error).__name__} {shown(str(error))}.",
            "Fetch it again (docs/data.md).",
        ) from error


def _paragraph(told: Any, name: str, language: str, most: int | None) -> _Paragraph:  # noqa: ANN401 - as the file has it
    context = told["context"]
    if not isinstance(context, str):
        raise TypeError(f"a context is {context!r}")
    breaks = [(int(start), int(end)) for start, end in told["sentence_breaks"]]
    sentences = tuple(
        PoolDocument(f"{name}_{at}", context[start:end], context, language)
        for at, (start, end) in enumerate(breaks)
    )
    questions = []
    for asked in told["qas"][:most]:
        start = asked["answers"][0]["answer_start"]
        at = next((at for at, (begin, end) in enumerate(breaks) if begin <= start < end), None)
        if at is None:
            raise ValueError(f"the answer to {asked['id']} starts in no sentence")
        questions.append((str(asked["id"]), str(asked["question"]), at))
    return _Paragraph(sentences, tuple(questions))


_BREAK = re.compile(
    r"(?<![A-Z]\.)(?<!\b(?:Mr|Dr|St|Jr|Sr|vs|No)\.)(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[]*[A-Z0-9])"
)
"""Behind a stop, before a capital or a digit, but not behind an initial or such a title."""


def answer_sentences(read: Reader) -> Reader:
    """Return a reader of questions, each with the English sentence that its answer starts in."""

    def pairs(rows: Rows, language: str) -> Iterator[Example]:
        for example in read(rows, language):
            assert isinstance(example, SpanExample)
            document = sentence_at(example.context, example.answers[0].start)
            yield RankingExample(example.id, example.question, (document.id,), (document,))

    return pairs


def sentence_at(context: str, start: int) -> PoolDocument:
    """Return the sentence around a character of an English paragraph, which is its context."""
    borders = [0, *(found.end() for found in _BREAK.finditer(context)), len(context)]
    at = max(number for number, border in enumerate(borders[:-1]) if border <= start)
    paragraph = sha256(context.encode()).hexdigest()[:16]
    sentence = context[borders[at] : borders[at + 1]].strip()
    return PoolDocument(f"{paragraph}_{at}", sentence, context)
