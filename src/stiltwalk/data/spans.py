"""From rows to questions: answers are checked against their context, and mended where possible."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from stiltwalk.data.hub import Reader
from stiltwalk.data.readers import as_lists
from stiltwalk.data.rows import Rows
from stiltwalk.records import Answer, Example, SpanExample

MOVED = "answers whose start was moved to their nearest occurrence"


def questions(id_prefix_of: Callable[[str], str] | None = None) -> Reader:
    """Return a reader of SQuAD's columns.

    Args:
        id_prefix_of: where one split mixes languages, what the ids of a language start with.
    """

    def read(rows: Rows, language: str) -> Iterator[Example]:
        prefix = id_prefix_of(language) if id_prefix_of else ""
        columns = ("id", "question", "context")
        for row, (key, question, context, stored) in rows.take(columns, ("answers",)):
            if key.startswith(prefix):
                yield SpanExample(key, question, context, _answers(rows, row, context, stored))

    return read


def _answers(rows: Rows, row: int, context: str, stored: object) -> tuple[Answer, ...]:
    """Return the answers of one question, each where its text really is."""
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
        found = nearest_occurrence(context, text, start) if _usable(text, start) else None  # type: ignore[arg-type]
        if found is None:
            raise rows.error(
                f"the answer '{text}' (start {start}) occurs nowhere in its context.",
                "Mend or remove the row.",
                row,
            )
        has_moved = has_moved or found != start
        answers.append(Answer(str(text), found))
    rows.counts[MOVED] += has_moved
    return tuple(answers)


def _usable(text: object, start: object) -> bool:
    return isinstance(text, str) and bool(text) and isinstance(start, int)


def nearest_occurrence(context: str, text: str, start: int) -> int | None:
    """Return where `text` occurs nearest to `start`, None if nowhere; the earlier one on a tie.

    Args:
        context: what is searched.
        text: not empty.
        start: the character at which the file says that it starts; may be wrong.
    """
    if context.startswith(text, start) and start >= 0:
        return start
    here = max(start, 0)
    before = context.rfind(text, 0, here + len(text))
    after = context.find(text, here)
    if before < 0 or after < 0:
        found = max(before, after)
        return found if found >= 0 else None
    return before if start - before <= after - start else after
