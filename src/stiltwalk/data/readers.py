"""From rows to examples: pairs, choices, tagged sentences, questions, lines of a bitext.

Each function returns a reader for one form of columns. Labels are mapped by name, never by
position: GLUE, SNLI and XNLI number them differently.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from stiltwalk.data.hub import Reader
from stiltwalk.data.source import Rows
from stiltwalk.records import (
    Answer,
    Bitext,
    ChoiceExample,
    Example,
    PairExample,
    Sentence,
    SpanExample,
    TaggedExample,
    TextExample,
)

_SHAPE = "The data set has changed; pin a revision that has lists here."
_NO_NUMBERS: Mapping[int, str] = MappingProxyType({})
_PIN = "The data set has changed, or is another one; pin the revision that had these labels."


def pairs(
    columns: tuple[str, str, str],
    labels: tuple[str, ...],
    *,
    language_column: str | None = None,
    unlabelled: int | None = None,
    numbers: Mapping[int, str] = _NO_NUMBERS,
) -> Reader:
    """Return a reader of two texts with a label.

    Args:
        columns: the two texts, then the label.
        labels: the words that may occur.
        language_column: where one split mixes languages, the column that names them.
        unlabelled: the number that marks a row without agreement, as -1 in SNLI; such rows are
            left out and counted.
        numbers: the labels by number, where files of numbers need not say what they mean.
    """

    def read(rows: Rows, language: str) -> Iterator[Example]:
        where = (language_column, language) if language_column else None
        word = _words(rows, columns[2], labels, numbers)
        for row, (text_a, text_b, value) in rows.take(columns[:2], columns[2:], where):
            if unlabelled is not None and value == unlabelled:
                rows.counts["rows without a label left out"] += 1
                continue
            yield PairExample(f"{rows.id_prefix}{row}", text_a, text_b, word(row, value))

    return read


def topics(columns: tuple[str, str], labels: tuple[str, ...]) -> Reader:
    """Return a reader of one text with a label."""

    def read(rows: Rows, language: str) -> Iterator[Example]:  # noqa: ARG001 - one per configuration
        word = _words(rows, columns[1], labels)
        for row, (text, value) in rows.take(columns[:1], columns[1:]):
            yield TextExample(f"{rows.id_prefix}{row}", text, word(row, value))

    return read


def hellaswag(rows: Rows, language: str) -> Iterator[Example]:  # noqa: ARG001 - English only
    """Read HellaSwag: the second half of the context belongs to the choice; it can be empty."""
    columns = ("ctx_a", "ctx_b", "label")
    for row, (ctx_a, ctx_b, label, endings) in rows.take(columns, ("endings",)):
        _check_texts(rows, row, "endings", endings)
        choices = tuple(f"{ctx_b} {ending}".lstrip() for ending in endings)
        yield ChoiceExample(
            f"{rows.id_prefix}{row}",
            ctx_a,
            choices,
            _choice(rows, row, label, "0123456789"[: len(choices)]),
        )


def commonsense_qa(rows: Rows, language: str) -> Iterator[Example]:  # noqa: ARG001 - English only
    """Read CommonsenseQA: choices carry letters, and the key is a letter."""
    columns = ("question", "answerKey")
    for row, (question, key, choices) in rows.take(columns, ("choices",)):
        fields = as_lists(choices, ("label", "text"))
        if fields is None:
            raise rows.error(f"choices are {choices!r}, not letters with texts.", _SHAPE, row)
        if key not in fields["label"]:
            raise rows.error(f"answer '{key}' is none of {fields['label']}.", _PIN, row)
        yield ChoiceExample(
            f"{rows.id_prefix}{row}",
            question,
            tuple([str(text) for text in fields["text"]]),
            str(fields["label"].index(key)),
        )


def choices(
    prompt: tuple[str, ...],
    options: tuple[str, ...],
    label: str,
    *,
    marks: str = "0123456789",
    said: Mapping[str, str] | None = None,
) -> Reader:
    """Return a reader of a prompt and its choices.

    Args:
        prompt: the columns with what the choices go on from, in order.
        options: a column per choice, or the one that lists them.
        label: says which is right, by its mark.
        marks: of the first choice, the second, and so on.
        said: what is asked in place of each word that the last column of the prompt can hold.
    """

    def read(rows: Rows, language: str) -> Iterator[Example]:  # noqa: ARG001 - one per file
        for row, values in rows.take(prompt, (label, *options)):
            *texts, last = values[: len(prompt)]
            right, *found = values[len(prompt) :]
            listed = found[0] if len(options) == 1 else found
            _check_texts(rows, row, options[0], listed)
            if said is not None and last not in said:
                raise _unknown(rows, row, prompt[-1], last, tuple(said))
            yield ChoiceExample(
                f"{rows.id_prefix}{row}",
                " ".join([*texts, said[last] if said else last]),
                tuple(listed),
                _choice(rows, row, right, marks[: len(listed)]),
            )

    return read


def tagged(
    words_column: str, tags_column: str, tags: tuple[str, ...], *, is_spaced: bool = False
) -> Reader:
    """Return a reader of tokens with one tag each.

    Args:
        words_column: the tokens.
        tags_column: the tags, as words or as numbers with names.
        tags: the words that may occur.
        is_spaced: both stand in one text, with spaces between.
    """

    def read(rows: Rows, language: str) -> Iterator[Example]:  # noqa: ARG001 - one per configuration
        word = _words(rows, tags_column, tags)
        for row, (words, values) in rows.take((), (words_column, tags_column)):
            if is_spaced and isinstance(words, str) and isinstance(values, str):
                words, values = words.split(), values.split()  # noqa: PLW2901 - as lists
            _check_texts(rows, row, words_column, words)
            if not isinstance(values, list):
                raise rows.error(f"{tags_column} is {values!r}, not a list.", _SHAPE, row)
            if len(words) != len(values) or not words:
                raise rows.error(
                    f"{len(words)} words but {len(values)} tags.", "Mend or remove the row.", row
                )
            yield TaggedExample(
                f"{rows.id_prefix}{row}",
                tuple(words),
                tuple([word(row, value) for value in values]),
            )

    return read


_SIDES = (("source_sentence", "target_sentence"), ("sentence1", "sentence2"))
"""Columns of a bitext, the foreign side first: of XTREME on the hub, of MTEB."""


def aligned(rows: Rows) -> Bitext:
    """Read a bitext whose row i holds both sides of pair i (Tatoeba).

    Ids are row numbers, so that a gold pair's foreign id is the line XTREME's files ask for. The
    English side comes sorted, as in XTREME's own files: predictions stand in that order.
    Lines can end in a line break, which is no part of the sentence.
    """
    foreign, english, gold = [], [], []
    named = next((each for each in _SIDES if set(each) <= set(rows.columns)), _SIDES[0])
    for row, (source, target) in rows.take(named):
        foreign.append(Sentence(str(row), source.strip()))
        english.append(Sentence(str(row), target.strip()))
        gold.append((str(row), str(row)))
    english.sort(key=lambda sentence: sentence.text)
    return Bitext(tuple(foreign), tuple(english), tuple(gold))


def as_lists(value: object, names: tuple[str, ...]) -> dict[str, list[object]] | None:
    """Return a record of lists, stored so or as a list of records; None if it is neither."""
    if isinstance(value, Mapping):
        lists = {name: one for name in names if isinstance(one := value.get(name), list)}
        return lists if len(lists) == len(names) else None
    if not isinstance(value, list):
        return None
    if not all(isinstance(entry, Mapping) and entry.keys() >= set(names) for entry in value):
        return None
    return {name: [entry[name] for entry in value] for name in names}


def _check_texts(rows: Rows, row: int, column: str, value: object) -> None:
    """Refuse what is not a list of texts; a text alone would be taken for its letters."""
    if not isinstance(value, list):
        raise rows.error(f"{column} is {value!r}, not a list of texts.", _SHAPE, row)
    if None in value:
        raise rows.error(f"one of {column} is empty.", "Mend or remove the row.", row)
    if value and not isinstance(value[0], str):
        raise rows.error(f"{column} holds {value[0]!r}, not texts.", _SHAPE, row)


def _words(
    rows: Rows, column: str, labels: tuple[str, ...], numbers: Mapping[int, str] = _NO_NUMBERS
) -> Callable[[int, object], str]:
    names = rows.class_names.get(column, ())
    known: dict[object, str] = {label: label for label in labels}
    told = {number: name for number, name in enumerate(names) if name in labels} or numbers
    known.update(told.items())

    def word(row: int, value: object) -> str:
        label = known.get(value) if isinstance(value, str | int) else None
        if label is None:
            raise _unknown(rows, row, column, value, labels)
        return label

    return word


def _unknown(
    rows: Rows, row: int, column: str, value: object, labels: tuple[str, ...]
) -> Exception:
    names = rows.class_names.get(column, ())
    if isinstance(value, int) and not names:
        return rows.error(
            f"label {value} is a number, and the file does not say which words the numbers mean.",
            "Fetch the data set's Parquet files again: they carry the names.",
            row,
        )
    if isinstance(value, int) and 0 <= value < len(names):
        value = names[value]
    return rows.error(
        f"unknown label '{value}' in column '{column}', needed one of {', '.join(labels)}.",
        _PIN,
        row,
    )


def _choice(rows: Rows, row: int, value: object, marks: str) -> str:
    text = str(value).strip()
    if len(text) == 1 and text in marks:
        return str(marks.index(text))
    raise rows.error(
        f"label '{text}' is no index of its {len(marks)} choices, which are {' '.join(marks)}.",
        "The labels of this split may be hidden; choose another split or mend the row.",
        row,
    )


MOVED = "answers whose start was moved to their nearest occurrence"


def questions(
    id_prefix_of: Callable[[str], str] | None = None,
    columns: tuple[str, str, str, str] = ("id", "question", "context", "answers"),
) -> Reader:
    """Return a reader of SQuAD's columns.

    Args:
        id_prefix_of: where one split mixes languages, what the ids of a language start with.
        columns: their names.
    """

    def read(rows: Rows, language: str) -> Iterator[Example]:
        prefix = id_prefix_of(language) if id_prefix_of else ""
        for row, (key, question, context, stored) in rows.take(columns[:3], columns[3:]):
            if key.startswith(prefix):
                yield SpanExample(key, question, context, _answers(rows, row, context, stored))

    return read


def _answers(rows: Rows, row: int, context: str, stored: object) -> tuple[Answer, ...]:
    lists = as_lists(stored, ("text", "answer_start"))
    if lists is None:
        raise rows.error(
            f"answers are {stored!r}, not texts with their starts.",
            "The data set has changed; pin a revision with SQuAD's columns.",
            row,
        )
    texts, starts = lists["text"], lists["answer_start"]
    if len(texts) != len(starts):
        raise rows.error(
            f"{len(texts)} answers but {len(starts)} starts.", "Mend or remove the row.", row
        )
    answers, has_moved = [], False
    for text, start in zip(texts, starts, strict=True):
        if not isinstance(text, str) or isinstance(start, bool) or not isinstance(start, int):
            raise rows.error(
                f"the answer {reprlib.repr(text)} (start {reprlib.repr(start)}) is no text with a "
                "whole number.",
                "Mend or remove the row.",
                row,
            )
        found = nearest_occurrence(context, text, start) if text else None
        if found is None:
            raise rows.error(
                f"the answer '{text}' (start {start}) occurs nowhere in its context.",
                "Mend or remove the row.",
                row,
            )
        has_moved = has_moved or found != start
        answers.append(Answer(text, found))
    rows.counts[MOVED] += has_moved
    return tuple(answers)


def nearest_occurrence(context: str, text: str, start: int) -> int | None:
    """Return where `text` occurs nearest to `start`, None if nowhere; the earlier one on a tie."""
    if context.startswith(text, start) and start >= 0:
        return start
    here = max(start, 0)
    before = context.rfind(text, 0, here + len(text))
    after = context.find(text, here)
    if before < 0 or after < 0:
        found = max(before, after)
        return found if found >= 0 else None
    return before if start - before <= after - start else after
