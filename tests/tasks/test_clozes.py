"""Tests for stiltwalk.tasks.clozes: templates and words as data, checked."""

from __future__ import annotations

from typing import Any

import pytest

from stiltwalk.errors import DataError
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.clozes import check_cloze, cloze_languages, cloze_of

ASKED = ("sib200", "xnli", "pawsx")
GOOD: dict[str, Any] = {
    "template": "{first}? {mask}, {second}",
    "words": {"entailment": ["yes"], "neutral": ["maybe"], "contradiction": ["no"]},
}


@pytest.mark.parametrize("miniature", [False, True])
@pytest.mark.parametrize("name", ASKED)
def test_every_cloze_that_is_shipped_fits_its_task(name: str, miniature: bool) -> None:
    task = TASKS[name]
    languages = cloze_languages(task, miniature=miniature)
    assert "en" in languages
    for language in languages:
        cloze = cloze_of(task, language, miniature=miniature)
        assert tuple(label for label, _ in cloze.label_words) == task.labels
        assert "".join(cloze.pieces).replace(" ", "") == cloze.template.replace(" ", "")


def test_a_task_without_classes_has_no_cloze() -> None:
    assert cloze_languages(TASKS["xquad"], miniature=False) == ()


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
    ],
)
def test_a_wrong_cloze_is_refused_with_its_place(change: dict[str, Any], found: str) -> None:
    check_cloze(TASKS["xnli"], "en", GOOD, "mine.toml")
    with pytest.raises(DataError, match=rf"mine.toml, \[xnli.en\].*{found}"):
        check_cloze(TASKS["xnli"], "en", {**GOOD, **change}, "mine.toml")
