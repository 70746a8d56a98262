"""Answers in files, in XTREME's layout: `TASK/test-LANG.tsv`, `.json` or `.jsonl`.

Predictions and labels share the layout; only for questions do their forms differ: a prediction
is `{id: text}`, the labels are SQuAD's JSON.
"""

from __future__ import annotations

import json
import reprlib
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from io import StringIO
from pathlib import Path
from typing import Any, assert_never, cast

from stiltwalk.errors import DataError
from stiltwalk.files import read
from stiltwalk.records import (
    Answers,
    GoldTexts,
    IdPairs,
    Labels,
    Metric,
    Rankings,
    Split,
    TagLists,
    TaskType,
    Texts,
)


class Form(Enum):
    """How answers stand in a file; the value is the file's ending."""

    LABELS = ("tsv", "one label a line")
    CHOICES = ("jsonl", "an object with `label` a line")
    TAGS = ("tsv", "one tag a line, a blank line between sentences")
    TEXTS = ("json", "answers by question id")
    PAIRS = ("tsv", "two ids a line, with a TAB between them")
    RANKINGS = ("json", "document ids by query id, best first")

    @property
    def ending(self) -> str:
        """The file's ending, without the dot."""
        return self.value[0]


def form_of(kind: TaskType, metric: str) -> Form:
    """Return the form in which XTREME keeps the answers of a task."""
    if metric == Metric.PAIR_F1:
        return Form.PAIRS
    own = {
        TaskType.CHOICE: Form.CHOICES,
        TaskType.TAGGING: Form.TAGS,
        TaskType.SPAN: Form.TEXTS,
        TaskType.RANKING: Form.RANKINGS,
    }
    return own.get(kind, Form.LABELS)


def answers_path(
    folder: Path, task: str, language: str, form: Form, split: Split = Split.TEST
) -> Path:
    """Return where a task's answers in one language stand under a folder."""
    return folder / task / f"{split}-{language}.{form.ending}"


def write_answers(path: Path, form: Form, answers: Answers) -> None:
    """Write predictions, so that reading them gives the same answers back, or raise `DataError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    match form:
        case Form.LABELS:
            text = "".join(f"{_word(path, w)}\n" for w in cast("Labels", answers))
        case Form.CHOICES:
            text = "".join(f'{{"label": {int(w)}}}\n' for w in cast("Labels", answers))
        case Form.TAGS:
            text = "\n".join(_tag_lines(path, tags) for tags in cast("TagLists", answers))
        case Form.TEXTS | Form.RANKINGS:
            text = json.dumps(answers, ensure_ascii=False, indent=1) + "\n"
        case Form.PAIRS:
            pairs = cast("IdPairs", answers)
            text = "".join(f"{_word(path, f)}\t{_word(path, e)}\n" for f, e in pairs)
        case _:
            assert_never(form)
    path.write_text(text, encoding="utf-8", newline="\n")


def write_gold(path: Path, form: Form, gold: Answers | GoldTexts) -> None:
    """Write labels; they differ from predictions for questions only, or raise `DataError`."""
    if form is not Form.TEXTS:
        write_answers(path, form, gold)
        return
    questions = [
        {"id": question, "answers": [{"text": text} for text in texts]}
        for question, texts in cast("GoldTexts", gold).items()
    ]
    document = {"version": "1.1", "data": [{"paragraphs": [{"qas": questions}]}]}
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
    path.write_text(text, encoding="utf-8", newline="\n")


def _tag_lines(path: Path, tags: Sequence[str]) -> str:
    """Return one sentence's lines; a sentence without words would vanish in reading."""
    if not tags:
        raise DataError(f"{path}: a sentence has no tags, but every sentence needs one.")
    return "".join(f"{_word(path, tag)}\n" for tag in tags)


def _word(path: Path, word: str) -> str:
    """Return a label, tag or id, refusing what another reader would not find again."""
    if word != word.strip() or not word or any(c in word for c in "\t\n\r"):
        raise DataError(f"{path}: {word!r} cannot stand in a line of this file; mend the label.")
    return word


def read_answers(path: Path, form: Form) -> Answers:
    """Read predictions, whoever made them, or raise `DataError`."""
    return _READ[form](path, _text(path))


def read_gold(path: Path, form: Form) -> Answers | GoldTexts:
    """Read labels in the same layout; for questions SQuAD's JSON, an object or its `data` list.

    Raises:
        DataError: if the file is missing, is not UTF-8, or not in the form; names the line.
    """
    return _gold_texts(path, _text(path)) if form is Form.TEXTS else read_answers(path, form)


def _text(path: Path) -> StringIO:
    try:
        content = read(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    try:
        # some editors put a mark in front, which would spoil the first label
        return StringIO(content.decode("utf-8-sig"), newline=None)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path} is not UTF-8, first at line {line}. Save it as UTF-8.") from error


def _read_labels(path: Path, file: StringIO) -> Labels:  # noqa: ARG001 - one signature for all
    return [line.strip() for line in file]


def _read_choices(path: Path, file: StringIO) -> Labels:
    labels = []
    for number, line in enumerate(file, start=1):
        try:
            label = json.loads(line)["label"]
        except (ValueError, KeyError, TypeError, RecursionError):
            label = None
        if isinstance(label, bool) or not isinstance(label, str | int):
            raise DataError(
                f"{path}, line {number}: expected an object with `label`, got "
                f"{reprlib.repr(line.strip())}."
            )
        labels.append(str(label))
    return labels


def _read_tags(path: Path, file: StringIO) -> TagLists:
    sentences: list[list[str]] = [[]]
    for number, line in enumerate(file, start=1):
        tag = line.strip()
        if "\t" in tag:
            raise DataError(
                f"{path}, line {number}: expected a tag alone, got {tag!r}. Leave the words out."
            )
        if tag:
            sentences[-1].append(tag)
        elif sentences[-1]:
            sentences.append([])
    return sentences if sentences[-1] else sentences[:-1]


def _read_pairs(path: Path, file: StringIO) -> IdPairs:
    pairs = []
    for number, line in enumerate(file, start=1):
        cells = [cell.strip() for cell in line.strip().split("\t")]
        if cells == [""]:
            continue
        if len(cells) != 2:  # noqa: PLR2004 - a pair
            raise DataError(
                f"{path}, line {number}: expected two ids with a TAB between them, got "
                f"{line.strip()!r}."
            )
        pairs.append((cells[0], cells[1]))
    return pairs


def _json(path: Path, file: StringIO) -> Any:  # noqa: ANN401 - what it is, is checked by the caller
    try:
        return json.load(file)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}, line {error.lineno}: not JSON ({error.msg}).") from error
    except RecursionError as error:
        raise DataError(f"{path}: brackets are nested too deeply.") from error
    except ValueError as error:  # a number of more digits than Python takes
        raise DataError(f"{path}: {error}.") from error


def _by_id(path: Path, file: StringIO, what: str) -> dict[str, Any]:
    document = _json(path, file)
    if not isinstance(document, dict):
        raise DataError(f"{path}: expected an object of {what}, got a {type(document).__name__}.")
    return document


def _read_rankings(path: Path, file: StringIO) -> Rankings:
    document = _by_id(path, file, "query ids and lists of document ids")
    for query, ids in document.items():
        if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
            raise DataError(f"{path}: the answer to {query} is {_shown(ids)}, not a list of ids.")
    return document


def _read_texts(path: Path, file: StringIO) -> Texts:
    document = _by_id(path, file, "question ids and answer texts")
    wrong = next((q for q, text in document.items() if not isinstance(text, str)), None)
    if wrong is not None:
        hint = " These look like labels: give predictions first." if wrong == "data" else ""
        raise DataError(
            f"{path}: the answer to {wrong} is {_shown(document[wrong])}, not a text.{hint}"
        )
    return document


_READ: Mapping[Form, Callable[[Path, StringIO], Answers]] = {
    Form.LABELS: _read_labels,
    Form.CHOICES: _read_choices,
    Form.TAGS: _read_tags,
    Form.PAIRS: _read_pairs,
    Form.TEXTS: _read_texts,
    Form.RANKINGS: _read_rankings,
}


def _gold_texts(path: Path, file: StringIO) -> GoldTexts:
    document = _json(path, file)
    articles = document["data"] if isinstance(document, dict) and "data" in document else document
    gold: dict[str, list[str]] = {}
    try:
        for article in articles:
            for paragraph in article["paragraphs"]:
                for question in paragraph["qas"]:
                    key, answers = question["id"], question["answers"]
                    gold[_text_of(path, "an id", key)] = [
                        _text_of(path, f"an answer to {key}", answer["text"]) for answer in answers
                    ]
    except (KeyError, TypeError) as error:
        raise DataError(
            f"{path}: not in SQuAD's form (data, paragraphs, qas, id, answers, text): {error}."
        ) from error
    return gold


def _text_of(path: Path, what: str, found: object) -> str:
    if not isinstance(found, str):
        raise DataError(f"{path}: {what} is {_shown(found)}, not a text. Mend the file.")
    return found


def _shown(found: object) -> str:
    try:
        return reprlib.repr(found)
    except (ValueError, RecursionError):
        return f"a {type(found).__name__}"
