"""Tests for stiltwalk.stages.precision: what "auto" comes to, and what it writes down."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stiltwalk.stages import precision
from walking import Walked

AUTO = ("precision=auto", "arms={none=[]}", "controls=false")
TARGETS = "targets=['xnli', 'xquad', 'tatoeba']"


def choices(walked: Walked) -> dict[str, dict[str, Any]]:
    """Return task → what was written down beside its answers."""
    return {
        stage["stage"]["rows"]["task"]: json.loads(file.read_text(encoding="utf-8"))
        for key, stage in walked.stages().items()
        if stage["stage"].get("precision") == "auto"
        and (file := walked.workspace / "stages" / key / "precision.json").is_file()
    }


@pytest.mark.parametrize("changes_the_score", [False, True])
def test_auto_predicts_in_bf16_only_where_the_english_dev_score_stays(
    walked: Walked,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    believe: Callable[..., None],
    changes_the_score: bool,
) -> None:
    believe("cpu bf16")
    scores = iter(range(100) if changes_the_score else [0.5] * 100)
    monkeypatch.setattr(precision, "dev_score", lambda *_: next(scores))
    own = walked.copied(tmp_path)
    trained = own.named("target phase")
    own.again(*AUTO, TARGETS)
    assert own.named("target phase") == trained  # in fp32, as without "auto"
    found = choices(own)
    assert set(found) == {"xnli", "xquad", "tatoeba"}
    assert found["tatoeba"]["because"] == "retrieval has no English dev rows"
    for task in ("xnli", "xquad"):
        assert found[task]["precision"] == ("fp32" if changes_the_score else "bf16")
        assert 0 < found[task]["largest_difference"] < 1
        assert found[task]["num_examples"] >= 1


def test_auto_stays_with_fp32_where_the_device_has_no_bf16(
    walked: Walked, tmp_path: Path, believe: Callable[..., None]
) -> None:
    believe()
    own = walked.copied(tmp_path)
    before = own.results()
    own.again(*AUTO, "targets=['xnli']")
    (choice,) = choices(own).values()
    assert choice == {"precision": "fp32", "because": "the device has no bf16 arithmetic"}
    new = {name: text for name, text in own.results().items() if name not in before}
    answers = [text for name, text in new.items() if name.endswith("test-de.tsv")]
    assert answers
    assert all(text in before.values() for text in answers)


def test_an_evaluation_keeps_the_format_that_it_computed_in(
    walked: Walked, tmp_path: Path, believe: Callable[..., None]
) -> None:
    believe()
    own = walked.copied(tmp_path)
    own.again("precision=bf16", "arms={none=[]}", "controls=false", "targets=['xnli', 'tatoeba']")
    kept = {
        (stage["stage"]["precision"], file.read_text(encoding="utf-8"))
        for key, stage in own.stages().items()
        if (file := own.workspace / "stages" / key / "precision.json").is_file()
    }
    formats = {(asked, json.loads(text)["precision"]) for asked, text in kept}
    assert formats == {("fp32", "fp32"), ("bf16", "fp32")}
