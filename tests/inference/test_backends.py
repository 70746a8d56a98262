"""Tests for stiltwalk.inference.backends: a backend is one file and one name."""

from __future__ import annotations

from pathlib import Path

import pytest

from decoders import write_decoder
from stiltwalk.inference.backends import BACKENDS
from stiltwalk.tasks import TASKS
from walking import RECIPE, carry_out

FIRST_OPTION = """
from contextlib import contextmanager

import numpy as np

from stiltwalk.inference.engine import RowCosts

class FirstOption:
    @staticmethod
    def require():
        pass

    @classmethod
    @contextmanager
    def opened(cls, served):
        assert served.folder.is_dir() and served.most_tokens > 1
        yield cls()

    def chosen(self, features):
        scores = np.array([[-float(number), 1.0] for number in range(features.rows_per_unit)])
        return [scores] * features.num_units, RowCosts.nothing(features.num_units)
"""


def test_a_backend_is_one_file_and_one_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "first_option.py").write_text(FIRST_OPTION, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(BACKENDS, "vllm", "first_option:FirstOption")
    recipe = tmp_path / "recipe.toml"
    model = write_decoder("llama", tmp_path / "model")
    recipe.write_text(RECIPE.format(model=model), encoding="utf-8")
    changes = (
        "model.family='causal'",
        "model.backend='vllm'",
        "answering.xnli.fine_tuned=false",
        "targets=['xnli']",
        "languages=['en']",
        "arms={none=[]}",
        "controls=false",
    )
    carry_out(recipe, tmp_path / "workspace", changes)
    (answers,) = (tmp_path / "workspace").glob("stages/*/xnli/test-en.*")
    assert set(answers.read_text(encoding="utf-8").split()) == {TASKS["xnli"].labels[0]}
