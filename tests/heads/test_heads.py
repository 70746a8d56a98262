"""Tests for stiltwalk.heads: a task type's head is one file and one name."""

from __future__ import annotations

from pathlib import Path

import pytest

from stiltwalk.heads import HEADS
from stiltwalk.records import TaskType
from stiltwalk.tasks import TASKS
from walking import RECIPE, carry_out

FIRST_LABEL = """
from stiltwalk.heads.classification import TextHead

class FirstLabel(TextHead):
    def decode(self, outputs, features, examples, labels):
        return [labels[0] for _ in examples]
"""


def test_a_head_is_one_file_and_one_name(
    tiny_xlmr: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "first_label.py").write_text(FIRST_LABEL, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(HEADS, TaskType.TEXT, "first_label:FirstLabel")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE.format(model=tiny_xlmr), encoding="utf-8")
    changes = ("targets=['sib200']", "languages=['en']", "arms={none=[]}", "controls=false")
    carry_out(recipe, tmp_path / "workspace", changes)
    (answers,) = (tmp_path / "workspace").glob("stages/*/sib200/test-en.*")
    labels = set(answers.read_text(encoding="utf-8").split())
    assert labels == {TASKS["sib200"].labels[0]}
