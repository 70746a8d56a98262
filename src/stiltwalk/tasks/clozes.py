"""Tasks as clozes: a template around the text, and words for each class; TOML, read as data."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from stiltwalk.errors import DataError
from stiltwalk.files import read_text
from stiltwalk.records import TaskType
from stiltwalk.tasks import TASKS, target_names
from stiltwalk.tasks.task import Task

MASK, BETWEEN = "{mask}", "{between}"
FIELDS = {TaskType.TEXT: ("{text}",), TaskType.PAIR: ("{first}", "{second}")}
"""What a template must hold besides the mask, in this order for pairs, per kind of task."""

_FILES = {
    False: Path(__file__).with_name("clozes.toml"),
    True: Path(__file__).with_name("clozes_mini.toml"),
}
_SLOT = re.compile(r"(\{[^{}]*\})")


@dataclass(frozen=True, kw_only=True)
class Cloze:
    """One task in one language's words.

    Args:
        language: of template and words.
        template: the task's fields, `{mask}` once, and perhaps `{between}` for what the tokenizer
            puts between two texts.
        label_words: every class with the words that stand for it, in the task's order.
    """

    language: str
    template: str
    label_words: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def pieces(self) -> list[str]:
        """The template cut at its slots, which keep their braces."""
        return [piece for piece in _SLOT.split(self.template) if piece.strip()]


@dataclass(frozen=True, kw_only=True)
class Clozes:
    """What a file holds: by task and language, as TOML says it."""

    file: Path
    tables: Mapping[str, Mapping[str, Any]]

    def languages(self, task: Task) -> tuple[str, ...]:
        """Return the languages that a task has a cloze in; none where it cannot be asked so."""
        return tuple(self.tables.get(task.name, ()))

    def of(self, task: Task, language: str) -> Cloze:
        """Return a task's cloze in one of its `languages`, or raise `DataError`."""
        return check_cloze(task, language, self.tables[task.name][language], self.file.name)


def clozes_in(own: str | None, *, miniature: bool) -> Clozes:
    """Return the clozes of a user's file, all checked, or those that are shipped.

    Raises:
        DataError: if the file cannot be read, or says something that cannot be asked.
    """
    file = Path(own) if own else _FILES[miniature]
    found = Clozes(file=file, tables=_read(file) if own else _shipped(file))
    for name, by_language in found.tables.items() if own else ():
        task = TASKS.get(name)
        if task is None or task.task_type not in FIELDS or not isinstance(by_language, dict):
            known = ", ".join(t for t in target_names() if TASKS[t].task_type in FIELDS)
            raise DataError(
                f"{file}: {name!r} is no table of a task that can be asked in a cloze. Write "
                f"[TASK.LANGUAGE] with one of {known}."
            )
        for language in by_language:
            found.of(task, language)
    return found


def check_cloze(task: Task, language: str, given: Any, file: str) -> Cloze:  # noqa: ANN401 - TOML
    """Return a cloze made of what a file says, or raise `DataError`."""
    place = f"{file}, [{task.name}.{language}]"
    given = given if isinstance(given, dict) else {}
    template, words = given.get("template"), given.get("words")
    has_other = bool(set(given) - {"template", "words"})
    if not isinstance(template, str) or not isinstance(words, dict) or has_other:
        raise DataError(f"{place} needs a text `template`, a table `words`, and nothing else.")
    slots = [slot for slot in _SLOT.findall(template) if slot != BETWEEN]
    needed = FIELDS[task.task_type]
    if tuple(slot for slot in slots if slot != MASK) != needed or slots.count(MASK) != 1:
        raise DataError(
            f"{place}: the template holds {' '.join(slots) or 'no slot'}; it needs "
            f"{' '.join(needed)} and {MASK}, each once."
        )
    if set(words) != set(task.labels):
        odd = sorted(set(words) ^ set(task.labels))[0]
        raise DataError(f"{place}: words are needed for {', '.join(task.labels)}; see {odd!r}.")
    for label, each in words.items():
        if not (isinstance(each, list) and each and all(map(_is_word, each))):
            raise DataError(f"{place}: {label!r} needs a list of words, and has {each!r}.")
    return Cloze(
        language=language,
        template=template,
        label_words=tuple((label, tuple(words[label])) for label in task.labels),
    )


def _is_word(given: object) -> bool:
    return isinstance(given, str) and bool(given.strip())


@cache
def _shipped(file: Path) -> dict[str, Any]:
    return _read(file)


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_text(file))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{file} cannot be read as clozes in TOML: {error}.") from error
