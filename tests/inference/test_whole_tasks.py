"""How rows are put together for the model changes no score of a task, and no answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from stiltwalk.models import device
from walking import Walked


def test_another_batch_budget_gives_every_task_the_same_scores(
    walked: Walked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, expected = walked.copied(tmp_path), walked.results()
    predictions = own.named("Predict")
    assert {row["task"] for row in own.rows()} >= {"xnli", "udpos", "xquad", "tatoeba", "bucc2018"}
    for stage in predictions:
        (own.workspace / "stages" / stage / "complete.json").unlink()
    budgets: list[int] = []
    plain = device.batch_tokens
    monkeypatch.setattr(device, "CPU_BATCH_TOKENS", 40)
    monkeypatch.setattr(
        "stiltwalk.inference.engine.batch_tokens", lambda *given: seen(plain(*given))
    )

    def seen(budget: int) -> int:
        budgets.append(budget)
        return budget

    own.again()
    assert set(budgets) == {40}
    assert len(budgets) >= len(predictions)
    assert own.results() == expected
