"""Tests for stiltwalk.data.xquad_r."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ranking_files import write_xquad_r
from stiltwalk.data.source import HUB, DataSource
from stiltwalk.data.xquad_r import documents, examples, sentence_at
from stiltwalk.errors import DataError
from stiltwalk.records import Split
from stiltwalk.tasks import TASKS, load
from stiltwalk.tasks.sources import available_languages, revision

LANGUAGES = ("de", "en")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_xquad_r(tmp_path, LANGUAGES)
    return tmp_path


def test_every_sentence_of_every_language_is_in_the_pool(folder: Path) -> None:
    pool = list(documents(folder, LANGUAGES, None))
    assert [each.id for each in pool] == [
        *("de_1_0", "de_1_1", "de_2_0", "de_2_1"),
        *("en_1_0", "en_1_1", "en_2_0", "en_2_1"),
    ]
    assert (pool[4].text, pool[4].context) == ("Paris 1, en.", "Paris 1, en. Tokyo 1, en.")
    assert (pool[0].language, pool[4].language) == ("de", "en")


def test_the_right_sentences_are_those_of_all_languages_where_the_answer_starts(
    folder: Path,
) -> None:
    asked = list(examples(folder, "de", LANGUAGES, None))
    assert [each.id for each in asked] == ["1-0_de", "1-1_de", "2-0_de", "2-1_de"]
    assert asked[1].query == "Where is Tokyo 1, de?"
    assert asked[1].right == ("de_1_1", "en_1_1")
    assert asked[1].documents == ()


def test_of_the_first_questions_the_pool_has_their_paragraphs_alone(folder: Path) -> None:
    assert [each.right for each in examples(folder, "en", LANGUAGES, 1)] == [("de_1_0", "en_1_0")]
    assert [each.id[:4] for each in documents(folder, LANGUAGES, 1)] == ["de_1"] * 2 + ["en_1"] * 2


def test_the_task_reads_it_and_its_revision_covers_all_languages(folder: Path) -> None:
    task, source = TASKS["lareqa"], DataSource(source=HUB, xquad_r=str(folder))
    assert available_languages(task, source) == LANGUAGES
    assert len(load.examples(task, source, Split.TEST, "en")) == 4
    assert sum(map(len, load.documents(task, source))) == 8
    before = revision(task, source, task.asked_splits)
    assert before.startswith("xquad_r:sha256:")
    write_xquad_r(folder, ("el",))
    assert revision(task, source, task.asked_splits) != before


def test_without_the_folder_the_sentence_says_what_to_give() -> None:
    with pytest.raises(DataError, match=r"lareqa: XQuAD-R must be given.*Set data\.xquad_r"):
        available_languages(TASKS["lareqa"], DataSource(source=HUB))


def test_a_language_without_file_is_left_out_and_named_when_asked(folder: Path) -> None:
    source = DataSource(source=HUB, xquad_r=str(folder))
    with pytest.raises(DataError, match=r"holds no el\.json.*docs/data\.md"):
        list(documents(Path(source.xquad_r or ""), ("el",), None))


def no_breaks(paragraph: dict[str, Any]) -> None:
    del paragraph["sentence_breaks"]


def no_sentence(paragraph: dict[str, Any]) -> None:
    paragraph["qas"][0]["answers"][0]["answer_start"] = 10_000


def no_text(paragraph: dict[str, Any]) -> None:
    paragraph["context"] = ["a", "b"]


def no_answer(paragraph: dict[str, Any]) -> None:
    paragraph["qas"][0]["answers"] = []


@pytest.mark.parametrize("harm", [no_breaks, no_sentence, no_text, no_answer])
def test_a_file_in_another_form_is_named(
    folder: Path, harm: Callable[[dict[str, Any]], None]
) -> None:
    file = folder / "xquad-r" / "en.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    harm(document["data"][0]["paragraphs"][0])
    file.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(DataError, match=r"en\.json is not in XQuAD-R's form"):
        list(documents(folder, LANGUAGES, None))


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"data": 7}', '{"data": [{}]}'])
def test_a_file_that_is_something_else_is_named(folder: Path, text: str) -> None:
    (folder / "xquad-r" / "en.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"en\.json is not in XQuAD-R's form"):
        list(documents(folder, LANGUAGES, None))


@pytest.mark.parametrize(
    ("start", "sentence"),
    [
        (0, "Dr. A. Smith left the U.S. Army in 1945."),
        (44, '"Why?" he asked.'),
        (60, "3.5 litres, e.g. of milk!"),
        (84, "Then nothing"),
    ],
)
def test_a_sentence_ends_at_a_stop_but_not_behind_a_title_or_an_initial(
    start: int, sentence: str
) -> None:
    context = (
        'Dr. A. Smith left the U.S. Army in 1945. "Why?" he asked. 3.5 litres, e.g. of milk! '
        "Then nothing"
    )
    found = sentence_at(context, start)
    assert (found.text, found.context) == (sentence, context)
