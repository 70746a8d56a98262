"""How a record becomes the text of a prompt, and its answer a text: data, a table each."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from stiltwalk.records import (
    ChoiceExample,
    Example,
    PairExample,
    RankingExample,
    SpanExample,
    TaggedExample,
    TextExample,
)

_FILE = Path(__file__).with_name("templates.toml")


@dataclass(frozen=True, kw_only=True)
class Template:
    """The text of a task, or of several alike.

    Args:
        prompt: with the names of the record's fields in braces; the answer follows a space.
        words: by label, how an answer says it; a label that is not there says itself.
        no_answer: what is said where a question has no answer.
    """

    prompt: str
    words: Mapping[str, str] = field(default_factory=dict)
    no_answer: str = ""

    @property
    def digest(self) -> str:
        """Eight hex digits that change with the text."""
        return sha256(repr(sorted(asdict(self).items())).encode()).hexdigest()[:8]

    def asked(self, example: Example) -> str:
        """Return the prompt of a record."""
        fields: dict[str, Any] = asdict(example)
        if isinstance(example, TaggedExample):
            fields["words"] = " ".join(example.words)
        return self.prompt.format(**fields).lstrip("\n")

    def options(self, example: Example, labels: tuple[str, ...]) -> tuple[str, ...]:
        """Return every answer that can be given, in the order of the choices or labels."""
        if isinstance(example, ChoiceExample):
            return example.choices
        return tuple(self.words.get(label, label) for label in labels)

    def answer(self, example: Example) -> str:
        """Return the right answer of a record; of a question the first accepted one."""
        match example:
            case ChoiceExample():
                return example.choices[int(example.label)]
            case PairExample() | TextExample():
                return self.words.get(example.label, example.label)
            case TaggedExample():
                return " ".join(example.tags)
            case RankingExample():
                raise AssertionError("no decoder is asked to rank")
            case SpanExample():
                return example.answers[0].text if example.answers else self.no_answer


def template_of(named: str | Template) -> Template:
    """Return the text that a task's declaration holds or names; retrieval has none."""
    return named if isinstance(named, Template) else _templates()[named]


@cache
def _templates() -> Mapping[str, Template]:
    tables = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {name: Template(**table) for name, table in tables.items()}
