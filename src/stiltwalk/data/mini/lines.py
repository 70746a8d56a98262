"""Parallel lines without training: tatoeba and bucc2018.

Lines come in families that share all fields but one, so that only a vector which keeps every
field finds the translation.
"""

from __future__ import annotations

from random import Random

from stiltwalk.data.mini import fields as f
from stiltwalk.data.mini.rendering import say
from stiltwalk.records import Bitext, Sentence

Line = tuple[f.Field, ...]

_KINDS = tuple("country city tongue currency weekday month quarter list list sequence".split())
_FAMILY = 5


def some_lines(random: Random, count: int) -> tuple[Line, ...]:
    """Return different lines, in families of five neighbours."""
    lines: dict[Line, None] = {}
    while len(lines) < count:
        line = tuple(f.MAKERS[kind](random) for kind in _kinds(random))
        lines[line] = None
        for _ in range(_FAMILY - 1):
            lines[_neighbour(random, line)] = None
    return tuple(lines)[:count]


def aligned(language: str, lines: tuple[Line, ...]) -> Bitext:
    """Return every line in both languages; the English side is in alphabetical order."""
    foreign = _side(language, "f", list(enumerate(lines)))
    english = sorted(_side("en", "e", list(enumerate(lines))), key=lambda sentence: sentence.text)
    gold = tuple((f"f-{row}", f"e-{row}") for row in range(len(lines)))
    return Bitext(foreign, tuple(english), gold)


def with_distractors(random: Random, language: str, lines: tuple[Line, ...]) -> Bitext:
    """Return a third of the lines in both languages, and a third on each side alone."""
    third = len(lines) // 3
    rows = list(enumerate(lines))
    random.shuffle(rows)
    both, only_foreign, only_english = rows[:third], rows[third : 2 * third], rows[2 * third :]
    foreign = _side(language, "f", sorted(both + only_foreign))
    english = _side("en", "e", sorted(both + only_english))
    gold = tuple((f"f-{row}", f"e-{row}") for row, _ in sorted(both))
    return Bitext(foreign, english, gold)


def _kinds(random: Random) -> list[str]:
    return random.sample(_KINDS, random.choice((2, 3)))


def _neighbour(random: Random, line: Line) -> Line:
    """Return the line with one field replaced by another of its kind."""
    place = random.randrange(len(line))
    return (*line[:place], _replaced(random, line[place]), *line[place + 1 :])


def _replaced(random: Random, field: f.Field) -> f.Field:
    match field:
        case f.Name():
            return f.another(random, field)
        case f.Listed(items, either):
            return f.Listed((f.another(random, items[0]), *items[1:]), either)
        case _:
            return f.a_sequence(random)


def _side(prefix_language: str, prefix: str, rows: list[tuple[int, Line]]) -> tuple[Sentence, ...]:
    return tuple(Sentence(f"{prefix}-{row}", say(prefix_language, *line)) for row, line in rows)
