"""Tests for stiltwalk.tasks.clozes: templates and words as data, checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stiltwalk.errors import DataError
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.clozes import check_cloze, clozes_in

ASKED = ("sib200", "xnli", "pawsx")
GOOD: dict[str, Any] = {
    "template": "{first}? {mask}, {second}",
    "words": {"entailment": ["yes"], "neutral": ["maybe"], "contradiction": ["no"]},
}


@pytest.mark.parametrize("miniature", [False, True])
@pytest.mark.parametrize("name", ASKED)
def test_every_cloze_that_is_shipped_fits_its_task(name: str, miniature: bool) -> None:
    task = TASKS[name]
    clozes = clozes_in(None, miniature=miniature)
    assert "en" in clozes.languages(task)
    for language in clozes.languages(task):
        cloze = clozes.of(task, language)
        assert tuple(label for label, _ in cloze.label_words) == task.labels
        assert "".join(cloze.pieces).replace(" ", "") == cloze.template.replace(" ", "")


def test_a_task_without_classes_has_no_cloze() -> None:
    assert clozes_in(None, miniature=False).languages(TASKS["xquad"]) == ()


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"template": "{first}? {second}"}, r"holds \{first\} \{second\}; it needs .*\{mask\}"),
        ({"template": "{second}? {mask}, {first}"}, "each once"),
        ({"template": "{first} {mask} {second} {mask}"}, "each once"),
        ({"template": "{text} {mask}"}, r"needs \{first\} \{second\}"),
        ({"template": None}, "needs a text `template`"),
        ({"words": {"entailment": ["yes"]}}, "words are needed for entailment, .*'contradiction'"),
        ({"words": {**GOOD["words"], "neutral": []}}, "'neutral' needs a list of words"),
        ({"words": {**GOOD["words"], "neutral": "maybe"}}, "'neutral' needs a list of words"),
        ({"words": {**GOOD["words"], "neutral": [" "]}}, "'neutral' needs a list of words"),
        ({"word": {}}, "and nothing else"),
    ],
)
def test_a_wrong_cloze_is_refused_with_its_place(change: dict[str, Any], found: str) -> None:
    check_cloze(TASKS["xnli"], "en", GOOD, "mine.toml")
    with pytest.raises(DataError, match=rf"mine.toml, \[xnli.en\].*{found}"):
        check_cloze(TASKS["xnli"], "en", {**GOOD, **change}, "mine.toml")


OWN = """
[xnli.de]
template = "{first}? {mask}! {second}"
[xnli.de.words]
entailment = ["stimmt"]
neutral = ["vielleicht"]
contradiction = ["falsch"]
"""


def own_file(tmp_path: Path, text: str) -> str:
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_a_file_of_one_s_own_takes_the_place_of_those_that_are_shipped(tmp_path: Path) -> None:
    clozes = clozes_in(own_file(tmp_path, OWN), miniature=True)
    assert clozes.languages(TASKS["xnli"]) == ("de",)
    assert clozes.languages(TASKS["pawsx"]) == ()
    cloze = clozes.of(TASKS["xnli"], "de")
    assert cloze.pieces == ["{first}", "? ", "{mask}", "! ", "{second}"]
    assert cloze.label_words[2] == ("contradiction", ("falsch",))


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("xnli", "xnil", "'xnil' is no table of a task that can be asked .* one of xnli, pawsx"),
        ("xnli", "xquad", "'xquad' is no table of a task that can be asked"),
        ("[xnli.de]", 'sib200 = "Topic"\n[xnli.de]', "'sib200' is no table"),
        ("[xnli.de]", 'xnli.en = "Topic"\n[xnli.de]', r"\[xnli.en\] needs a text `template`"),
        ("{mask}", "_", r"needs \{first\} \{second\} and \{mask\}"),
        ('neutral = ["vielleicht"]', "", "words are needed for .*; see 'neutral'"),
        ("words]", "words", "cannot be read as clozes in TOML"),
    ],
)
def test_a_mistake_anywhere_in_one_s_own_file_is_found_at_once(
    tmp_path: Path, old: str, new: str, found: str
) -> None:
    assert old in OWN
    with pytest.raises(DataError, match=rf"mine\.toml.*{found}"):
        clozes_in(own_file(tmp_path, OWN.replace(old, new)), miniature=False)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.toml cannot be read"):
        clozes_in(str(tmp_path / "none.toml"), miniature=False)
