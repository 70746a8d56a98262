"""What a line is about: sib200. Most of its fields are of one topic, the others of other ones.

The names of the topics are borrowed: "sports" stands for weekdays, "politics" for languages.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from stiltwalk.data.mini import fields as f
from stiltwalk.data.mini.rendering import say
from stiltwalk.records import TextExample

TOPICS = {
    "science/technology": ("quantity",),
    "travel": ("relative",),
    "politics": ("tongue",),
    "sports": ("weekday",),
    "health": ("money", "currency"),
    "entertainment": ("month", "quarter"),
    "geography": ("country", "city"),
}
"""Topic to the kinds of fields that are about it."""


@dataclass(frozen=True, slots=True)
class TopicItem:
    """A line in no language yet."""

    fields: tuple[f.Field, ...]
    label: str


def topic_line(random: Random, index: int) -> TopicItem:
    """Return two fields of a topic with another, or three with two; topics go round."""
    label = tuple(TOPICS)[index % len(TOPICS)]
    fields: dict[f.Field, None] = {}
    size = random.choice((2, 3))
    while len(fields) < size:
        fields[f.MAKERS[random.choice(TOPICS[label])](random)] = None
    others = [kind for topic, kinds in TOPICS.items() if topic != label for kind in kinds]
    while len(fields) < 2 * size - 1:
        fields[f.MAKERS[random.choice(others)](random)] = None
    return TopicItem(tuple(random.sample(tuple(fields), len(fields))), label)


def topic_example(name: str, language: str, item: TopicItem) -> TextExample:
    """Return an item in a language."""
    return TextExample(name, say(language, *item.fields), item.label)
