"""Tasks as clozes: a template around the text, and words for each class; TOML, read as data."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from stiltwalk.errors import DataError
from stiltwalk.records import Kind
from stiltwalk.tasks.task import Task

MASK, BETWEEN = "{mask}", "{between}"
FIELDS = {Kind.TEXT: ("{text}",), Kind.PAIR: ("{first}", "{second}")}
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


def cloze_of(task: Task, language: str, *, miniature: bool) -> Cloze:
    """Return a task's cloze in a language.

    Args:
        task: one that has clozes, see `cloze_languages`.
        language: one that it has one in.
        miniature: the embedded benchmark has words of its own, for its small vocabulary.

    Raises:
        DataError: if the file that holds it is not as it should be.
    """
    given = _read(_FILES[miniature])[task.name][language]
    return check_cloze(task, language, given, _FILES[miniature].name)


def cloze_languages(task: Task, *, miniature: bool) -> tuple[str, ...]:
    """Return the languages that a task has a cloze in; none where it cannot be asked that way."""
    return tuple(_read(_FILES[miniature]).get(task.name, {}))


def check_cloze(task: Task, language: str, given: Any, file: str) -> Cloze:  # noqa: ANN401 - TOML
    """Return a cloze made of what a file says.

    Raises:
        DataError: if slots or classes are missing or unknown.
    """
    place = f"{file}, [{task.name}.{language}]"
    template, words = given.get("template"), given.get("words")
    if not isinstance(template, str) or not isinstance(words, dict):
        raise DataError(f"{place} needs a text `template` and a table `words`.")
    slots = [slot for slot in _SLOT.findall(template) if slot != BETWEEN]
    needed = FIELDS[task.kind]
    if tuple(slot for slot in slots if slot != MASK) != needed or slots.count(MASK) != 1:
        raise DataError(
            f"{place}: the template holds {' '.join(slots) or 'no slot'}; it needs "
            f"{' '.join(needed)} and {MASK}, each once."
        )
    if set(words) != set(task.labels):
        odd = sorted(set(words) ^ set(task.labels))[0]
        raise DataError(f"{place}: words are needed for {', '.join(task.labels)}; see {odd!r}.")
    for label, each in words.items():
        if not (isinstance(each, list) and each and all(isinstance(w, str) and w for w in each)):
            raise DataError(f"{place}: {label!r} needs a list of words, and has {each!r}.")
    return Cloze(
        language=language,
        template=template,
        label_words=tuple((label, tuple(words[label])) for label in task.labels),
    )


@cache
def _read(file: Path) -> dict[str, dict[str, Any]]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"{file} cannot be read as clozes: {error}.") from error
