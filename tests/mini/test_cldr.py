"""Tests for stiltwalk.mini.cldr and rendering."""

import subprocess
import sys
from random import Random

import pytest

from stiltwalk.mini import LANGUAGES
from stiltwalk.mini import fields as f
from stiltwalk.mini.cldr import lexicon, tidy
from stiltwalk.mini.fields import passage, render, say, sentence, text

PRINT_SENTENCES = """
import sys
from random import Random
from stiltwalk.mini import fields as f
from stiltwalk.mini.fields import say
for language in sys.argv[1:]:
    random = Random(5)  # noqa: S311 - no secret
    for _ in range(40):
        print(say(language, *f.a_sentence(random)))
"""


def sentences_of_another_process(*languages: str) -> list[str]:
    done = subprocess.run(  # noqa: S603 - our own interpreter and text
        [sys.executable, "-X", "utf8", "-c", PRINT_SENTENCES, *languages],
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    return done.stdout.splitlines()


def sentences_of_this_process(language: str) -> list[str]:
    random = Random(5)  # noqa: S311 - no secret
    return [say(language, *f.a_sentence(random)) for _ in range(40)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_field_has_words_in_every_language(language: str) -> None:
    random = Random(1)  # noqa: S311 - no secret
    for make in f.MAKERS.values():
        for _ in range(20):
            told = text(render(language, make(random)))
            assert told == tidy(told).strip()
            assert not set("{}") & set(told)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_things_of_a_sort_share_a_name(language: str) -> None:
    for sort, keys in f.MEMBERS.items():
        if sort is not f.Sort.QUARTER:
            assert len({say(language, f.Name(sort, key)) for key in keys}) == len(keys)
    words = lexicon(language)
    assert len(set(words.unit_names.values())) == len(words.unit_names)


def test_the_order_in_which_languages_are_read_changes_no_word() -> None:
    backwards = sentences_of_another_process(*reversed(LANGUAGES))
    here = [line for code in reversed(LANGUAGES) for line in sentences_of_this_process(code)]
    assert backwards == here


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_reads_as_it_does_alone_in_a_process(language: str) -> None:
    assert sentences_of_another_process(language) == sentences_of_this_process(language)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "in 5 weeks, 3 meters, Paris or Tokyo"),
        ("de", "in 5 Wochen, 3 Meter, Paris oder Tokio"),
        ("zh", "5周后、3米、巴黎或东京"),
        ("ru", "через 5 недель, 3 метра, Париж или Токио"),
        ("yo", "+5 w, 3 m, Paris tàbí Tokyo"),
    ],
)
def test_plural_forms_patterns_and_separators_are_the_languages_own(
    language: str, expected: str
) -> None:
    cities = (f.Name(f.Sort.CITY, "FR"), f.Name(f.Sort.CITY, "JP"))
    parts = (
        f.Relative(5, "week", ahead=True),
        f.Quantity(3, "length-meter"),
        f.Listed(cities, either=True),
    )
    assert say(language, *parts) == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_passage_says_where_heads_facts_and_numbers_stand(language: str) -> None:
    head, fact = f.Name(f.Sort.CITY, "FR"), f.Quantity(37, "volume-liter")
    told = passage(language, [f.Record(head, (f.Name(f.Sort.TONGUE, "fr"), fact))] * 2)
    for row in (0, 1):
        start, end = told.spans[row, -1]
        assert told.text[start:end] == say(language, head)
        start, end = told.spans[row, 1]
        assert told.text[start:end] == text(sentence(language, [fact]))
        start, end = told.numbers[row, 1]
        assert told.text[start:end] == "37"
