"""What a line is about: sib200. Most of its names are of one topic.

The names of the topics are borrowed: "sports" stands for weekdays, "politics" for languages.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from stiltwalk.data.mini import fields as f
from stiltwalk.data.mini.rendering import say
from stiltwalk.records import TextExample

TOPICS = {
    "science/technology": f.Sort.QUARTER,
    "travel": f.Sort.CITY,
    "politics": f.Sort.TONGUE,
    "sports": f.Sort.WEEKDAY,
    "health": f.Sort.CURRENCY,
    "entertainment": f.Sort.MONTH,
    "geography": f.Sort.COUNTRY,
}
"""Topic to the sort of names that are about it."""


@dataclass(frozen=True, slots=True)
class TopicItem:
    """A line in no language yet."""

    names: tuple[f.Name, ...]
    label: str


def topic_line(random: Random, index: int) -> TopicItem:
    """Return two names of a topic with another, or three with two; topics go round."""
    label = tuple(TOPICS)[index % len(TOPICS)]
    size = random.choice((2, 3))
    names = dict.fromkeys(f.some_names(random, TOPICS[label], size))
    others = [sort for topic, sort in TOPICS.items() if topic != label]
    while len(names) < 2 * size - 1:
        names[f.a_name(random, random.choice(others))] = None
    return TopicItem(tuple(random.sample(tuple(names), len(names))), label)


def topic_example(name: str, language: str, item: TopicItem) -> TextExample:
    """Return an item in a language."""
    return TextExample(name, say(language, *item.names), item.label)
