"""Tests for stiltwalk.data.mewslix."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ranking_files import PLACES, write_mewslix
from stiltwalk.data.mewslix import documents, examples, marked
from stiltwalk.data.source import HUB, DataSource, Place
from stiltwalk.errors import DataError
from stiltwalk.records import RankingExample, Split
from stiltwalk.tasks import TASKS, load
from stiltwalk.tasks.sources import LEARNED, available_languages, revision


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_mewslix(tmp_path, ("de", "en", "ja"))
    return tmp_path


def place(task: str = "mewslix", language: str = "de") -> Place:
    return Place(task, language, "test")


def test_a_mention_stands_in_front_of_its_sentence_and_between_braces(folder: Path) -> None:
    first, *_ = examples(folder, place(), Split.TEST)
    assert first == RankingExample("test-de-Q1", "Paris: test news of { Paris } , de.", ("Q1",), ())


def test_test_and_dev_mentions_are_two_tasks(folder: Path) -> None:
    asked = {
        task: [each.id for each in examples(folder, place(task), Split.TEST)]
        for task in ("mewslix", "mewslix_dev")
    }
    assert asked == {
        "mewslix": ["test-de-Q1", "test-de-Q2", "test-de-Q3"],
        "mewslix_dev": ["dev-de-Q1", "dev-de-Q2", "dev-de-Q3"],
    }


def test_pairs_to_learn_have_their_entities_description(folder: Path) -> None:
    first, *others = examples(folder, place(language="en"), Split.TRAIN)
    assert first.query == ("Town 0, train: It is in { Town 0, train } and (not) elsewhere.")
    (document,) = first.documents
    assert (document.id, document.context) == ("Qtrain0", "")
    assert document.text == "Town 0, train is a place. It is told of in en."
    assert len(others) == 23
    assert len(list(examples(folder, place(), Split.DEV))) == 8


def test_the_pool_has_all_entities_with_the_languages_of_their_descriptions(folder: Path) -> None:
    pool = {each.id: each.language for each in documents(folder, place(), None)}
    assert len(pool) == 8
    assert {key: pool[key] for key in PLACES} == {"Q1": "fr", "Q2": "de", "Q3": "en"}


def test_of_few_mentions_the_pool_has_their_entities_and_a_share_of_the_others(
    tmp_path: Path,
) -> None:
    write_mewslix(tmp_path, ("de", "en"), num_others=3000)
    pool = [each.id for each in documents(tmp_path, place(), 1)]
    assert 900 < len(pool) < 1100  # a third of the mentions
    assert "Q1" in pool
    sample = {each.id for each in documents(tmp_path, place("mewslix_sample"), None)}
    assert 15 < len(sample) < 60
    assert sample.issuperset(PLACES)


@pytest.mark.parametrize(
    ("left", "right", "query"),
    [
        ("In ", ".", "a: In { a } ."),
        ("{{x} In ", "{y} z.\n", "a: ({x) In { a } (y) z."),
        ("One\nTwo ", "", "a: One Two { a }"),
    ],
)
def test_braces_of_the_text_become_brackets_and_breaks_a_space(
    left: str, right: str, query: str
) -> None:
    assert marked(left, "a", right) == query


def test_the_tasks_read_it_and_their_revision_covers_what_they_read(folder: Path) -> None:
    task, source = TASKS["mewslix"], DataSource(source=HUB, mewslix=str(folder))
    assert available_languages(task, source) == task.languages
    assert len(load.examples(task, source, Split.TRAIN, "en")) == 24
    assert [len(part) for part in load.documents(task, source)] == [8]
    asked, learned = (revision(task, source, each) for each in (task.asked_splits, LEARNED))
    with (folder / "candidate_set_entities.jsonl").open("a", encoding="utf-8") as file:
        file.write("\n")
    assert revision(task, source, task.asked_splits) != asked
    assert revision(task, source, LEARNED) == learned


def test_without_the_folder_or_a_file_the_sentence_says_what_to_give(folder: Path) -> None:
    with pytest.raises(DataError, match=r"Mewsli-X must be given.*Set data\.mewslix"):
        available_languages(TASKS["mewslix"], DataSource(source=HUB))
    (folder / "candidate_set_entities.jsonl").unlink()
    with pytest.raises(DataError, match=r"lacks candidate_set_entities\.jsonl.*docs/data\.md"):
        list(documents(folder, place(), None))


def test_a_pool_without_documents_is_refused(folder: Path) -> None:
    (folder / "candidate_set_entities.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(DataError, match="mewslix: there are no documents"):
        list(load.documents(TASKS["mewslix"], DataSource(source=HUB, mewslix=str(folder))))


def without_text(told: dict[str, Any]) -> None:
    told["context"]["text"] = ""


def without_sentences(told: dict[str, Any]) -> None:
    told["context"]["sentence_spans"] = []


def without_mentions(told: dict[str, Any]) -> None:
    del told["mentions"]


@pytest.mark.parametrize("harm", [without_text, without_sentences, without_mentions])
def test_a_line_in_another_form_is_named(
    folder: Path, harm: Callable[[dict[str, Any]], None]
) -> None:
    file = folder / "wikinews_mentions-test.jsonl"
    first, *others = file.read_text(encoding="utf-8").splitlines()
    told = json.loads(first)
    harm(told)
    file.write_text("\n".join([*others, json.dumps(told)]), encoding="utf-8")
    with pytest.raises(DataError, match=r"mentions-test\.jsonl, line 3: not in Mewsli-X's form"):
        list(examples(folder, place(), Split.TEST))


@pytest.mark.parametrize("text", ["{", "7", "[]", "null"])
def test_a_line_that_is_something_else_is_named(folder: Path, text: str) -> None:
    (folder / "candidate_set_entities.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"entities\.jsonl, line 1: not in Mewsli-X's form"):
        list(documents(folder, place(), None))
